#pragma once

/* What the events of workers (workers.c) and their replies (worker_replies.c)
 * share. */

#include "model/nodes.h"
#include "model/worker_table.h"
#include "model/workers.h"

struct workers {
    struct hash_key key;
    struct workers_config config;
    struct registry *registry;
    struct losses_config losses;
    struct worker_table table;
    struct nodes *nodes;
    struct hosts *hosts;
    size_t nup;
    int64_t first_answer_ms; /* see workers_first_answer_ms */
    bool answered;           /* one of them did, ever */
};

static inline struct node *
node_of(const struct workers *workers, const struct worker *worker)
{
    return nodes_at(workers->nodes, worker->node);
}

/* What proves life, but not that a worker goes on after its goodbye. */
void workers_hear_of_life(struct workers *workers, struct worker *worker,
                          struct now now);
/* Looks again at what the worker has done and we have not seen. */
void workers_judge(struct workers *workers, struct worker *worker,
                   struct now now);
