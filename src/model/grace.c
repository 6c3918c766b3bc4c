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
    int64_t grace_ms;
    struct idset sent; /* names whose queue is worth waiting for */
};

static uint32_t
name_of(const struct tally *tally, const struct task *task)
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

static void
count(void *ctx, const struct tally *tally, struct task *task)
{
    struct grace *grace = ctx;
    const uint32_t name = name_of(tally, task);
    if (LIKELY(tally->type != EVENT_TASK_STARTED || !isnan(tally->wait))) {
        counters_add(grace->counters, tally, name, task->queue);
        return;
    }
    struct tally start = *tally;
    start.wait = late_wait(tally, task);
    counters_add(grace->counters, &start, name, task->queue);
}

struct grace *
grace_new(struct registry *registry, struct tasks *tasks,
          struct str default_queue, int64_t grace_ms)
{
    struct grace *grace = xmalloc(sizeof(*grace));
    *grace = (struct grace){
        .counters = counters_new(registry, default_queue),
        .grace_ms = grace_ms,
    };
    grace->waiting = waiting_new(tasks, GRACE_MAX, count, grace);
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

static bool
lacks_label(const struct grace *grace, const struct tally *tally,
            const struct task *task)
{
    const uint32_t name = name_of(tally, task);
    if (name == TASK_NO_VALUE)
        return true;
    return task->queue == TASK_NO_VALUE && !(task->flags & TASK_SENT) &&
           idset_has(&grace->sent, name);
}

void
grace_count(struct grace *grace, struct task *task, const struct tally *tally,
            struct now now)
{
    if (LIKELY(grace->grace_ms == 0 || !lacks_label(grace, tally, task))) {
        waiting_release(grace->waiting, task);
        count(grace, tally, task);
    } else {
        waiting_add(grace->waiting, task, tally, now.mono_ms + grace->grace_ms);
    }
}

void
grace_count_wait(struct grace *grace, const struct task *task,
                 const struct tally *tally)
{
    counters_add_wait(grace->counters, tally, task->name, task->queue);
}

void
grace_release(struct grace *grace, struct task *task)
{
    waiting_release(grace->waiting, task);
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
