#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "model/task_rules_private.h"
#include "model/values.h"

enum {
    /* How long a finished task's name may still be asked for. */
    FINISHED_KEEP_S = 600,
    EXPIRE_PER_TICK = 100000,
    RETRIES_MASK = 0x1f,
};

/* The task table makes room: what waits for this task waits no longer. */
static void
on_evict(void *ctx, struct task *task)
{
    struct task_rules *r = ctx;
    grace_release(r->grace, task);
    backlog_remove(r->backlog, task);
    if (task->flags & TASK_RUNNING)
        workers_task_ended(r->workers, task->worker);
}

static void
end_run(struct task_rules *r, struct task *task)
{
    if (task->flags & TASK_RUNNING) {
        workers_task_ended(r->workers, task->worker);
        task->worker = TASK_NO_WORKER;
    }
    task->flags &= (uint8_t)~TASK_RUNNING;
    task->learnt = 0;
    task->at = NAN;
}

static void
finish(struct task_rules *r, struct task *task, struct now now)
{
    end_run(r, task);
    backlog_remove(r->backlog, task);
    tasks_finish(r->tasks, task, (uint32_t)(now.mono_ms / 1000));
}

/* Whether a task-sent belongs to the run that was started last. For the first
 * one its time does not tell: a client stamps the event after it has published
 * the task, and an idle worker is quicker than that. */
static bool
is_of_last_run(const struct event *ev, const struct task *task)
{
    if (!(task->flags & TASK_RAN))
        return false;
    /* One that comes when all is over and counted is a new sending. */
    if (!(task->flags & TASK_RUNNING) && task->waiting == 0)
        return false;
    /* A retry: its process may be quicker than the one that tells the start. */
    if (ev->retries > 0 && ((ev->retries - 1) & RETRIES_MASK) == task->retries)
        return false;
    if (task->flags & TASK_SENT || ev->retries < 0)
        return ev->timestamp <= task->at;
    return (ev->retries & RETRIES_MASK) == task->retries;
}

/* Whether a worker is awaited from this task-sent on. One that comes when the
 * task has ended is nearly always late: only one that was clearly sent after
 * the end is a new sending. */
static bool
begins_to_wait(const struct event *ev, const struct task *task, struct now now)
{
    if (!(task->flags & TASK_FINISHED))
        return true;
    const int64_t since_s = now.mono_ms / 1000 - (int64_t)task->finished_s;
    return ev->timestamp > now.wall_s - (double)since_s + 1;
}

static void
begin_to_wait(struct task_rules *r, const struct event *ev, struct task *task,
              struct now now)
{
    if (!begins_to_wait(ev, task, now))
        return;
    backlog_add(r->backlog, task, ev->expires);
    /* Received already: the client tells of it after it has published. */
    if (!(task->flags & TASK_RUNNING) && !isnan(task->at) &&
        (ev->retries < 0 || (ev->retries & RETRIES_MASK) == task->retries))
        backlog_hold(r->backlog, task);
}

static void
on_sent(struct task_rules *r, const struct event *ev, struct task *task,
        struct tally *tally, struct now now)
{
    const bool excluded = grace_name(tally, task) == TASK_EXCLUDED;
    backlog_remove(r->backlog, task);
    if (ev->queue.len > 0 && !excluded)
        task->queue = registry_value(r->registry, LABEL_QUEUE_NAME, ev->queue) &
                      TASK_NO_VALUE;
    if (tally->name != TASK_NO_VALUE) {
        if (!(task->flags & TASK_NAMED))
            task->name = tally->name & TASK_NO_VALUE;
        if (ev->queue.len > 0 && !excluded)
            grace_expect_queue(r->grace, tally->name);
    }
    const bool overtaken = is_of_last_run(ev, task);
    task->sent = ev->timestamp;
    task->eta = ev->eta;
    task->flags |= TASK_SENT | (overtaken ? TASK_OVERTAKEN : TASK_RENEWED);
    if (ev->queue.len > 0 && !excluded && !overtaken)
        begin_to_wait(r, ev, task, now);
}

/* The start overtook its task-sent, and was counted: only now is its wait
 * known. */
static void
count_late_wait(struct task_rules *r, struct task *task, struct now now)
{
    if (!(task->flags & TASK_RUNNING) || task->flags & TASK_WAITED ||
        task->waiting != 0 || !(task->flags & TASK_OVERTAKEN))
        return;
    struct tally start = {
        .type = EVENT_TASK_STARTED,
        .hostname = r->generic_worker,
        .received_s = now.wall_s,
        .wait = grace_wait(task->at, task->sent, task->eta),
    };
    if (isnan(start.wait) ||
        (r->generic_worker == VALUES_OTHER &&
         !workers_hostname(r->workers, task->worker, &start.hostname)))
        return;
    task->flags |= TASK_WAITED;
    grace_count_wait(r->grace, task, &start);
}

