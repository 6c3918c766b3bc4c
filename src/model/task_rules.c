#include "model/task_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/counters.h"
#include "model/tasks.h"
#include "model/values.h"
#include "model/waiting.h"

enum {
    MAX_WAITING = 100000,
    /* How long a finished task's name may still be asked for. */
    FINISHED_KEEP_S = 600,
    EXPIRE_PER_TICK = 100000,
};

enum revocation {
    REVOKED_EXPIRED,
    REVOKED_TERMINATED,
    REVOKED_PLAIN,
    REVOCATION_COUNT
};

struct task_rules {
    struct registry *registry;
    struct workers *workers;
    struct counters *counters;
    struct tasks *tasks;
    struct waiting *waiting;
    int64_t name_grace_ms;
    /* Label values; VALUES_OTHER when hostnames are not made generic. */
    uint32_t generic_sent;
    uint32_t generic_worker;
    uint32_t revocations[REVOCATION_COUNT];
    /* By number of the name: its tasks come with task-sent events, so that
     * their queue is worth waiting for. */
    bool *sent_names;
    size_t nsent_names;
};

static void
learn_sent_name(struct task_rules *r, uint32_t name)
{
    if (name >= r->nsent_names) {
        const size_t n = 2 * (size_t)name + 64;
        r->sent_names = xrealloc(r->sent_names, n, sizeof(bool));
        memset(r->sent_names + r->nsent_names, 0, n - r->nsent_names);
        r->nsent_names = n;
    }
    r->sent_names[name] = true;
}

static bool
lacks_label(const struct task_rules *r, const struct tally *tally,
            const struct task *task)
{
    const uint32_t name =
        tally->name != TASK_NO_VALUE ? tally->name : task->name;
    if (name == TASK_NO_VALUE)
        return true;
    return task->queue == TASK_NO_VALUE && !(task->flags & TASK_SENT) &&
           name < r->nsent_names && r->sent_names[name];
}

static void
count(void *ctx, const struct tally *tally, const struct task *task)
{
    struct task_rules *r = ctx;
    const uint32_t name =
        tally->name != TASK_NO_VALUE ? tally->name : task->name;
    counters_add(r->counters, tally, name, task->queue);
}

static void
count_or_wait(struct task_rules *r, const struct tally *tally,
              struct task *task, struct now now)
{
    if (UNLIKELY(r->name_grace_ms > 0 && lacks_label(r, tally, task)))
        waiting_add(r->waiting, task, tally, now.mono_ms + r->name_grace_ms);
    else
        count(r, tally, task);
}

/* The task table makes room: what waits for this task waits no longer. */
static void
on_evict(void *ctx, struct task *task)
{
    struct task_rules *r = ctx;
    waiting_release(r->waiting, task);
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
    task->at = NAN;
}

static void
finish(struct task_rules *r, struct task *task, struct now now)
{
    end_run(r, task);
    tasks_finish(r->tasks, task, (uint32_t)(now.mono_ms / 1000));
}

static double
since(double later, double earlier, double eta)
{
    const double from = isnan(eta) || eta < earlier ? earlier : eta;
    const double seconds = later - from;
    return seconds < 0 ? 0 : seconds; /* NaN stays NaN */
}

/* The start overtook its task-sent: only now is the wait known. */
static void
count_late_wait(struct task_rules *r, const struct tally *sent,
                struct task *task)
{
    const struct tally start = {
        .type = EVENT_TASK_STARTED,
        .hostname = r->generic_worker != VALUES_OTHER
                        ? r->generic_worker
                        : workers_hostname(r->workers, task->worker),
        .received_s = sent->received_s,
        .wait = since(task->at, task->sent, task->eta),
    };
    task->flags |= TASK_WAITED;
    counters_add_wait(r->counters, &start, task->name, task->queue);
}

static void
on_sent(struct task_rules *r, const struct event *ev, struct task *task,
        struct tally *tally)
{
    if (ev->queue.len > 0)
        task->queue = registry_value(r->registry, LABEL_QUEUE_NAME, ev->queue) &
                      TASK_NO_VALUE;
    if (tally->name != TASK_NO_VALUE) {
        if (!(task->flags & TASK_NAMED))
            task->name = tally->name & TASK_NO_VALUE;
        if (ev->queue.len > 0)
            learn_sent_name(r, tally->name);
    }
    task->sent = ev->timestamp;
    task->eta = ev->eta;
    const bool overtaken =
        task->flags & TASK_RUNNING && ev->timestamp <= task->at;
    task->flags |= TASK_SENT | (overtaken ? 0 : TASK_RENEWED);
    if (overtaken && !(task->flags & TASK_WAITED) &&
        task->worker != TASK_NO_WORKER)
        count_late_wait(r, tally, task);
}

static void
on_received(struct task_rules *r, const struct event *ev, struct task *task,
            struct tally *tally)
{
    tasks_revive(r->tasks, task);
    if (tally->name != TASK_NO_VALUE) {
        if (task->name != tally->name)
            task->flags |= TASK_RENEWED; /* replaced by another task */
        task->name = tally->name & TASK_NO_VALUE;
        task->flags |= TASK_NAMED;
    }
    if (ev->retries > 0)
        task->flags |= TASK_RENEWED; /* its task-retried may come later */
    task->eta = ev->eta;
    if (!(task->flags & TASK_RUNNING))
        task->at = ev->timestamp;
}

