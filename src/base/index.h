#pragma once

/* From a keyed hash to the number of an item that its owner keeps: open
 * addressing, four bytes a slot, at most three quarters full. The index holds
 * numbers only and asks the owner for the hash of an item. */

#include <stdint.h>

#include "base/hash.h"

#define INDEX_NONE UINT32_MAX

/* The hash of an item that was added and not yet removed. */
typedef struct hash128 (*index_hash_fn)(const void *owner, uint32_t number);

struct index {
    uint32_t *slots;
    size_t nslots; /* a power of two */
    size_t n;
    index_hash_fn hash_of;
    const void *owner;
};

void index_init(struct index *index, index_hash_fn hash_of, const void *owner);
void index_close(struct index *index);
/* The item's number, or INDEX_NONE. */
uint32_t index_find(const struct index *index, struct hash128 hash);
/* The hash must not be there yet. Numbers are given out from 0 on and used
 * again: there are slots for as many as the highest. */
void index_add(struct index *index, struct hash128 hash, uint32_t number);
/* The hash must be there, and the item still answer for its hash. */
void index_remove(struct index *index, struct hash128 hash);
