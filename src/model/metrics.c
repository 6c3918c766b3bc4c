#include <stdlib.h>

#include "base/xalloc.h"
#include "model/grace.h"
#include "model/metrics_private.h"
#include "model/tasks.h"

enum {
    MAX_SENDERS = 4096,
    MAX_WORKERS = 10000,
    /* A tick later than this means that the whole process stood still. */
    LATE_TICK_MS = 5000,
};

/* Thirty years, in seconds. */
static const double MAX_DELAY = 1e9;

/* ---- the exporter's own figures ---- */

static void
make_own_series(struct metrics *m)
{
    struct registry *registry = m->registry;
    m->self = registry_fixed(registry, GROUP_EXPORTER, NULL);
    struct group *self = registry_group(registry, GROUP_EXPORTER);
    m->self_group = self;
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
    m->counts.nevents[ev->type]++;
    m->counts.last_event_s = now.wall_s;
    const double delay = now.wall_s - ev->timestamp;
    /* Neither NaN, nor a clock ahead of ours, nor one that was never set. */
    if (delay >= 0 && delay <= MAX_DELAY)
        group_observe(m->self_group, m->self, SELF_DELAY_COL, delay);
    m->generation++;
}

static void
show_own_counts(struct metrics *m)
{
    struct own_counts *counts = &m->counts;
    struct group *events = registry_group(m->registry, GROUP_EVENT);
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
        group_count(events, m->events[i], REASON_COL, counts->nevents[i]);
        counts->nevents[i] = 0;
    }
    group_set(m->self_group, m->self, SELF_LAST_EVENT_COL,
              counts->last_event_s);
    group_count(m->self_group, m->self, SELF_MESSAGES_COL, counts->nmessages);
    group_count(m->self_group, m->self, SELF_RECEIVED_BYTES_COL,
                counts->nbytes);
    counts->nmessages = counts->nbytes = 0;
}

void
metrics_message(struct metrics *m, size_t wire_bytes)
{
    m->counts.nmessages++;
    m->counts.nbytes += wire_bytes;
    m->generation++;
}

void
metrics_reject(struct metrics *m, enum reject reason)
{
    group_count(registry_group(m->registry, GROUP_REJECT), m->rejects[reason],
                REASON_COL, 1);
    m->generation++;
}

static bool
set_broker_up(struct metrics *m, bool up)
{
    if (up == m->broker_up)
        return false;
    m->broker_up = up;
    m->generation++;
    group_set(registry_group(m->registry, GROUP_EXPORTER), m->self,
              SELF_BROKER_UP_COL, up);
    return true;
}

void
metrics_broker_down(struct metrics *m, int64_t unheard_ms, struct now now)
{
    if (set_broker_up(m, false))
        m->blind_since_ms = now.mono_ms - unheard_ms;
}

void
metrics_broker_up(struct metrics *m, struct now now)
{
    struct group *self = registry_group(m->registry, GROUP_EXPORTER);
    if (!set_broker_up(m, true))
        return;
    const int64_t blind_ms = now.mono_ms - m->blind_since_ms;
    m->blind_s += (double)blind_ms / 1000;
    group_count(self, m->self, SELF_CONNECTS_COL, 1);
    workers_subscribed(m->workers, now);
    workers_excuse(m->workers, blind_ms, now);
}

/* A repeated worker event proves life once more, but what it processed by then
 * would look like the figures of another process. */
static void
on_worker_event(struct metrics *m, const struct arrival *arrival, bool repeated)
{
    struct event bare = *arrival->ev;
    if (repeated)
        bare.processed = -1;
    struct arrival told = *arrival;
    told.ev = &bare;
    workers_event(m->workers, &told);
}

void
metrics_event(struct metrics *m, const struct event *ev, struct now now)
{
    count_own(m, ev, now);
    const struct arrival arrival =
        arrival_of(ev, now, registry_hash_key(m->registry), &m->recent);
    const bool repeated = senders_repeated(m->senders, &arrival);
    if (repeated)
        group_count(registry_group(m->registry, GROUP_EXPORTER), m->self,
                    SELF_DUPLICATES_COL, 1);
    if (ev->type == EVENT_OTHER)
        return;
    if (ev->type >= EVENT_WORKER_ONLINE)
        on_worker_event(m, &arrival, repeated);
    else if (!repeated)
        task_rules_event(m->rules, &arrival);
}

void
metrics_expire(struct metrics *m, struct now now)
{
    struct grace *grace = task_rules_grace(m->rules);
    const int64_t answer_ms = workers_first_answer_ms(m->workers);
    if (now.mono_ms >= answer_ms && m->gave_up_ms != answer_ms) {
        m->gave_up_ms = answer_ms;
        grace_release_all_ready(grace, now);
    }
    grace_expire(grace, now.mono_ms);
    m->generation++;
}