static void
on_started(struct task_rules *r, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker)
{
    tasks_revive(r->tasks, task);
    if (!(task->flags & TASK_RUNNING))
        tally->prefetch = since(ev->timestamp, task->at, task->eta);
    tally->wait = since(ev->timestamp, task->sent, task->eta);
    tally->redelivered = (task->flags & (TASK_RAN | TASK_RENEWED)) == TASK_RAN;
    end_run(r, task);
    workers_task_started(r->workers, worker);
    task->worker = worker;
    task->at = ev->timestamp;
    task->flags &= (uint8_t) ~(TASK_RENEWED | TASK_WAITED);
    task->flags |=
        TASK_RUNNING | TASK_RAN | (isnan(tally->wait) ? 0 : TASK_WAITED);
}

static void
on_failed(struct task_rules *r, const struct event *ev, struct task *task,
          struct tally *tally, struct now now)
{
    tally->detail = registry_value(r->registry, LABEL_EXCEPTION, ev->exception);
    if (task->flags & TASK_RUNNING)
        tally->runtime = since(ev->timestamp, task->at, NAN);
    finish(r, task, now);
}

/* A retry is told by the worker that ran the task; by then another one may
 * have started the next run. */
static void
on_retried(struct task_rules *r, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker)
{
    tally->detail = registry_value(r->registry, LABEL_EXCEPTION, ev->exception);
    task->flags |= TASK_RENEWED;
    if (task->worker == worker)
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
        on_sent(r, ev, task, tally);
        break;
    case EVENT_TASK_RECEIVED:
        on_received(r, ev, task, tally);
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
shown_hostname(struct task_rules *r, const struct event *ev, struct now now)
{
    const uint32_t generic =
        ev->type == EVENT_TASK_SENT ? r->generic_sent : r->generic_worker;
    if (generic != VALUES_OTHER)
        return generic;
    const uint32_t hostname =
        registry_value(r->registry, LABEL_HOSTNAME, workers_host(ev->hostname));
    if (ev->type == EVENT_TASK_SENT)
        workers_client_event(r->workers, hostname, now);
    return hostname;
}

void
task_rules_event(struct task_rules *r, const struct event *ev, struct now now)
{
    const uint32_t worker = ev->type == EVENT_TASK_SENT
                                ? WORKERS_NONE
                                : workers_task_event(r->workers, ev, now);
    struct tally tally = {
        .type = ev->type,
        .name = ev->name.len > 0
                    ? registry_value(r->registry, LABEL_NAME, ev->name)
                    : TASK_NO_VALUE,
        .hostname = shown_hostname(r, ev, now),
        .timestamp = ev->timestamp,
        .received_s = now.wall_s,
        .wait = NAN,
        .prefetch = NAN,
        .runtime = NAN,
    };
    struct task *task = tasks_get(r->tasks, ev->uuid);
    apply_rule(r, ev, task, &tally, worker, now);
    if (task->waiting != 0 && !lacks_label(r, &tally, task))
        waiting_release(r->waiting, task);
    count_or_wait(r, &tally, task, now);
}

static void
set_values(struct task_rules *r, const struct task_rules_config *config)
{
    static const struct str reasons[REVOCATION_COUNT] = {
        [REVOKED_EXPIRED] = STR_INIT("expired"),
        [REVOKED_TERMINATED] = STR_INIT("terminated"),
        [REVOKED_PLAIN] = STR_INIT("revoked"),
    };
    if (config->generic_sent)
        r->generic_sent =
            registry_value(r->registry, LABEL_HOSTNAME, STR("generic"));
    if (config->generic_worker)
        r->generic_worker =
            registry_value(r->registry, LABEL_HOSTNAME, STR("generic"));
    for (size_t i = 0; i < REVOCATION_COUNT; i++)
        r->revocations[i] =
            registry_value(r->registry, LABEL_FIXED, reasons[i]);
}

struct task_rules *
task_rules_new(const struct task_rules_config *config,
               struct registry *registry, struct workers *workers,
               struct hash_key key)
{
    struct task_rules *r = xmalloc(sizeof(*r));
    *r = (struct task_rules){
        .registry = registry,
        .workers = workers,
        .name_grace_ms = config->name_grace_ms,
    };
    set_values(r, config);
    r->counters = counters_new(registry, config->default_queue);
    r->tasks = tasks_new(key, config->max_tasks, on_evict, r);
    r->waiting = waiting_new(r->tasks, MAX_WAITING, count, r);
    return r;
}

void
task_rules_free(struct task_rules *r)
{
    if (r == NULL)
        return;
    waiting_free(r->waiting);
    tasks_free(r->tasks);
    counters_free(r->counters);
    free(r->sent_names);
    free(r);
}

void
task_rules_expire(struct task_rules *r, int64_t now_ms)
{
    waiting_expire(r->waiting, now_ms);
}

int64_t
task_rules_deadline(const struct task_rules *r)
{
    return waiting_deadline(r->waiting);
}

void
task_rules_tick(struct task_rules *r, struct now now)
{
    const int64_t now_s = now.mono_ms / 1000;
    if (now_s > FINISHED_KEEP_S)
        tasks_expire(r->tasks, (uint32_t)(now_s - FINISHED_KEEP_S),
                     EXPIRE_PER_TICK);
}

const struct tasks *
task_rules_tasks(const struct task_rules *r)
{
    return r->tasks;
}