static void
set_eta(struct task_rules *r, struct task *task, double eta)
{
    if (task->eta == eta || (isnan(task->eta) && isnan(eta)))
        return;
    const bool waits = task->backlog != BACKLOG_NONE;
    backlog_remove(r->backlog, task);
    task->eta = eta;
    if (waits) /* its expiry is still known */
        backlog_add(r->backlog, task, NAN);
}

static void
on_received(struct task_rules *r, const struct event *ev, struct task *task,
            struct tally *tally, uint32_t worker)
{
    tasks_revive(r->tasks, task);
    if (tally->name != TASK_NO_VALUE) {
        if (task->name != tally->name)
            task->flags |= TASK_RENEWED; /* replaced by another task */
        task->name = tally->name & TASK_NO_VALUE;
        task->flags |= TASK_NAMED;
    }
    if (ev->retries >= 0 && (ev->retries & RETRIES_MASK) != task->retries) {
        task->flags |= TASK_RENEWED; /* its task-retried may come later */
        task->retries = (uint8_t)(ev->retries & RETRIES_MASK);
    }
    set_eta(r, task, ev->eta);
    if (task->flags & TASK_RUNNING) {
        if (ev->timestamp > task->at)
            task->learnt = 0; /* delivered again */
        return;
    }
    task->at = ev->timestamp;
    task->worker = worker;
    backlog_hold(r->backlog, task);
}

/* Of a start that a reply told the event may still be on its way. */
static bool
is_learnt_start(const struct task *task, uint32_t worker)
{
    return task->learnt &&
           (task->worker == worker || task->worker == TASK_NO_WORKER);
}

static void
on_started(struct task_rules *r, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker)
{
    tasks_revive(r->tasks, task);
    if (!(task->flags & TASK_RUNNING))
        tally->prefetch = grace_wait(ev->timestamp, task->at, task->eta);
    tally->wait = grace_wait(ev->timestamp, task->sent, task->eta);
    tally->redelivered =
        (task->flags & (TASK_RAN | TASK_RENEWED)) == TASK_RAN &&
        !is_learnt_start(task, worker);
    /* Before its ETA it is not that sending which starts, but the run before
     * it, a retry of which was sent meanwhile. */
    if (!(task->eta > ev->timestamp + 1))
        backlog_remove(r->backlog, task);
    end_run(r, task);
    workers_task_started(r->workers, worker);
    task->worker = worker;
    task->at = ev->timestamp;
    task->flags &= (uint8_t) ~(TASK_RENEWED | TASK_WAITED | TASK_OVERTAKEN);
    task->flags |=
        TASK_RUNNING | TASK_RAN | (isnan(tally->wait) ? 0 : TASK_WAITED);
}

static uint32_t
exception_of(struct task_rules *r, const struct event *ev,
             const struct task *task, const struct tally *tally)
{
    if (grace_name(tally, task) == TASK_EXCLUDED)
        return VALUES_OTHER;
    return registry_value(r->registry, LABEL_EXCEPTION, ev->exception);
}

static void
on_failed(struct task_rules *r, const struct event *ev, struct task *task,
          struct tally *tally, struct now now)
{
    tally->detail = exception_of(r, ev, task, tally);
    if (task->flags & TASK_RUNNING)
        tally->runtime = grace_wait(ev->timestamp, task->at, NAN);
    finish(r, task, now);
}

/* A retry is told by the worker that ran the task; by then another one may
 * have started the next run. */
static void
on_retried(struct task_rules *r, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker)
{
    tally->detail = exception_of(r, ev, task, tally);
    task->flags |= TASK_RENEWED;
    if (task->flags & TASK_RUNNING && task->worker == worker)
        end_run(r, task);
}

static void
on_rejected(struct task_rules *r, const struct event *ev, struct task *task,
            struct now now)
{
    if (!ev->requeue) {
        finish(r, task, now);
        return;
    }
    end_run(r, task);
    task->flags |= TASK_RENEWED;
}

static void
on_revoked(struct task_rules *r, const struct event *ev, struct task *task,
           struct tally *tally, struct now now)
{
    tally->detail = r->revocations[ev->expired      ? REVOKED_EXPIRED
                                   : ev->terminated ? REVOKED_TERMINATED
                                                    : REVOKED_PLAIN];
    finish(r, task, now);
}

static void
apply_rule(struct task_rules *r, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker, struct now now)
{
    switch (ev->type) {
    case EVENT_TASK_SENT:
        on_sent(r, ev, task, tally, now);
        break;
    case EVENT_TASK_RECEIVED:
        on_received(r, ev, task, tally, worker);
        break;
    case EVENT_TASK_STARTED:
        on_started(r, ev, task, tally, worker);
        break;
    case EVENT_TASK_SUCCEEDED:
        tally->runtime = ev->runtime;
        finish(r, task, now);
        break;
    case EVENT_TASK_FAILED:
        on_failed(r, ev, task, tally, now);
        break;
    case EVENT_TASK_REJECTED:
        on_rejected(r, ev, task, now);
        break;
    case EVENT_TASK_REVOKED:
        on_revoked(r, ev, task, tally, now);
        break;
    case EVENT_TASK_RETRIED:
        on_retried(r, ev, task, tally, worker);
        break;
    case EVENT_TASK_CANCELLED:
        /* Its message goes back to the queue: another start is right. */
        task->flags |= TASK_RENEWED;
        finish(r, task, now);
        break;
    case EVENT_WORKER_ONLINE:
    case EVENT_WORKER_HEARTBEAT:
    case EVENT_WORKER_OFFLINE:
    case EVENT_OTHER:
    case EVENT_TYPE_COUNT:
        break;
    }
}

