#pragma once

/* The oldest of what waits in each queue, to the second: how many wait since
 * each second of each queue, and the smallest second. Memory goes by the
 * number of distinct (queue, second), not by what waits. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define OLDEST_NONE UINT32_MAX

struct oldest;

struct oldest *oldest_new(struct hash_key key);
void oldest_free(struct oldest *oldest);
/* queue: a small number, that of a label value; second: below OLDEST_NONE. */
void oldest_add(struct oldest *oldest, uint32_t queue, uint32_t second);
/* One that was added must be there. */
void oldest_remove(struct oldest *oldest, uint32_t queue, uint32_t second);
/* Works out what oldest_of gives: one pass over the seconds of all queues
 * together, if in any of them the oldest one has emptied, else nothing. */
void oldest_settle(struct oldest *oldest);
/* OLDEST_NONE when nothing waits. Until oldest_settle is called again it may
 * be too small, but never too large. */
uint32_t oldest_of(const struct oldest *oldest, uint32_t queue);
/* How many distinct (queue, second) are counted. */
size_t oldest_n(const struct oldest *oldest);
