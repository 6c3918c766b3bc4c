#include "model/grace.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "model/waiting.h"

/* Thirty years: somebody's clock stands at 1970. */
static const double MAX_WAIT = 1e9;

struct grace {
    struct counters *counters;
    struct waiting *waiting;
    const struct workers *workers;
    int64_t grace_ms;
    struct now now;    /* of the last event */
    struct idset sent; /* names whose queue is worth waiting for */
};

uint32_t
grace_name(const struct tally *tally, const struct task *task)
{
    return tally->name != TASK_NO_VALUE ? tally->name : task->name;
}

double
grace_wait(double later, double earlier, double eta)
{
    const double from = eta > earlier ? eta : earlier;
    const double seconds = later - from;
    if (isnan(seconds) || seconds > MAX_WAIT)
        return NAN;
    return seconds < 0 ? 0 : seconds;
}

/* A start that waited may know by now when its task was sent. */
static double
late_wait(const struct tally *tally, struct task *task)
{
    if (!(task->flags & TASK_OVERTAKEN) && !(task->sent <= tally->timestamp))
        return NAN;
    if (task->at == tally->timestamp) /* it is still the last start */
        task->flags |= TASK_WAITED;
    return grace_wait(tally->timestamp, task->sent, task->eta);
}

/* The queue that the event counts in; false while it may still become known.
 * What is inferred is the worker's, not the task's: the next run may be
 * elsewhere. */
static bool
find_queue(const struct grace *grace, const struct tally *tally,
           const struct task *task, uint32_t *queue)
{
    *queue = task->queue;
    if (LIKELY(*queue != TASK_NO_VALUE))
        return true;
    if (!(task->flags & TASK_SENT) &&
        idset_has(&grace->sent, grace_name(tally, task)))
        return false;
    uint32_t inferred;
    switch (
        workers_queue(grace->workers, tally->worker, grace->now, &inferred)) {
    case WORKER_QUEUE_KNOWN:
        *queue = inferred;
        return true;
    case WORKER_QUEUE_PENDING:
        return false;
    case WORKER_QUEUE_UNKNOWN:
        return true;
    }
    return true;
}

static void
count_in(struct grace *grace, const struct tally *tally, struct task *task,
         uint32_t queue)
{
    const uint32_t name = grace_name(tally, task);
    if (UNLIKELY(name == TASK_EXCLUDED))
        return;
    if (LIKELY(tally->type != EVENT_TASK_STARTED || !isnan(tally->wait))) {
        counters_add(grace->counters, tally, name, queue);
        return;
    }
    struct tally start = *tally;
    start.wait = late_wait(tally, task);
    counters_add(grace->counters, &start, name, queue);
}

/* What is known by now of the queue that an event of this worker counts in. */
static uint32_t
queue_by_now(const struct grace *grace, const struct task *task,
             uint32_t worker)
{
    uint32_t queue = task->queue;
    if (queue == TASK_NO_VALUE &&
        workers_queue(grace->workers, worker, grace->now, &queue) !=
            WORKER_QUEUE_KNOWN)
        queue = TASK_NO_VALUE;
    return queue;
}

/* A tally that has waited long enough. */
static void
on_release(void *ctx, const struct tally *tally, struct task *task)
{
    struct grace *grace = ctx;
    count_in(grace, tally, task, queue_by_now(grace, task, tally->worker));
}

static bool
is_ready(void *ctx, const struct tally *tally, const struct task *task)
{
    uint32_t queue;
    const uint32_t name = grace_name(tally, task);
    return name == TASK_EXCLUDED ||
           (name != TASK_NO_VALUE && find_queue(ctx, tally, task, &queue));
}

struct grace *
grace_new(struct registry *registry, struct tasks *tasks,
          const struct workers *workers, struct str default_queue,
          int64_t grace_ms)
{
    struct grace *grace = xmalloc(sizeof(*grace));
    *grace = (struct grace){
        .counters = counters_new(registry, default_queue),
        .workers = workers,
        .grace_ms = grace_ms,
    };
    grace->waiting = waiting_new(tasks, GRACE_MAX, is_ready, on_release, grace);
    return grace;
}

void
grace_free(struct grace *grace)
{
    if (grace == NULL)
        return;
    waiting_free(grace->waiting);
    counters_free(grace->counters);
    idset_close(&grace->sent);
    free(grace);
}

void
grace_expect_queue(struct grace *grace, uint32_t name)
{
    idset_add(&grace->sent, name);
}

void
grace_count(struct grace *grace, struct task *task, const struct tally *tally,
            struct now now)
{
    const uint32_t name = grace_name(tally, task);
    uint32_t queue = task->queue;
    grace->now = now;
    const bool known = find_queue(grace, tally, task, &queue);
    if (LIKELY((known && name != TASK_NO_VALUE) || name == TASK_EXCLUDED ||
               grace->grace_ms == 0)) {
        waiting_release(grace->waiting, task);
        count_in(grace, tally, task, queue);
    } else {
        /* It counts under the name of now, even if the task is replaced by
         * another one before its queue is told. */
        struct tally named = *tally;
        named.name = name;
        waiting_add(grace->waiting, task, &named,
                    now.mono_ms + grace->grace_ms);
    }
}

void
grace_count_wait(struct grace *grace, const struct task *task,
                 const struct tally *tally)
{
    if (task->name == TASK_EXCLUDED)
        return;
    counters_add_wait(grace->counters, tally, task->name,
                      queue_by_now(grace, task, task->worker));
}

void
grace_release(struct grace *grace, struct task *task)
{
    waiting_release(grace->waiting, task);
}

void
grace_release_learnt(struct grace *grace, struct task *task, struct now now)
{
    grace->now = now;
    waiting_release_ready(grace->waiting, task);
}

void
grace_release_all_ready(struct grace *grace, struct now now)
{
    grace->now = now;
    waiting_release_all_ready(grace->waiting);
}

void
grace_release_worker(struct grace *grace, uint32_t worker)
{
    waiting_release_worker(grace->waiting, worker);
}

void
grace_release_hosts(struct grace *grace, const struct idset *hostnames)
{
    waiting_release_hosts(grace->waiting, hostnames);
}

void
grace_expire(struct grace *grace, int64_t now_ms)
{
    waiting_expire(grace->waiting, now_ms);
}

size_t
grace_n(const struct grace *grace)
{
    return waiting_n(grace->waiting);
}

int64_t
grace_deadline(const struct grace *grace)
{
    return waiting_deadline(grace->waiting);
}
