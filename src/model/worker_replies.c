#include "model/workers_private.h"

void
workers_replied(struct workers *workers, struct str nodename, struct now now)
{
    workers->answered = true;
    workers->first_answer_ms = INT64_MAX;
    const struct node *node = nodes_find(workers->nodes, nodename);
    struct worker *worker =
        node == NULL ? NULL : worker_table_at(&workers->table, node->latest);
    if (worker != NULL && !worker->goodbye)
        workers_hear_of_life(workers, worker, now);
}

/* The process that a reply of `stats` is of; where it does not say its pid,
 * the one that was heard last. */
static struct worker *
replier(struct workers *workers, struct str nodename, int64_t pid)
{
    if (pid > 0)
        return worker_table_find(&workers->table,
                                 process_hash(workers->key, nodename, pid));
    return worker_table_at(&workers->table, workers_latest(workers, nodename));
}

void
workers_stats(struct workers *workers, struct str nodename,
              const struct pidbox_stats *stats, struct now now)
{
    struct worker *worker = replier(workers, nodename, stats->pid);
    if (worker == NULL || worker->goodbye)
        return;
    workers_hear_of_life(workers, worker, now);
    struct node *node = node_of(workers, worker);
    worker_stats_set(&worker->stats, node, workers->registry, stats, now);
    worker_figures_pool(node, workers->registry, stats->pool, now.wall_s);
    losses_stats(&worker->figures.losses, &workers->losses, stats, now.mono_ms);
    workers_judge(workers, worker, now);
}

void
workers_set_queue(struct workers *workers, struct str nodename,
                  struct str queue)
{
    struct node *node = nodes_find(workers->nodes, nodename);
    if (node == NULL)
        return;
    node->told_queue = true;
    node->has_queue = queue.ptr != NULL;
    if (node->has_queue)
        node->queue =
            registry_value(workers->registry, LABEL_QUEUE_NAME, queue);
}

enum worker_queue
workers_queue(const struct workers *workers, uint32_t number, struct now now,
              uint32_t *queue)
{
    const struct worker *worker = worker_table_at(&workers->table, number);
    if (worker == NULL)
        return WORKER_QUEUE_UNKNOWN;
    const struct node *node = node_of(workers, worker);
    if (node->has_queue) {
        *queue = node->queue;
        return WORKER_QUEUE_KNOWN;
    }
    const bool may_answer =
        workers->answered || now.mono_ms < workers->first_answer_ms;
    return !node->told_queue && may_answer &&
                   now.mono_ms - worker->first_ms <
                       workers->config.queue_grace_ms
               ? WORKER_QUEUE_PENDING
               : WORKER_QUEUE_UNKNOWN;
}

void
workers_set_holding(struct workers *workers, struct str nodename,
                    enum worker_holding what, size_t n, struct now now)
{
    const struct node *node = nodes_find(workers->nodes, nodename);
    if (node == NULL || node->nup == 0)
        return;
    group_set(registry_group(workers->registry, GROUP_WORKER),
              node_series(node, workers->registry, now.wall_s),
              what == WORKER_RESERVED ? WORKER_RESERVED_COL
                                      : WORKER_SCHEDULED_COL,
              (double)n);
}

int64_t
workers_first_answer_ms(const struct workers *workers)
{
    return workers->first_answer_ms;
}

uint32_t
workers_latest(const struct workers *workers, struct str nodename)
{
    const struct node *node = nodes_find(workers->nodes, nodename);
    return node == NULL ? WORKERS_NONE : node->latest;
}

static void
each_live(const struct workers *workers,
          bool (*is_wanted)(const struct losses *losses),
          void (*fn)(void *ctx, struct str nodename), void *ctx)
{
    for (uint32_t i = 0; i < workers->table.nitems; i++) {
        const struct worker *worker = &workers->table.items[i];
        if (!worker->used || !worker->up || !is_wanted(&worker->figures.losses))
            continue;
        const struct node *node = node_of(workers, worker);
        if (node->name != NULL)
            fn(ctx, str_from(node->name));
    }
}

void
workers_each_suspect(const struct workers *workers,
                     void (*fn)(void *ctx, struct str nodename), void *ctx)
{
    each_live(workers, losses_is_suspect, fn, ctx);
}

void
workers_each_mute(const struct workers *workers,
                  void (*fn)(void *ctx, struct str nodename), void *ctx)
{
    each_live(workers, losses_is_mute, fn, ctx);
}
