#include "base/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { FIRST_SLOTS = 64 };
static const uint32_t EMPTY = UINT32_MAX;

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

/* A slot holds a number, which is below nslots, and above it as many bits of
 * the hash as there is room for: an item is only looked at when it is most
 * probably the right one, since that is a cache line from far away. */
static inline uint32_t
slot_of(const struct index *index, struct hash128 hash, uint32_t number)
{
    return (uint32_t)(hash.high & ~(index->nslots - 1)) | number;
}

static inline uint32_t
number_in(const struct index *index, uint32_t slot)
{
    return slot & (uint32_t)(index->nslots - 1);
}

/* The slot that holds the hash, or the free one where it belongs. */
static size_t
find_slot(const struct index *index, struct hash128 hash)
{
    const size_t mask = index->nslots - 1;
    for (size_t i = hash.low & mask;; i = (i + 1) & mask) {
        const uint32_t slot = index->slots[i];
        if (slot == EMPTY)
            return i;
        const uint32_t number = number_in(index, slot);
        if (slot != slot_of(index, hash, number))
            continue;
        const struct hash128 have = index->hash_of(index->owner, number);
        if (have.low == hash.low && have.high == hash.high)
            return i;
    }
}

uint32_t
index_find(const struct index *index, struct hash128 hash)
{
    const uint32_t slot = index->slots[find_slot(index, hash)];
    return slot == EMPTY ? INDEX_NONE : number_in(index, slot);
}

static void
grow(struct index *index)
{
    const struct index old = *index;
    index->nslots *= 2;
    index->slots = empty_slots(index->nslots);
    for (size_t i = 0; i < old.nslots; i++) {
        if (old.slots[i] == EMPTY)
            continue;
        const uint32_t number = number_in(&old, old.slots[i]);
        const struct hash128 hash = index->hash_of(index->owner, number);
        index->slots[find_slot(index, hash)] = slot_of(index, hash, number);
    }
    free(old.slots);
}

void
index_add(struct index *index, struct hash128 hash, uint32_t number)
{
    /* The last number there is room for could look like an empty slot. */
    while (4 * (index->n + 1) > 3 * index->nslots ||
           number >= index->nslots - 1)
        grow(index);
    const size_t slot = find_slot(index, hash);
    assert(index->slots[slot] == EMPTY);
    index->slots[slot] = slot_of(index, hash, number);
    index->n++;
}

void
index_remove(struct index *index, struct hash128 hash)
{
    const size_t mask = index->nslots - 1;
    size_t gap = find_slot(index, hash);
    assert(index->slots[gap] != EMPTY);
    /* Later entries of the same run move up into the gap, so that no marker
     * for deleted ones is needed. */
    for (size_t i = (gap + 1) & mask; index->slots[i] != EMPTY;
         i = (i + 1) & mask) {
        const struct hash128 h =
            index->hash_of(index->owner, number_in(index, index->slots[i]));
        if (((i - h.low) & mask) >= ((i - gap) & mask)) {
            index->slots[gap] = index->slots[i];
            gap = i;
        }
    }
    index->slots[gap] = EMPTY;
    index->n--;
}
