#include "model/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/counters.h"
#include "model/senders.h"
#include "model/tasks.h"
#include "model/values.h"
#include "model/waiting.h"
#include "model/workers.h"

enum {
    MAX_WAITING = 100000,
    MAX_SENDERS = 4096,
    MAX_WORKERS = 10000,
    /* How long a finished task's name may still be asked for. */
    FINISHED_KEEP_S = 600,
    EXPIRE_PER_TICK = 100000,
    /* A tick later than this means that the whole process stood still. */
    LATE_TICK_MS = 5000,
};

enum revocation {
    REVOKED_EXPIRED,
    REVOKED_TERMINATED,
    REVOKED_PLAIN,
    REVOCATION_COUNT
};

struct metrics {
    struct registry *registry;
    struct counters *counters;
    struct tasks *tasks;
    struct senders *senders;
    struct workers *workers;
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
    /* The exporter's own series, looked up once. */
    struct series *self;
    struct series *events[EVENT_TYPE_COUNT];
    struct series *rejects[REJECT_COUNT];
    bool broker_up;
    int64_t blind_since_ms;
    double blind_s; /* of the outages that have ended */
    int64_t last_tick_ms;
    uint64_t generation;
};

/* ---- what is known of a task ---- */

static void
learn_sent_name(struct metrics *m, uint32_t name)
{
    if (name >= m->nsent_names) {
        const size_t n = 2 * (size_t)name + 64;
        m->sent_names = xrealloc(m->sent_names, n, sizeof(bool));
        memset(m->sent_names + m->nsent_names, 0, n - m->nsent_names);
        m->nsent_names = n;
    }
    m->sent_names[name] = true;
}

static bool
lacks_label(const struct metrics *m, const struct tally *tally,
            const struct task *task)
{
    const uint32_t name =
        tally->name != TASK_NO_VALUE ? tally->name : task->name;
    if (name == TASK_NO_VALUE)
        return true;
    return task->queue == TASK_NO_VALUE && !(task->flags & TASK_SENT) &&
           name < m->nsent_names && m->sent_names[name];
}

static void
count(void *ctx, const struct tally *tally, const struct task *task)
{
    struct metrics *m = ctx;
    const uint32_t name =
        tally->name != TASK_NO_VALUE ? tally->name : task->name;
    counters_add(m->counters, tally, name, task->queue);
}

static void
count_or_wait(struct metrics *m, const struct tally *tally, struct task *task,
              struct now now)
{
    if (UNLIKELY(m->name_grace_ms > 0 && lacks_label(m, tally, task)))
        waiting_add(m->waiting, task, tally, now.mono_ms + m->name_grace_ms);
    else
        count(m, tally, task);
}

/* The task table makes room: what waits for this task waits no longer. */
static void
on_evict(void *ctx, struct task *task)
{
    struct metrics *m = ctx;
    waiting_release(m->waiting, task);
    if (task->flags & TASK_RUNNING)
        workers_task_ended(m->workers, task->worker);
}

static void
end_run(struct metrics *m, struct task *task)
{
    if (task->flags & TASK_RUNNING) {
        workers_task_ended(m->workers, task->worker);
        task->worker = TASK_NO_WORKER;
    }
    task->flags &= (uint8_t)~TASK_RUNNING;
    task->at = NAN;
}

static void
finish(struct metrics *m, struct task *task, struct now now)
{
    end_run(m, task);
    tasks_finish(m->tasks, task, (uint32_t)(now.mono_ms / 1000));
}

static double
since(double later, double earlier, double eta)
{
    const double from = isnan(eta) || eta < earlier ? earlier : eta;
    const double seconds = later - from;
    return seconds < 0 ? 0 : seconds; /* NaN stays NaN */
}

/* ---- the rule of each task event ---- */

/* The start overtook its task-sent: only now is the wait known. */
static void
count_late_wait(struct metrics *m, const struct tally *sent, struct task *task)
{
    const struct tally start = {
        .type = EVENT_TASK_STARTED,
        .hostname = m->generic_worker != VALUES_OTHER
                        ? m->generic_worker
                        : workers_hostname(m->workers, task->worker),
        .received_s = sent->received_s,
        .wait = since(task->at, task->sent, task->eta),
    };
    task->flags |= TASK_WAITED;
    counters_add_wait(m->counters, &start, task->name, task->queue);
}

