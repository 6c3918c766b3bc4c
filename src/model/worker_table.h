#pragma once

/* The worker processes that are known, by nodename and pid, and numbers that
 * lead to them as long as they are. */

#include "base/index.h"
#include "model/arrival.h"
#include "model/worker_figures.h"
#include "model/worker_stats.h"

#define WORKERS_NONE UINT32_MAX
/* A number is a place and, above, how often it was given out before. */
enum { WORKER_PLACE_BITS = 14, WORKERS_MAX = (1 << WORKER_PLACE_BITS) - 1 };

struct worker {
    struct hash128 hash; /* of nodename and pid */
    struct worker_figures figures;
    struct worker_stats stats;
    uint32_t node;
    uint32_t reuse;     /* how often the place was given out before */
    uint32_t next_free; /* while it is free */
    uint32_t nrunning;  /* tasks started and unfinished */
    int64_t first_ms;
    int64_t seen_ms;
    int64_t active;
    bool used;
    bool up;
    bool goodbye; /* said worker-offline, and nothing of its own since */
};

struct worker_table {
    uint32_t max;
    struct worker *items; /* those not in use among them */
    uint32_t nitems;
    uint32_t cap;
    uint32_t first_free;
    uint32_t last; /* the place that was found last */
    struct index index;
};

/* max: at most WORKERS_MAX. */
void worker_table_init(struct worker_table *table, size_t max);
void worker_table_close(struct worker_table *table);
/* By its process_hash; NULL when it is not known. */
struct worker *worker_table_find(struct worker_table *table,
                                 struct hash128 process);
/* Makes it known, which it is not yet; NULL when the table is full. Other
 * pointers to workers are good no more. */
struct worker *worker_table_add(struct worker_table *table,
                                struct hash128 process,
                                const struct losses_config *losses);
/* Gives its place to another; its numbers lead nowhere from now on. */
void worker_table_remove(struct worker_table *table, struct worker *worker);
static inline uint32_t
worker_table_number(const struct worker_table *table,
                    const struct worker *worker)
{
    return (uint32_t)(worker - table->items) | worker->reuse
                                                   << WORKER_PLACE_BITS;
}
/* NULL when it was removed, and for WORKERS_NONE. */
static inline struct worker *
worker_table_at(const struct worker_table *table, uint32_t number)
{
    if (number == WORKERS_NONE)
        return NULL;
    struct worker *worker = &table->items[number & WORKERS_MAX];
    return worker->used && worker->reuse == number >> WORKER_PLACE_BITS ? worker
                                                                        : NULL;
}
/* More than nine tenths are used. */
bool worker_table_is_crowded(const struct worker_table *table);
