#include "model/backlog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/expiries.h"
#include "model/holders.h"
#include "model/oldest.h"
#include "model/values.h"

enum {
    MAX_AGE_S = 7 * 24 * 3600,
    AGE_CHECK_MS = 3600 * 1000,
    EXPIRE_PER_CALL = 50000,
    /* What was received or started may not have reached us when an answer
     * does, which comes on another connection. */
    LOOK_AFTER_TICKS = 3,
    LOOK_PER_TICK = 250000, /* entries of the table; each may have gone */
};

struct queue_backlog {
    uint32_t nqueued;      /* tasks that are not received */
    uint32_t empty_before; /* Unix seconds; 0 = it was not said to be empty */
    bool shown;
};

struct backlog {
    struct registry *registry;
    struct tasks *tasks;
    const struct workers *workers;
    struct oldest *oldest;
    struct expiries expiries;
    struct queue_backlog *queues; /* by label value */
    size_t nqueues;
    size_t nheld;
    struct holders holders; /* since the last pass */
    unsigned look_in;       /* ticks: some may have gone unseen; 0 = none */
    bool looking;           /* a pass over the table goes on, */
    uint32_t look_at;       /* at this number */
    int64_t aged_ms;
};

/* Tells the sendings of one task apart, and tasks that had one number. */
static uint32_t
mark_of(const struct task *task)
{
    uint64_t bits;
    memcpy(&bits, &task->sent, sizeof(bits));
    return (uint32_t)(task->key.high ^ bits ^ bits >> 32);
}

static uint32_t
second_of(double unix_s)
{
    if (!(unix_s > 0))
        return 0;
    return unix_s < OLDEST_NONE - 1 ? (uint32_t)unix_s : OLDEST_NONE - 1;
}

static uint32_t
due_of(const struct task *task)
{
    return second_of(task->eta > task->sent ? task->eta : task->sent);
}

static bool
expiry_waits(void *ctx, const struct expiry *expiry)
{
    const struct backlog *b = ctx;
    const struct task *task = tasks_at(b->tasks, expiry->task);
    return task->backlog != BACKLOG_NONE && mark_of(task) == expiry->mark;
}

struct backlog *
backlog_new(struct registry *registry, struct tasks *tasks,
            const struct workers *workers)
{
    struct backlog *b = xmalloc(sizeof(*b));
    *b = (struct backlog){
        .registry = registry,
        .tasks = tasks,
        .workers = workers,
        .oldest = oldest_new(registry_hash_key(registry)),
    };
    expiries_init(&b->expiries, tasks_capacity(tasks), expiry_waits, b);
    holders_init(&b->holders, registry_hash_key(registry));
    return b;
}

void
backlog_free(struct backlog *b)
{
    if (b == NULL)
        return;
    oldest_free(b->oldest);
    expiries_close(&b->expiries);
    holders_close(&b->holders);
    free(b->queues);
    free(b);
}

static struct queue_backlog *
queue_of(struct backlog *b, uint32_t queue)
{
    if (queue >= b->nqueues) {
        const size_t nqueues = 2 * (size_t)queue + 16;
        b->queues = xrealloc(b->queues, nqueues, sizeof(*b->queues));
        for (size_t i = b->nqueues; i < nqueues; i++)
            b->queues[i] = (struct queue_backlog){0};
        b->nqueues = nqueues;
    }
    return &b->queues[queue];
}

/* The one place where a task changes what is counted. */
static void
set_state(struct backlog *b, struct task *task, enum task_backlog state)
{
    struct queue_backlog *queue = queue_of(b, task->queue);
    const bool was_counted = task->backlog != BACKLOG_NONE;
    queue->nqueued -= task->backlog == BACKLOG_QUEUED;
    b->nheld -= was_counted && task->backlog != BACKLOG_QUEUED;
    queue->nqueued += state == BACKLOG_QUEUED;
    b->nheld += state != BACKLOG_NONE && state != BACKLOG_QUEUED;
    if (was_counted && state == BACKLOG_NONE)
        oldest_remove(b->oldest, task->queue, due_of(task));
    if (!was_counted && state != BACKLOG_NONE)
        oldest_add(b->oldest, task->queue, due_of(task));
    task->backlog = (unsigned)state & 3;
}

void
backlog_add(struct backlog *b, struct task *task, double expires)
{
    /* What waits in several queues is the age of none. */
    if (isnan(task->sent) || task->queue == TASK_NO_VALUE ||
        task->queue == VALUES_OTHER)
        return;
    set_state(b, task, BACKLOG_QUEUED);
    if (!isnan(expires))
        expiries_add(&b->expiries,
                     &(struct expiry){.at_s = second_of(ceil(expires)),
                                      .task = tasks_number(b->tasks, task),
                                      .mark = mark_of(task)});
}

void
backlog_remove(struct backlog *b, struct task *task)
{
    if (task->backlog != BACKLOG_NONE)
        set_state(b, task, BACKLOG_NONE);
}

void
backlog_hold(struct backlog *b, struct task *task)
{
    if (task->backlog != BACKLOG_NONE)
        set_state(b, task, BACKLOG_HELD);
}

