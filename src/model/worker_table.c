#include "model/worker_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"

static const uint32_t NONE = UINT32_MAX;

static struct hash128
hash_of(const void *owner, uint32_t place)
{
    return ((const struct worker_table *)owner)->items[place].hash;
}

void
worker_table_init(struct worker_table *table, size_t max)
{
    assert(max <= WORKERS_MAX);
    *table = (struct worker_table){.max = (uint32_t)max, .first_free = NONE};
    index_init(&table->index, hash_of, table);
}

void
worker_table_close(struct worker_table *table)
{
    for (uint32_t i = 0; i < table->nitems; i++)
        if (table->items[i].used)
            losses_close(&table->items[i].figures.losses);
    index_close(&table->index);
    free(table->items);
}

/* Events come in batches of one process. */
static bool
is_last(const struct worker_table *table, struct hash128 process)
{
    if (UNLIKELY(table->last >= table->nitems))
        return false;
    const struct worker *last = &table->items[table->last];
    return last->used && hash128_eq(last->hash, process);
}

struct worker *
worker_table_find(struct worker_table *table, struct hash128 process)
{
    if (LIKELY(is_last(table, process)))
        return &table->items[table->last];
    const uint32_t place = index_find(&table->index, process);
    if (place == INDEX_NONE)
        return NULL;
    table->last = place;
    return &table->items[place];
}

static uint32_t
take_place(struct worker_table *table)
{
    if (table->first_free != NONE) {
        const uint32_t place = table->first_free;
        table->first_free = table->items[place].next_free;
        return place;
    }
    if (table->nitems >= table->max)
        return NONE;
    if (table->nitems == table->cap) {
        table->cap = table->cap == 0 ? 16 : 2 * table->cap;
        table->items =
            xrealloc(table->items, table->cap, sizeof(struct worker));
    }
    table->items[table->nitems].reuse = 0;
    return table->nitems++;
}

struct worker *
worker_table_add(struct worker_table *table, struct hash128 process,
                 const struct losses_config *losses)
{
    const uint32_t place = take_place(table);
    if (place == NONE)
        return NULL;
    struct worker *worker = &table->items[place];
    *worker = (struct worker){
        .hash = process,
        .reuse = worker->reuse,
        .used = true,
    };
    losses_init(&worker->figures.losses, losses);
    index_add(&table->index, worker->hash, place);
    return worker;
}

void
worker_table_remove(struct worker_table *table, struct worker *worker)
{
    index_remove(&table->index, worker->hash);
    losses_close(&worker->figures.losses);
    worker->used = false;
    /* Never so often that a number could be WORKERS_NONE. */
    worker->reuse =
        (worker->reuse + 1) & (UINT32_MAX >> (WORKER_PLACE_BITS + 1));
    worker->next_free = table->first_free;
    table->first_free = (uint32_t)(worker - table->items);
}

bool
worker_table_is_crowded(const struct worker_table *table)
{
    return table->index.n >= table->max - table->max / 10;
}
