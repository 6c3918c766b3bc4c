#pragma once

/* The least that counting events takes: a table of the tasks that are under
 * way, a table of counters, and a page of them. */

#include "base/buf.h"
#include "floor_scan.h"

struct floor_count;

struct floor_count *floor_count_new(void);
void floor_count_free(struct floor_count *count);
/* A floor_event_fn; ctx is the struct floor_count. */
void floor_count_event(void *ctx, const struct floor_event *ev);
size_t floor_count_nevents(const struct floor_count *count);
void floor_count_page(const struct floor_count *count, struct buf *out);
