#pragma once

/* Bytes that were drained from a socket and not yet consumed: a bounded list
 * of chunks, which are read into directly, used again while a burst lasts, and
 * given back to the system after it. */

#include <stdint.h>

#include "base/str.h"

enum { INBOX_CHUNK = 256 * 1024 };

struct inbox_chunk;

struct inbox {
    struct inbox_chunk *first;
    struct inbox_chunk *last;
    struct inbox_chunk *spares;
    size_t nspares;
    size_t len; /* bytes held */
    size_t max;
};

void inbox_init(struct inbox *inbox, size_t max);
void inbox_close(struct inbox *inbox);
/* Where the next bytes may go; NULL when out of memory. May give more room
 * than `max` leaves, by less than a chunk. */
char *inbox_space(struct inbox *inbox, size_t *len);
/* n bytes were written there. */
void inbox_filled(struct inbox *inbox, size_t n);
bool inbox_full(const struct inbox *inbox);
/* The oldest bytes that lie together, empty when there are none; they stay
 * until they are consumed. */
struct str inbox_peek(const struct inbox *inbox);
void inbox_consume(struct inbox *inbox, size_t n);
/* After a burst: gives back the chunks that are not in use, but for one. */
void inbox_relax(struct inbox *inbox);
