#include "model/metrics_private.h"

void
metrics_worker_replied(struct metrics *m, struct str nodename, struct now now)
{
    workers_replied(m->workers, nodename, now);
    m->generation++;
}

void
metrics_worker_stats(struct metrics *m, struct str nodename,
                     const struct pidbox_stats *stats, struct now now)
{
    workers_stats(m->workers, nodename, stats, now);
    m->generation++;
}

void
metrics_worker_queue(struct metrics *m, struct str nodename, struct str queue,
                     struct now now)
{
    workers_replied(m->workers, nodename, now);
    workers_set_queue(m->workers, nodename, queue);
    task_rules_release_worker(m->rules, nodename);
    m->generation++;
}

void
metrics_worker_holds(struct metrics *m, struct str nodename,
                     enum worker_holding what, size_t n, struct now now)
{
    workers_replied(m->workers, nodename, now);
    workers_set_holding(m->workers, nodename, what, n, now);
    task_rules_told(m->rules, workers_latest(m->workers, nodename), what, n);
    m->generation++;
}

void
metrics_learn_task(struct metrics *m, struct str nodename,
                   const struct pidbox_request *request, struct now now)
{
    task_rules_learn(m->rules, workers_latest(m->workers, nodename), request,
                     now);
    m->generation++;
}

void
metrics_register_task(struct metrics *m, struct str name, struct now now)
{
    task_rules_register(m->rules, name, now);
    m->generation++;
}

void
metrics_queue_empty(struct metrics *m, struct str queue, double before_s)
{
    task_rules_queue_empty(m->rules, queue, before_s);
    m->generation++;
}

void
metrics_each_suspect(const struct metrics *m,
                     void (*fn)(void *ctx, struct str nodename), void *ctx)
{
    workers_each_suspect(m->workers, fn, ctx);
}

void
metrics_each_mute(const struct metrics *m,
                  void (*fn)(void *ctx, struct str nodename), void *ctx)
{
    workers_each_mute(m->workers, fn, ctx);
}
