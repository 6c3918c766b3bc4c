#pragma once

/* The queues that are known, how long they are, and how many workers and
 * processes consume them, as a poll of the workers told. */

#include "base/now.h"
#include "model/registry.h"

struct queues;

struct queues *queues_new(struct registry *registry);
void queues_free(struct queues *queues);
/* Makes a queue known; it stays so. One past the cap of queue names is left
 * out: what several queues say does not add up under __other__. */
void queues_add(struct queues *queues, struct str name, struct now now);
size_t queues_n(const struct queues *queues);
struct str queues_name(const struct queues *queues, size_t i);
void queues_set_length(struct queues *queues, struct str name, int64_t length,
                       struct now now);
/* How many consumers the broker itself sees. */
void queues_set_consumers(struct queues *queues, struct str name,
                          int64_t consumers, struct now now);

/* One poll of the workers: begin, what each of them says, end. */
void queues_poll_begin(struct queues *queues);
void queues_set_processes(struct queues *queues, struct str node,
                          int64_t processes);
/* A worker consumes a queue, however often it says so; a NULL queue begins
 * its list. */
void queues_set_consumed(struct queues *queues, struct str node,
                         struct str queue, struct now now);
/* Sums up. A worker that did not answer still counts as it last said, as long
 * as it is alive: a busy solo pool cannot answer. */
void queues_poll_end(struct queues *queues,
                     bool (*alive)(void *ctx, struct str node), void *ctx,
                     struct now now);
