#pragma once

/* A set of small numbers, those of label values: a byte each up to the
 * largest one seen. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idset {
    bool *has;
    size_t len;
    size_t n; /* how many are in it */
};

void idset_close(struct idset *set);
/* Does nothing when it is there. */
void idset_add(struct idset *set, uint32_t id);
static inline bool
idset_has(const struct idset *set, uint32_t id)
{
    return id < set->len && set->has[id];
}
void idset_remove(struct idset *set, uint32_t id);
/* Empties it, and keeps the memory. */
void idset_clear(struct idset *set);