/* ---- what went unseen ---- */

static void
look_soon(struct backlog *b)
{
    if (b->look_in == 0)
        b->look_in = LOOK_AFTER_TICKS;
}

void
backlog_queue_empty(struct backlog *b, uint32_t queue, double before_s)
{
    const uint32_t before = second_of(before_s);
    /* A pass that goes on has seen some tasks without knowing this: the next
     * poll says it again. */
    if (b->looking || queue >= b->nqueues || b->queues[queue].nqueued == 0 ||
        oldest_of(b->oldest, queue) >= before)
        return;
    b->queues[queue].empty_before = before;
    look_soon(b);
}

void
backlog_told(struct backlog *b, uint32_t worker, enum worker_holding what,
             size_t n)
{
    if (worker == WORKERS_NONE || b->looking)
        return;
    holders_told(&b->holders, worker, what, n);
    if (b->nheld > 0 && holders_told_both(&b->holders, worker))
        look_soon(b);
}

void
backlog_named(struct backlog *b, uint32_t worker)
{
    if (worker != WORKERS_NONE)
        holders_named(&b->holders, worker);
}

/* The state of a task that its worker holds, or held. It may have come after
 * the answer was made: then the next one has it. */
static enum task_backlog
look_at_held(const struct backlog *b, const struct task *task)
{
    uint32_t hostname;
    if (!workers_hostname(b->workers, task->worker, &hostname))
        return BACKLOG_NONE;
    if (!holders_named_all(&b->holders, task->worker))
        return (enum task_backlog)task->backlog;
    return task->backlog == BACKLOG_HELD ? BACKLOG_UNSURE : BACKLOG_NONE;
}

static void
look_at(struct backlog *b, struct task *task, uint32_t too_old)
{
    const uint32_t due = due_of(task);
    enum task_backlog state = (enum task_backlog)task->backlog;
    if (due < too_old)
        state = BACKLOG_NONE;
    else if (state != BACKLOG_QUEUED)
        state = look_at_held(b, task);
    else if (due < b->queues[task->queue].empty_before)
        state = BACKLOG_NONE;
    if (state != task->backlog)
        set_state(b, task, state);
}

static void
end_look(struct backlog *b)
{
    for (size_t i = 0; i < b->nqueues; i++)
        b->queues[i].empty_before = 0;
    holders_clear(&b->holders);
    b->looking = false;
}

static void
look(struct backlog *b, struct now now)
{
    const uint32_t too_old = second_of(now.wall_s - MAX_AGE_S);
    const uint32_t n = tasks_nnumbers(b->tasks);
    for (uint32_t i = 0; i < LOOK_PER_TICK && b->look_at < n; i++) {
        struct task *task = tasks_at(b->tasks, b->look_at++);
        if (task->backlog != BACKLOG_NONE)
            look_at(b, task, too_old);
    }
    if (b->look_at >= n)
        end_look(b);
}

static void
begin_look(struct backlog *b, struct now now)
{
    b->aged_ms = now.mono_ms;
    b->look_at = 0;
    b->looking = true;
}

static void
expire(struct backlog *b, struct now now)
{
    struct expiry expiry;
    for (size_t i = 0; i < EXPIRE_PER_CALL; i++) {
        if (!expiries_take(&b->expiries, now.wall_s, &expiry))
            return;
        if (expiry_waits(b, &expiry))
            set_state(b, tasks_at(b->tasks, expiry.task), BACKLOG_NONE);
    }
}

void
backlog_tick(struct backlog *b, struct now now)
{
    expire(b, now);
    if (!b->looking) {
        const bool must_look = b->look_in > 0 && --b->look_in == 0;
        if (must_look || now.mono_ms - b->aged_ms > AGE_CHECK_MS)
            begin_look(b, now);
    }
    if (b->looking)
        look(b, now);
    else if (b->nheld == 0)
        holders_clear(&b->holders);
}

/* ---- the page ---- */

static void
show(struct backlog *b, uint32_t queue, uint32_t second, struct now now)
{
    struct group *group = registry_group(b->registry, GROUP_QUEUE);
    const uint32_t ids[SERIES_MAX_LABELS] = {queue};
    struct series *own = group_series(group, ids, now.wall_s);
    struct series *series = group_touch(group, own, QUEUE_OLDEST_COL);
    if (series == NULL)
        return;
    /* On a full page it is somebody else's. */
    if (second == OLDEST_NONE || series->ids[0] != queue)
        group_clear(group, series, QUEUE_OLDEST_COL);
    else
        group_set(group, series, QUEUE_OLDEST_COL, (double)second);
}

void
backlog_refresh(struct backlog *b, struct now now)
{
    expire(b, now);
    oldest_settle(b->oldest);
    for (uint32_t i = 0; i < b->nqueues; i++) {
        uint32_t second = oldest_of(b->oldest, i);
        if ((double)second > now.wall_s)
            second = OLDEST_NONE;
        if (second == OLDEST_NONE && !b->queues[i].shown)
            continue;
        show(b, i, second, now);
        b->queues[i].shown = second != OLDEST_NONE;
    }
}
