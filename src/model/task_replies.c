/* What workers reply of their tasks, and the broker of queues. A reply comes on
 * a connection of its own: it may be older than the events, and it may come
 * before them. */

#include <math.h>

#include "model/task_rules_private.h"
#include "model/values.h"

/* A start that was replied and is older than this has no event to come. */
static const double START_IN_FLIGHT_S = 5;

static void
learn_labels(struct task_rules *r, const struct pidbox_request *request,
             struct task *task)
{
    if (task->name == TASK_NO_VALUE && request->name.len > 0) {
        task->name = names_id(r->names, request->name) & TASK_NO_VALUE;
        task->flags |= TASK_NAMED;
    }
    if (task->queue == TASK_NO_VALUE && task->name != TASK_EXCLUDED &&
        request->queue.len > 0)
        task->queue =
            registry_value(r->registry, LABEL_QUEUE_NAME, request->queue) &
            TASK_NO_VALUE;
}

static void
learn_start(struct task_rules *r, uint32_t worker, double started_s,
            struct task *task)
{
    backlog_remove(r->backlog, task);
    workers_task_started(r->workers, worker);
    task->worker = worker;
    task->at = started_s;
    task->learnt = 1;
    task->flags |= TASK_RUNNING | TASK_RAN;
}

/* A task that events told of. The reply may be older than they are: it only
 * tells of a first start whose event was lost, and of one that is held. */
static void
learn_state(struct task_rules *r, uint32_t worker,
            const struct pidbox_request *request, struct task *task,
            struct now now)
{
    if (task->flags & (TASK_FINISHED | TASK_RUNNING))
        return;
    if (isnan(request->started_s)) {
        if (worker != WORKERS_NONE)
            task->worker = worker;
        backlog_hold(r->backlog, task);
    } else if (!(task->flags & TASK_RAN) &&
               request->started_s < now.wall_s - START_IN_FLIGHT_S) {
        learn_start(r, worker, request->started_s, task);
    }
}

void
task_rules_learn(struct task_rules *r, uint32_t worker,
                 const struct pidbox_request *request, struct now now)
{
    const struct hash128 key =
        hash_bytes(registry_hash_key(r->registry), request->id);
    struct task *task = tasks_find(r->tasks, key);
    if (isnan(request->started_s))
        backlog_named(r->backlog, worker);
    if (task != NULL) {
        learn_labels(r, request, task);
        learn_state(r, worker, request, task, now);
        grace_release_learnt(r->grace, task, now);
        return;
    }
    task = tasks_add_hearsay(r->tasks, key);
    if (task == NULL)
        return;
    learn_labels(r, request, task);
    task->eta = request->eta_s;
    if (isnan(request->started_s))
        task->worker = worker;
    else
        learn_start(r, worker, request->started_s, task);
}

void
task_rules_told(struct task_rules *r, uint32_t worker, enum worker_holding what,
                size_t n)
{
    backlog_told(r->backlog, worker, what, n);
}

void
task_rules_register(struct task_rules *r, struct str name, struct now now)
{
    const struct values *values = registry_values(r->registry, LABEL_NAME);
    /* The others of the page have theirs since their first event. */
    if (values_n(values) >= values_max(values))
        return;
    const uint32_t id = names_id(r->names, name);
    if (id == TASK_EXCLUDED || id == TASK_NO_VALUE || id == VALUES_OTHER)
        return;
    struct group *group = registry_group(r->registry, GROUP_NAME);
    group_touch(group,
                group_series(group, (const uint32_t[SERIES_MAX_LABELS]){id},
                             now.wall_s),
                NAME_FAILURES_COL);
}

void
task_rules_release_worker(struct task_rules *r, struct str nodename)
{
    const uint32_t worker = workers_latest(r->workers, nodename);
    if (worker != WORKERS_NONE)
        grace_release_worker(r->grace, worker);
}

void
task_rules_queue_empty(struct task_rules *r, struct str queue, double before_s)
{
    backlog_queue_empty(r->backlog,
                        registry_value(r->registry, LABEL_QUEUE_NAME, queue),
                        before_s);
}