void
metrics_tick(struct metrics *m, struct now now)
{
    const int64_t gap_ms = now.mono_ms - m->last_tick_ms;
    if (gap_ms > LATE_TICK_MS)
        workers_excuse(m->workers, gap_ms, now);
    m->last_tick_ms = now.mono_ms;
    metrics_expire(m, now);
    task_rules_tick(m->rules, now);
    if (m->broker_up)
        workers_tick(m->workers, now);
}

int64_t
metrics_deadline(const struct metrics *m)
{
    const int64_t due_ms = grace_deadline(task_rules_grace(m->rules));
    const int64_t answer_ms = workers_first_answer_ms(m->workers);
    if (due_ms == INT64_MAX || answer_ms == m->gave_up_ms)
        return due_ms;
    return answer_ms < due_ms ? answer_ms : due_ms;
}

static void
show_table(const struct metrics *m, struct str name, size_t n, size_t max)
{
    struct group *group = registry_group(m->registry, GROUP_TABLE_CAP);
    struct series *series = registry_fixed(m->registry, GROUP_TABLE_CAP, &name);
    group_set(group, series, CAP_USED_COL, (double)n);
    group_set(group, series, CAP_LIMIT_COL, (double)max);
}

static void
show_tables(const struct metrics *m)
{
    show_table(m, STR("workers"), workers_n(m->workers), MAX_WORKERS);
    show_table(m, STR("senders"), senders_n(m->senders), MAX_SENDERS);
    show_table(m, STR("waiting_events"), grace_n(task_rules_grace(m->rules)),
               GRACE_MAX);
}

void
metrics_refresh(struct metrics *m, struct now now)
{
    struct group *self = registry_group(m->registry, GROUP_EXPORTER);
    const struct tasks *tasks = task_rules_tasks(m->rules);
    show_own_counts(m);
    group_set(self, m->self, SELF_BLIND_COL,
              m->blind_s + (double)metrics_blind_ms(m, now) / 1000);
    group_set(self, m->self, SELF_TRACKED_COL, (double)tasks_n(tasks));
    group_set(self, m->self, SELF_TRACKED_LIMIT_COL,
              (double)tasks_capacity(tasks));
    if (group_touch(self, m->self, SELF_EVICTED_COL) != NULL)
        m->self->cells[SELF_EVICTED_COL].count = tasks_nevicted(tasks);
    task_rules_refresh(m->rules, now);
    show_tables(m);
    registry_refresh(m->registry);
}

/* ---- life ---- */

/* Waiting events refer to hosts by number. */
static void
on_host_drop(void *ctx, const struct idset *hostnames)
{
    struct metrics *m = ctx;
    grace_release_hosts(task_rules_grace(m->rules), hostnames);
    hostnames_drop(m->hostnames, hostnames);
}

static bool
has_events(void *ctx, struct str name)
{
    const struct metrics *m = ctx;
    return task_rules_has_events(m->rules, name);
}

struct metrics *
metrics_new(const struct metrics_config *config, struct hash_key key,
            struct now now, struct buf *err)
{
    struct metrics *m = xcalloc(1, sizeof(*m));
    m->blind_since_ms = m->last_tick_ms = now.mono_ms;
    m->registry = registry_new(&config->registry, key, err);
    if (m->registry == NULL)
        goto err;
    m->hostnames =
        hostnames_new(m->registry, key, config->hostname_is_worker,
                      config->hostname_rewrites, config->nhostname_rewrites);
    m->filter = task_filter_new(config->task_include, config->ntask_include,
                                config->task_exclude, config->ntask_exclude);
    m->senders = senders_new(MAX_SENDERS);
    m->workers = workers_new(
        &(struct workers_config){
            .timeout_ms = config->worker_timeout_ms,
            .purge_ms = config->purge_offline_worker_ms,
            .client_purge_ms = config->purge_client_ms,
            .max = MAX_WORKERS,
            .queue_grace_ms = config->name_grace_ms,
            .has_events = has_events,
            .before_drop = on_host_drop,
            .ctx = m,
        },
        m->registry, m->hostnames, key);
    m->rules = task_rules_new(
        &(struct task_rules_config){
            .default_queue = str_from(config->default_queue_name),
            .filter = m->filter,
            .generic_sent = config->generic_hostname_task_sent,
            .generic_worker = config->generic_hostname_worker_task,
            .name_grace_ms = config->name_grace_ms,
            .max_tasks = config->max_tracked_tasks,
        },
        m->registry, m->hostnames, m->workers);
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
    task_rules_free(m->rules);
    workers_free(m->workers);
    senders_free(m->senders);
    task_filter_free(m->filter);
    hostnames_free(m->hostnames);
    registry_free(m->registry);
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

bool
metrics_broker_is_up(const struct metrics *m)
{
    return m->broker_up;
}

int64_t
metrics_blind_ms(const struct metrics *m, struct now now)
{
    return m->broker_up ? 0 : now.mono_ms - m->blind_since_ms;
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