static void
on_sent(struct metrics *m, const struct event *ev, struct task *task,
        struct tally *tally)
{
    if (ev->queue.len > 0)
        task->queue = registry_value(m->registry, LABEL_QUEUE_NAME, ev->queue) &
                      TASK_NO_VALUE;
    if (tally->name != TASK_NO_VALUE) {
        if (!(task->flags & TASK_NAMED))
            task->name = tally->name & TASK_NO_VALUE;
        if (ev->queue.len > 0)
            learn_sent_name(m, tally->name);
    }
    task->sent = ev->timestamp;
    task->eta = ev->eta;
    const bool overtaken =
        task->flags & TASK_RUNNING && ev->timestamp <= task->at;
    task->flags |= TASK_SENT | (overtaken ? 0 : TASK_RENEWED);
    if (overtaken && !(task->flags & TASK_WAITED) &&
        task->worker != TASK_NO_WORKER)
        count_late_wait(m, tally, task);
}

static void
on_received(struct metrics *m, const struct event *ev, struct task *task,
            struct tally *tally)
{
    tasks_revive(m->tasks, task);
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
on_started(struct metrics *m, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker)
{
    tasks_revive(m->tasks, task);
    if (!(task->flags & TASK_RUNNING))
        tally->prefetch = since(ev->timestamp, task->at, task->eta);
    tally->wait = since(ev->timestamp, task->sent, task->eta);
    tally->redelivered = (task->flags & (TASK_RAN | TASK_RENEWED)) == TASK_RAN;
    end_run(m, task);
    workers_task_started(m->workers, worker);
    task->worker = worker;
    task->at = ev->timestamp;
    task->flags &= (uint8_t) ~(TASK_RENEWED | TASK_WAITED);
    task->flags |=
        TASK_RUNNING | TASK_RAN | (isnan(tally->wait) ? 0 : TASK_WAITED);
}

static void
on_failed(struct metrics *m, const struct event *ev, struct task *task,
          struct tally *tally, struct now now)
{
    tally->detail = registry_value(m->registry, LABEL_EXCEPTION, ev->exception);
    if (task->flags & TASK_RUNNING)
        tally->runtime = since(ev->timestamp, task->at, NAN);
    finish(m, task, now);
}

/* A retry is told by the worker that ran the task; by then another one may
 * have started the next run. */
static void
on_retried(struct metrics *m, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker)
{
    tally->detail = registry_value(m->registry, LABEL_EXCEPTION, ev->exception);
    task->flags |= TASK_RENEWED;
    if (task->worker == worker)
        end_run(m, task);
}

static void
on_rejected(struct metrics *m, const struct event *ev, struct task *task,
            struct now now)
{
    if (!ev->requeue) {
        finish(m, task, now);
        return;
    }
    end_run(m, task);
    task->flags |= TASK_RENEWED;
}

static void
on_revoked(struct metrics *m, const struct event *ev, struct task *task,
           struct tally *tally, struct now now)
{
    tally->detail = m->revocations[ev->expired      ? REVOKED_EXPIRED
                                   : ev->terminated ? REVOKED_TERMINATED
                                                    : REVOKED_PLAIN];
    finish(m, task, now);
}

static void
apply_rule(struct metrics *m, const struct event *ev, struct task *task,
           struct tally *tally, uint32_t worker, struct now now)
{
    switch (ev->type) {
    case EVENT_TASK_SENT:
        on_sent(m, ev, task, tally);
        break;
    case EVENT_TASK_RECEIVED:
        on_received(m, ev, task, tally);
        break;
    case EVENT_TASK_STARTED:
        on_started(m, ev, task, tally, worker);
        break;
    case EVENT_TASK_SUCCEEDED:
        tally->runtime = ev->runtime;
        finish(m, task, now);
        break;
    case EVENT_TASK_FAILED:
        on_failed(m, ev, task, tally, now);
        break;
    case EVENT_TASK_REJECTED:
        on_rejected(m, ev, task, now);
        break;
    case EVENT_TASK_REVOKED:
        on_revoked(m, ev, task, tally, now);
        break;
    case EVENT_TASK_RETRIED:
        on_retried(m, ev, task, tally, worker);
        break;
    case EVENT_TASK_CANCELLED:
        /* Its message goes back to the queue: another start is right. */
        task->flags |= TASK_RENEWED;
        finish(m, task, now);
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
shown_hostname(struct metrics *m, const struct event *ev, struct now now)
{
    const uint32_t generic =
        ev->type == EVENT_TASK_SENT ? m->generic_sent : m->generic_worker;
    if (generic != VALUES_OTHER)
        return generic;
    const uint32_t hostname =
        registry_value(m->registry, LABEL_HOSTNAME, workers_host(ev->hostname));
    if (ev->type == EVENT_TASK_SENT)
        workers_client_event(m->workers, hostname, now);
    return hostname;
}

static void
task_event(struct metrics *m, const struct event *ev, struct now now)
{
    const uint32_t worker = ev->type == EVENT_TASK_SENT
                                ? WORKERS_NONE
                                : workers_task_event(m->workers, ev, now);
    struct tally tally = {
        .type = ev->type,
        .name = ev->name.len > 0
                    ? registry_value(m->registry, LABEL_NAME, ev->name)
                    : TASK_NO_VALUE,
        .hostname = shown_hostname(m, ev, now),
        .timestamp = ev->timestamp,
        .received_s = now.wall_s,
        .wait = NAN,
        .prefetch = NAN,
        .runtime = NAN,
    };
    struct task *task = tasks_get(m->tasks, ev->uuid);
    apply_rule(m, ev, task, &tally, worker, now);
    if (task->waiting != 0 && !lacks_label(m, &tally, task))
        waiting_release(m->waiting, task);
    count_or_wait(m, &tally, task, now);
}

/* ---- the exporter's own figures ---- */

static void
make_own_series(struct metrics *m)
{
    struct registry *registry = m->registry;
    m->self = registry_fixed(registry, GROUP_EXPORTER, NULL);
    struct group *self = registry_group(registry, GROUP_EXPORTER);
    static const size_t zeros[] = {
        SELF_BROKER_UP_COL,  SELF_CONNECTS_COL,       SELF_BLIND_COL,
        SELF_MESSAGES_COL,   SELF_DUPLICATES_COL,     SELF_DELAY_COL,
        SELF_LAST_EVENT_COL, SELF_RECEIVED_BYTES_COL, SELF_EVICTED_COL,
    };
    for (size_t i = 0; i < COUNT_OF(zeros); i++)
        group_touch(self, m->self, zeros[i]);
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
        const struct str name = event_type_name((enum event_type)i);
        m->events[i] = registry_fixed(registry, GROUP_EVENT, &name);
        group_touch(registry_group(registry, GROUP_EVENT), m->events[i],
                    REASON_COL);
    }
    for (size_t i = REJECT_NONE + 1; i < REJECT_COUNT; i++) {
        const struct str name = reject_name((enum reject)i);
        m->rejects[i] = registry_fixed(registry, GROUP_REJECT, &name);
        group_touch(registry_group(registry, GROUP_REJECT), m->rejects[i],
                    REASON_COL);
    }
}

static void
count_own(struct metrics *m, const struct event *ev, struct now now)
{
    struct group *self = registry_group(m->registry, GROUP_EXPORTER);
    group_count(registry_group(m->registry, GROUP_EVENT), m->events[ev->type],
                REASON_COL, 1);
    group_set(self, m->self, SELF_LAST_EVENT_COL, now.wall_s);
    const double delay = now.wall_s - ev->timestamp;
    if (delay >= 0) /* neither NaN nor a clock ahead of ours */
        group_observe(self, m->self, SELF_DELAY_COL, delay);
    m->generation++;
}

void
metrics_message(struct metrics *m, size_t wire_bytes)
{
    struct group *self = registry_group(m->registry, GROUP_EXPORTER);
    group_count(self, m->self, SELF_MESSAGES_COL, 1);
    group_count(self, m->self, SELF_RECEIVED_BYTES_COL, wire_bytes);
    m->generation++;
}

void
metrics_reject(struct metrics *m, enum reject reason)
{
    group_count(registry_group(m->registry, GROUP_REJECT), m->rejects[reason],
                REASON_COL, 1);
    m->generation++;
}

void
metrics_broker_up(struct metrics *m, bool up, struct now now)
{
    struct group *self = registry_group(m->registry, GROUP_EXPORTER);
    if (up == m->broker_up)
        return;
    m->broker_up = up;
    m->generation++;
    group_set(self, m->self, SELF_BROKER_UP_COL, up);
    if (!up) {
        m->blind_since_ms = now.mono_ms;
        return;
    }
    const int64_t blind_ms = now.mono_ms - m->blind_since_ms;
    m->blind_s += (double)blind_ms / 1000;
    group_count(self, m->self, SELF_CONNECTS_COL, 1);
    workers_excuse(m->workers, blind_ms);
}

void
metrics_event(struct metrics *m, const struct event *ev, struct now now)
{
    count_own(m, ev, now);
    const bool repeated = senders_repeated(m->senders, ev);
    if (repeated)
        group_count(registry_group(m->registry, GROUP_EXPORTER), m->self,
                    SELF_DUPLICATES_COL, 1);
    if (ev->type == EVENT_OTHER)
        return;
    /* A worker event only states how things are: once more does no harm. */
    if (ev->type >= EVENT_WORKER_ONLINE)
        workers_event(m->workers, ev, now);
    else if (!repeated)
        task_event(m, ev, now);
}

void
metrics_expire(struct metrics *m, struct now now)
{
    waiting_expire(m->waiting, now.mono_ms);
    m->generation++;
}

void
metrics_tick(struct metrics *m, struct now now)
{
    const int64_t gap_ms = now.mono_ms - m->last_tick_ms;
    if (gap_ms > LATE_TICK_MS && m->broker_up)
        workers_excuse(m->workers, gap_ms);
    m->last_tick_ms = now.mono_ms;
    metrics_expire(m, now);
    const int64_t now_s = now.mono_ms / 1000;
    if (now_s > FINISHED_KEEP_S)
        tasks_expire(m->tasks, (uint32_t)(now_s - FINISHED_KEEP_S),
                     EXPIRE_PER_TICK);
    if (m->broker_up)
        workers_tick(m->workers, now);
}

int64_t
metrics_deadline(const struct metrics *m)
{
    return waiting_deadline(m->waiting);
}

void
metrics_refresh(struct metrics *m, struct now now)
{
    struct group *self = registry_group(m->registry, GROUP_EXPORTER);
    const double blind_s =
        m->broker_up ? 0 : (double)(now.mono_ms - m->blind_since_ms) / 1000;
    group_set(self, m->self, SELF_BLIND_COL, m->blind_s + blind_s);
    group_set(self, m->self, SELF_TRACKED_COL, (double)tasks_n(m->tasks));
    group_set(self, m->self, SELF_TRACKED_LIMIT_COL,
              (double)tasks_capacity(m->tasks));
    if (group_touch(self, m->self, SELF_EVICTED_COL) != NULL)
        m->self->cells[SELF_EVICTED_COL].count = tasks_nevicted(m->tasks);
    registry_refresh(m->registry);
}

/* ---- life ---- */

static void
on_host_drop(void *ctx)
{
    struct metrics *m = ctx;
    /* Waiting events refer to hosts by number. */
    waiting_expire(m->waiting, INT64_MAX);
}

static void
set_values(struct metrics *m, const struct metrics_config *config)
{
    const uint32_t generic =
        config->generic_hostname_task_sent ||
                config->generic_hostname_worker_task
            ? registry_value(m->registry, LABEL_HOSTNAME, STR("generic"))
            : VALUES_OTHER;
    if (config->generic_hostname_task_sent)
        m->generic_sent = generic;
    if (config->generic_hostname_worker_task)
        m->generic_worker = generic;
    static const struct str reasons[REVOCATION_COUNT] = {
        [REVOKED_EXPIRED] = STR_INIT("expired"),
        [REVOKED_TERMINATED] = STR_INIT("terminated"),
        [REVOKED_PLAIN] = STR_INIT("revoked"),
    };
    for (size_t i = 0; i < REVOCATION_COUNT; i++)
        m->revocations[i] =
            registry_value(m->registry, LABEL_FIXED, reasons[i]);
}

struct metrics *
metrics_new(const struct metrics_config *config, struct hash_key key,
            struct now now, struct buf *err)
{
    struct metrics *m = xcalloc(1, sizeof(*m));
    m->name_grace_ms = config->name_grace_ms;
    m->blind_since_ms = m->last_tick_ms = now.mono_ms;
    m->registry = registry_new(&config->registry, key, err);
    if (m->registry == NULL)
        goto err;
    set_values(m, config);
    m->counters =
        counters_new(m->registry, str_from(config->default_queue_name));
    m->tasks = tasks_new(key, config->max_tracked_tasks, on_evict, m);
    m->senders = senders_new(key, MAX_SENDERS);
    m->workers = workers_new(
        &(struct workers_config){
            .timeout_ms = config->worker_timeout_ms,
            .purge_ms = config->purge_offline_worker_ms,
            .client_purge_ms = config->purge_client_ms,
            .max = MAX_WORKERS,
            .before_drop = on_host_drop,
            .ctx = m,
        },
        m->registry, key);
    m->waiting = waiting_new(m->tasks, MAX_WAITING, count, m);
    make_own_series(m);
    return m;
err:
    metrics_free(m);
    return NULL;
}

void
metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    waiting_free(m->waiting);
    workers_free(m->workers);
    senders_free(m->senders);
    tasks_free(m->tasks);
    counters_free(m->counters);
    registry_free(m->registry);
    free(m->sent_names);
    free(m);
}

size_t
metrics_nworkers_up(const struct metrics *m)
{
    return workers_nup(m->workers);
}

bool
metrics_worker_is_up(const struct metrics *m, struct str nodename)
{
    return workers_node_is_up(m->workers, nodename);
}

uint64_t
metrics_generation(const struct metrics *m)
{
    return m->generation;
}

struct registry *
metrics_registry(const struct metrics *m)
{
    return m->registry;
}
