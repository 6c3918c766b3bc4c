#include "base/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { FIRST_SLOTS = 64 };

static uint32_t *
empty_slots(size_t nslots)
{
    uint32_t *slots = xmalloc(nslots * sizeof(*slots));
    memset(slots, 0xff, nslots * sizeof(*slots));
    return slots;
}

void
index_init(struct index *index, index_hash_fn hash_of, const void *owner)
{
    *index = (struct index){
        .slots = empty_slots(FIRST_SLOTS),
        .nslots = FIRST_SLOTS,
        .hash_of = hash_of,
        .owner = owner,
    };
}

void
index_close(struct index *index)
{
    free(index->slots);
    *index = (struct index){0};
}

/* The slot that holds the hash, or the free one where it belongs. */
static size_t
find_slot(const struct index *index, struct hash128 hash)
{
    const size_t mask = index->nslots - 1;
    for (size_t i = hash.low & mask;; i = (i + 1) & mask) {
        const uint32_t number = index->slots[i];
        if (number == INDEX_NONE)
            return i;
        const struct hash128 have = index->hash_of(index->owner, number);
        if (have.low == hash.low && have.high == hash.high)
            return i;
    }
}

uint32_t
index_find(const struct index *index, struct hash128 hash)
{
    return index->slots[find_slot(index, hash)];
}

static void
grow(struct index *index)
{
    uint32_t *old = index->slots;
    const size_t nold = index->nslots;
    index->nslots *= 2;
    index->slots = empty_slots(index->nslots);
    for (size_t i = 0; i < nold; i++) {
        if (old[i] == INDEX_NONE)
            continue;
        const struct hash128 hash = index->hash_of(index->owner, old[i]);
        index->slots[find_slot(index, hash)] = old[i];
    }
    free(old);
}

void
index_add(struct index *index, struct hash128 hash, uint32_t number)
{
    if (4 * (index->n + 1) > 3 * index->nslots)
        grow(index);
    const size_t slot = find_slot(index, hash);
    assert(index->slots[slot] == INDEX_NONE);
    index->slots[slot] = number;
    index->n++;
}

void
index_remove(struct index *index, struct hash128 hash)
{
    const size_t mask = index->nslots - 1;
    size_t gap = find_slot(index, hash);
    assert(index->slots[gap] != INDEX_NONE);
    /* Later entries of the same run move up into the gap, so that no marker
     * for deleted ones is needed. */
    for (size_t i = (gap + 1) & mask; index->slots[i] != INDEX_NONE;
         i = (i + 1) & mask) {
        const struct hash128 h = index->hash_of(index->owner, index->slots[i]);
        if (((i - h.low) & mask) >= ((i - gap) & mask)) {
            index->slots[gap] = index->slots[i];
            gap = i;
        }
    }
    index->slots[gap] = INDEX_NONE;
    index->n--;
}