static uint32_t
shown_hostname(struct task_rules *r, const struct event *ev, uint32_t worker,
               struct now now)
{
    const uint32_t generic =
        ev->type == EVENT_TASK_SENT ? r->generic_sent : r->generic_worker;
    uint32_t hostname;
    if (generic != VALUES_OTHER)
        return generic;
    if (workers_hostname(r->workers, worker, &hostname))
        return hostname;
    hostname = hostnames_of_client(r->hostnames, ev->hostname);
    workers_client_event(r->workers, hostname, now);
    return hostname;
}

void
task_rules_event(struct task_rules *r, const struct arrival *arrival)
{
    const struct event *ev = arrival->ev;
    const struct now now = arrival->now;
    const uint32_t worker = ev->type == EVENT_TASK_SENT
                                ? WORKERS_NONE
                                : workers_task_event(r->workers, arrival);
    struct task *task = tasks_get(r->tasks, arrival->task);
    struct tally tally = {
        .type = ev->type,
        .name = names_id(r->names, ev->name),
        .worker = worker,
        .timestamp = ev->timestamp,
        .received_s = now.wall_s,
        .wait = NAN,
        .prefetch = NAN,
        .runtime = NAN,
    };
    const uint32_t name = grace_name(&tally, task);
    if (LIKELY(name != TASK_EXCLUDED))
        tally.hostname = shown_hostname(r, ev, worker, now);
    if (ev->type != EVENT_TASK_SENT)
        names_saw_event(r->names, name, ev->name);
    apply_rule(r, ev, task, &tally, worker, now);
    grace_count(r->grace, task, &tally, now);
    if (ev->type == EVENT_TASK_SENT)
        count_late_wait(r, task, now);
}

/* Referred to for ever: never dropped with a host of that name. */
static uint32_t
generic_hostname(struct registry *registry, bool wanted)
{
    if (!wanted)
        return VALUES_OTHER;
    const uint32_t id =
        registry_value(registry, LABEL_HOSTNAME, STR("generic"));
    values_pin(registry_values(registry, LABEL_HOSTNAME), id);
    return id;
}

struct task_rules *
task_rules_new(const struct task_rules_config *config,
               struct registry *registry, struct hostnames *hostnames,
               struct workers *workers)
{
    static const struct str reasons[REVOCATION_COUNT] = {
        [REVOKED_EXPIRED] = STR_INIT("expired"),
        [REVOKED_TERMINATED] = STR_INIT("terminated"),
        [REVOKED_PLAIN] = STR_INIT("revoked"),
    };
    struct task_rules *r = xmalloc(sizeof(*r));
    *r = (struct task_rules){
        .registry = registry,
        .hostnames = hostnames,
        .workers = workers,
        .generic_sent = generic_hostname(registry, config->generic_sent),
        .generic_worker = generic_hostname(registry, config->generic_worker),
        .tasks = tasks_new(config->max_tasks, on_evict, r),
        .names = names_new(registry, config->filter),
    };
    for (size_t i = 0; i < REVOCATION_COUNT; i++)
        r->revocations[i] = registry_value(registry, LABEL_FIXED, reasons[i]);
    r->grace = grace_new(registry, r->tasks, workers, config->default_queue,
                         config->name_grace_ms);
    r->backlog = backlog_new(registry, r->tasks, workers);
    return r;
}

void
task_rules_free(struct task_rules *r)
{
    if (r == NULL)
        return;
    backlog_free(r->backlog);
    grace_free(r->grace);
    names_free(r->names);
    tasks_free(r->tasks);
    free(r);
}

void
task_rules_tick(struct task_rules *r, struct now now)
{
    const int64_t now_s = now.mono_ms / 1000;
    backlog_tick(r->backlog, now);
    if (now_s > FINISHED_KEEP_S)
        tasks_expire(r->tasks, (uint32_t)(now_s - FINISHED_KEEP_S),
                     EXPIRE_PER_TICK);
}

struct grace *
task_rules_grace(const struct task_rules *r)
{
    return r->grace;
}

const struct tasks *
task_rules_tasks(const struct task_rules *r)
{
    return r->tasks;
}

bool
task_rules_has_events(const struct task_rules *r, struct str name)
{
    return names_has_events(r->names, name);
}

void
task_rules_refresh(struct task_rules *r, struct now now)
{
    backlog_refresh(r->backlog, now);
}
