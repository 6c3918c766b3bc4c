#include "model/holders.h"

#include <stdlib.h>

#include "base/xalloc.h"

enum { NHOLDINGS = WORKER_SCHEDULED + 1 };

struct holder {
    struct hash128 hash;
    bool told[NHOLDINGS];
    uint64_t n; /* of all that were told */
    uint64_t nnamed;
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct holders *)owner)->items[number].hash;
}

void
holders_init(struct holders *holders, struct hash_key key)
{
    *holders = (struct holders){.key = key};
    index_init(&holders->index, hash_of, holders);
}

void
holders_close(struct holders *holders)
{
    free(holders->items);
    index_close(&holders->index);
    *holders = (struct holders){0};
}

static struct hash128
hash_worker(const struct holders *holders, uint32_t worker)
{
    return (struct hash128){.low = hash_mix(holders->key, worker, 0),
                            .high = worker};
}

static struct holder *
find(const struct holders *holders, uint32_t worker)
{
    const uint32_t found =
        index_find(&holders->index, hash_worker(holders, worker));
    return found == INDEX_NONE ? NULL : &holders->items[found];
}

static struct holder *
find_or_add(struct holders *holders, uint32_t worker)
{
    struct holder *holder = find(holders, worker);
    if (holder != NULL)
        return holder;
    if (holders->n == holders->cap) {
        holders->cap = holders->cap == 0 ? 16 : 2 * holders->cap;
        holders->items =
            xrealloc(holders->items, holders->cap, sizeof(*holders->items));
    }
    holder = &holders->items[holders->n];
    *holder = (struct holder){.hash = hash_worker(holders, worker)};
    index_add(&holders->index, holder->hash, (uint32_t)holders->n++);
    return holder;
}

void
holders_told(struct holders *holders, uint32_t worker, enum worker_holding what,
             size_t n)
{
    struct holder *holder = find_or_add(holders, worker);
    holder->told[what] = true;
    holder->n += n;
}

void
holders_named(struct holders *holders, uint32_t worker)
{
    find_or_add(holders, worker)->nnamed++;
}

bool
holders_told_both(const struct holders *holders, uint32_t worker)
{
    const struct holder *holder = find(holders, worker);
    return holder != NULL && holder->told[WORKER_RESERVED] &&
           holder->told[WORKER_SCHEDULED];
}

bool
holders_named_all(const struct holders *holders, uint32_t worker)
{
    const struct holder *holder = find(holders, worker);
    return holders_told_both(holders, worker) && holder->nnamed >= holder->n;
}

void
holders_clear(struct holders *holders)
{
    if (holders->n == 0)
        return;
    index_close(&holders->index);
    index_init(&holders->index, hash_of, holders);
    holders->n = 0;
}
