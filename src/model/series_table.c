#include "model/series_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/xalloc.h"
#include "model/series.h"

enum { FIRST_SLOTS = 16 };

struct series_slot {
    uint64_t hash;
    struct series *series; /* NULL: free */
};

static uint64_t
hash_ids(const struct series_table *table, const uint32_t *ids)
{
    uint64_t words[SERIES_MAX_LABELS / 2];
    memcpy(words, ids, sizeof(words));
    const uint64_t hash = hash_mix(table->key, words[0], words[1]);
    return words[2] == 0 ? hash : hash_mix(table->key, hash, words[2]);
}

/* The slot that holds these ids, or the free one where they belong. */
static struct series_slot *
find_slot(const struct series_table *table, uint64_t hash, const uint32_t *ids)
{
    const size_t mask = table->nslots - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct series_slot *slot = &table->slots[i];
        if (slot->series == NULL ||
            (slot->hash == hash &&
             memcmp(slot->series->ids, ids, sizeof(slot->series->ids)) == 0))
            return slot;
    }
}

void
series_table_init(struct series_table *table, struct hash_key key)
{
    *table = (struct series_table){
        .key = key,
        .slots = xcalloc(FIRST_SLOTS, sizeof(struct series_slot)),
        .nslots = FIRST_SLOTS,
    };
}

void
series_table_close(struct series_table *table)
{
    free(table->slots);
    *table = (struct series_table){0};
}

struct series *
series_table_find(const struct series_table *table, const uint32_t *ids)
{
    return find_slot(table, hash_ids(table, ids), ids)->series;
}

static void
grow(struct series_table *table)
{
    struct series_slot *old = table->slots;
    const size_t nold = table->nslots;
    table->nslots *= 2;
    table->slots = xcalloc(table->nslots, sizeof(struct series_slot));
    for (size_t i = 0; i < nold; i++)
        if (old[i].series != NULL)
            *find_slot(table, old[i].hash, old[i].series->ids) = old[i];
    free(old);
}

void
series_table_add(struct series_table *table, struct series *series)
{
    if (4 * (table->n + 1) > 3 * table->nslots)
        grow(table);
    const uint64_t hash = hash_ids(table, series->ids);
    *find_slot(table, hash, series->ids) =
        (struct series_slot){.hash = hash, .series = series};
    table->n++;
}
