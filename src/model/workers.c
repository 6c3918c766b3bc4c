#include "model/workers.h"

#include <math.h>
#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/values.h"

enum {
    /* A process that fell silent while another of the same nodename came
     * online was restarted: no need to wait for the timeout. */
    SUPERSEDED_MS = 15 * 1000,
    /* Unfinished tasks put off a purge, but not for ever: a killed worker
     * never finishes them. */
    DEFERRAL_MS = 24 * 3600 * 1000,
    /* A client host leaves early only when hosts run out, and never while it
     * is active. */
    CLIENT_IDLE_MS = 10 * 60 * 1000,
};

struct worker {
    struct hash128 hash; /* of nodename and pid */
    uint32_t hostname;   /* label values */
    uint32_t node;
    int64_t seen_ms;
    int64_t online_ms;
    int64_t active;
    int64_t processed; /* -1 before the first figure */
    uint64_t software; /* hash of what worker_info shows; 0 = nothing yet */
    uint32_t nrunning;
    bool used;
    bool up;
    bool goodbye;       /* said worker-offline, and nothing of its own since */
    bool task_event;    /* one came since the last heartbeat */
    bool grew_silently; /* processed grew by the last heartbeat, without any */
};

struct host {
    uint32_t nworkers;
    uint32_t nup;
    int64_t active;
    int64_t client_ms; /* last task-sent; 0 = never */
};

struct workers {
    struct workers_config config;
    struct registry *registry;
    struct hash_key key;
    struct worker *items;
    uint32_t nitems;
    uint32_t cap;
    uint32_t nfree; /* places of purged ones */
    struct index index;
    int64_t online_ms;  /* when any last came online */
    struct host *hosts; /* by number of the hostname value */
    size_t nhosts;
    size_t nup;
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct workers *)owner)->items[number].hash;
}

struct workers *
workers_new(const struct workers_config *config, struct registry *registry,
            struct hash_key key)
{
    struct workers *workers = xmalloc(sizeof(*workers));
    *workers =
        (struct workers){.config = *config, .registry = registry, .key = key};
    index_init(&workers->index, hash_of, workers);
    return workers;
}

void
workers_free(struct workers *workers)
{
    if (workers == NULL)
        return;
    index_close(&workers->index);
    free(workers->items);
    free(workers->hosts);
    free(workers);
}

struct str
workers_host(struct str nodename)
{
    const size_t at = str_find(nodename, '@');
    return at == nodename.len ? nodename
                              : str_slice(nodename, at + 1, nodename.len);
}

static struct host *
host_at(struct workers *workers, uint32_t hostname)
{
    if (hostname >= workers->nhosts) {
        const size_t n = 2 * (size_t)hostname + 16;
        workers->hosts = xrealloc(workers->hosts, n, sizeof(struct host));
        for (size_t i = workers->nhosts; i < n; i++)
            workers->hosts[i] = (struct host){0};
        workers->nhosts = n;
    }
    return &workers->hosts[hostname];
}

static struct series *
worker_series(struct workers *workers, const struct worker *worker,
              double wall_s)
{
    const uint32_t ids[SERIES_MAX_LABELS] = {worker->hostname, worker->node};
    return group_series(registry_group(workers->registry, GROUP_WORKER), ids,
                        wall_s);
}

static void
show_host(struct workers *workers, uint32_t hostname, double wall_s)
{
    const struct host *host = host_at(workers, hostname);
    struct group *group = registry_group(workers->registry, GROUP_HOST);
    const uint32_t ids[SERIES_MAX_LABELS] = {hostname};
    struct series *series = group_series(group, ids, wall_s);
    group_set(group, series, HOST_UP_COL, host->nup > 0 ? 1 : 0);
    group_set(group, series, HOST_ACTIVE_COL, (double)host->active);
    group_touch(group, series, HOST_LOST_COL);
}

/* The one place where a worker changes what its host adds up to. */
static void
set_state(struct workers *workers, struct worker *worker, bool up,
          int64_t active, double wall_s)
{
    struct host *host = host_at(workers, worker->hostname);
    if (up != worker->up) {
        host->nup += up ? 1 : UINT32_MAX;
        workers->nup += up ? 1 : SIZE_MAX;
    }
    host->active += active - worker->active;
    worker->up = up;
    worker->active = active;
    show_host(workers, worker->hostname, wall_s);
}

static uint32_t
free_number(struct workers *workers)
{
    /* Tasks still point at a purged worker that never ended them. */
    for (uint32_t i = 0; i < workers->nitems && workers->nfree > 0; i++) {
        if (workers->items[i].used || workers->items[i].nrunning > 0)
            continue;
        workers->nfree--;
        return i;
    }
    if (workers->nitems >= workers->config.max)
        return WORKERS_NONE;
    if (workers->nitems == workers->cap) {
        workers->cap = workers->cap == 0 ? 16 : 2 * workers->cap;
        workers->items =
            xrealloc(workers->items, workers->cap, sizeof(struct worker));
    }
    return workers->nitems++;
}

static uint32_t
find(const struct workers *workers, const struct event *ev,
     struct hash128 *hash)
{
    *hash = hash_bytes(workers->key, ev->hostname);
    hash->low ^= hash_mix(workers->key, (uint64_t)ev->pid, hash->high);
    return index_find(&workers->index, *hash);
}

static uint32_t
find_or_add(struct workers *workers, const struct event *ev)
{
    struct hash128 hash;
    uint32_t number = find(workers, ev, &hash);
    if (number != INDEX_NONE)
        return number;
    number = free_number(workers);
    if (number == WORKERS_NONE)
        return WORKERS_NONE;
    struct registry *registry = workers->registry;
    struct worker *worker = &workers->items[number];
    *worker = (struct worker){
        .hash = hash,
        .hostname = registry_value(registry, LABEL_HOSTNAME,
                                   workers_host(ev->hostname)),
        .node = registry_value(registry, LABEL_WORKER, ev->hostname),
        .processed = -1,
        .used = true,
    };
    host_at(workers, worker->hostname)->nworkers++;
    index_add(&workers->index, hash, number);
    return number;
}

static void
count_lost(struct workers *workers, const struct worker *worker, double wall_s)
{
    struct group *group = registry_group(workers->registry, GROUP_HOST);
    const uint32_t ids[SERIES_MAX_LABELS] = {worker->hostname};
    group_count(group, group_series(group, ids, wall_s), HOST_LOST_COL, 1);
}

static void
show_software(struct workers *workers, struct worker *worker,
              const struct event *ev, double wall_s)
{
    if (ev->sw_ver.ptr == NULL && ev->sw_ident.ptr == NULL)
        return;
    const uint64_t software = hash_bytes(workers->key, ev->sw_ident).low ^
                              3 * hash_bytes(workers->key, ev->sw_ver).low ^
                              7 * hash_bytes(workers->key, ev->sw_sys).low;
    if (software == worker->software)
        return;
    worker->software = software;
    struct registry *registry = workers->registry;
    struct group *group = registry_group(registry, GROUP_WORKER_INFO);
    if (worker->node != VALUES_OTHER)
        group_drop(group, 5, worker->node); /* an older version's */
    const uint32_t ids[SERIES_MAX_LABELS] = {
        worker->hostname,
        registry_value(registry, LABEL_SOFTWARE, STR("")),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_ident),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_sys),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_ver),
        worker->node,
    };
    group_set(group, group_series(group, ids, wall_s), WORKER_INFO_COL, 1);
}

/* `processed` counts from the start of the process; the family sums what the
 * processes of one nodename add. */
static void
count_processed(struct workers *workers, struct worker *worker,
                const struct event *ev, struct series *series)
{
    struct group *group = registry_group(workers->registry, GROUP_WORKER);
    if (ev->processed < 0)
        return;
    const bool known =
        worker->processed >= 0 && ev->processed >= worker->processed;
    const int64_t grown =
        known ? ev->processed - worker->processed : ev->processed;
    group_count(group, series, WORKER_PROCESSED_COL, (uint64_t)grown);
    /* The heartbeat overtakes task events that wait in the worker's buffer,
     * so the verdict comes one heartbeat late. */
    if (worker->grew_silently && !worker->task_event)
        group_set(group, series, WORKER_EVENTS_COL, 0);
    worker->grew_silently = known && grown > 0 && !worker->task_event;
    worker->task_event = false;
    worker->processed = ev->processed;
}

static void
show_load(struct workers *workers, const struct event *ev,
          struct series *series)
{
    static const size_t columns[] = {WORKER_LOAD1_COL, WORKER_LOAD5_COL,
                                     WORKER_LOAD15_COL};
    struct group *group = registry_group(workers->registry, GROUP_WORKER);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (!isnan(ev->loadavg[i]))
            group_set(group, series, columns[i], ev->loadavg[i]);
}

static void
heartbeat(struct workers *workers, struct worker *worker,
          const struct event *ev, struct now now)
{
    worker->goodbye = false;
    worker->seen_ms = now.mono_ms;
    /* A forced heartbeat has no figures: it only proves life. */
    set_state(workers, worker, true,
              ev->active >= 0 ? ev->active : worker->active, now.wall_s);
    struct series *series = worker_series(workers, worker, now.wall_s);
    group_set(registry_group(workers->registry, GROUP_WORKER), series,
              WORKER_HEARTBEAT_COL, now.wall_s);
    count_processed(workers, worker, ev, series);
    show_load(workers, ev, series);
    show_software(workers, worker, ev, now.wall_s);
}

void
workers_event(struct workers *workers, const struct event *ev, struct now now)
{
    struct hash128 hash;
    if (ev->type == EVENT_WORKER_OFFLINE) {
        const uint32_t number = find(workers, ev, &hash);
        if (number == INDEX_NONE)
            return;
        struct worker *worker = &workers->items[number];
        worker->goodbye = true;
        worker->seen_ms = now.mono_ms;
        set_state(workers, worker, false, 0, now.wall_s);
        return;
    }
    const uint32_t number = find_or_add(workers, ev);
    if (number == WORKERS_NONE)
        return;
    struct worker *worker = &workers->items[number];
    if (ev->type == EVENT_WORKER_ONLINE)
        workers->online_ms = worker->online_ms = now.mono_ms;
    heartbeat(workers, worker, ev, now);
}

uint32_t
workers_task_event(struct workers *workers, const struct event *ev,
                   struct now now)
{
    const uint32_t number = find_or_add(workers, ev);
    if (number == WORKERS_NONE)
        return WORKERS_NONE;
    struct worker *worker = &workers->items[number];
    worker->seen_ms = now.mono_ms;
    if (!worker->up && !worker->goodbye)
        set_state(workers, worker, true, worker->active, now.wall_s);
    if (!worker->task_event) {
        worker->task_event = true;
        group_set(registry_group(workers->registry, GROUP_WORKER),
                  worker_series(workers, worker, now.wall_s), WORKER_EVENTS_COL,
                  1);
    }
    return number;
}

uint32_t
workers_hostname(const struct workers *workers, uint32_t number)
{
    return number == WORKERS_NONE ? (uint32_t)VALUES_OTHER
                                  : workers->items[number].hostname;
}

void
workers_client_event(struct workers *workers, uint32_t hostname, struct now now)
{
    host_at(workers, hostname)->client_ms = now.mono_ms > 0 ? now.mono_ms : 1;
}

void
workers_task_started(struct workers *workers, uint32_t number)
{
    if (number != WORKERS_NONE)
        workers->items[number].nrunning++;
}

void
workers_task_ended(struct workers *workers, uint32_t number)
{
    if (number != WORKERS_NONE && workers->items[number].nrunning > 0)
        workers->items[number].nrunning--;
}

static void
drop_host(struct workers *workers, uint32_t hostname)
{
    workers->config.before_drop(workers->config.ctx);
    *host_at(workers, hostname) = (struct host){0};
    registry_drop_hostname(workers->registry, hostname);
}

static bool
node_is_used(const struct workers *workers, uint32_t node)
{
    for (uint32_t i = 0; i < workers->nitems; i++)
        if (workers->items[i].used && workers->items[i].node == node)
            return true;
    return false;
}

static void
purge(struct workers *workers, struct worker *worker)
{
    struct host *host = host_at(workers, worker->hostname);
    index_remove(&workers->index, worker->hash);
    worker->used = false;
    workers->nfree++;
    host->nworkers--;
    if (!node_is_used(workers, worker->node)) {
        struct registry *registry = workers->registry;
        group_drop(registry_group(registry, GROUP_WORKER), 1, worker->node);
        group_drop(registry_group(registry, GROUP_WORKER_INFO), 5,
                   worker->node);
        values_drop(registry_values(registry, LABEL_WORKER), worker->node);
    }
    if (host->nworkers == 0)
        drop_host(workers, worker->hostname);
}

static bool
superseded(const struct workers *workers, const struct worker *worker)
{
    if (workers->online_ms <= worker->seen_ms)
        return false;
    for (uint32_t i = 0; i < workers->nitems; i++) {
        const struct worker *other = &workers->items[i];
        if (other->used && other->up && other->node == worker->node &&
            other->online_ms > worker->seen_ms)
            return true;
    }
    return false;
}

static bool
must_purge(const struct workers *workers, const struct worker *worker,
           int64_t silent_ms)
{
    const struct workers_config *config = &workers->config;
    if (config->purge_ms == 0 || silent_ms <= config->purge_ms)
        return false;
    if (worker->up && config->timeout_ms == 0)
        return false;
    return worker->nrunning == 0 || silent_ms > config->purge_ms + DEFERRAL_MS;
}

static void
check_worker(struct workers *workers, struct worker *worker, struct now now)
{
    const int64_t silent_ms = now.mono_ms - worker->seen_ms;
    const int64_t timeout_ms = workers->config.timeout_ms;
    const bool purged = must_purge(workers, worker, silent_ms);
    if (worker->up &&
        ((timeout_ms > 0 && silent_ms > timeout_ms) || purged ||
         (silent_ms > SUPERSEDED_MS && superseded(workers, worker)))) {
        set_state(workers, worker, false, 0, now.wall_s);
        count_lost(workers, worker, now.wall_s);
    }
    if (purged)
        purge(workers, worker);
}

static bool
is_idle_client(const struct host *host, int64_t now_ms, int64_t idle_ms)
{
    return host->nworkers == 0 && host->client_ms > 0 &&
           now_ms - host->client_ms > idle_ms;
}

static void
check_clients(struct workers *workers, struct now now)
{
    const struct values *hostnames =
        registry_values(workers->registry, LABEL_HOSTNAME);
    const int64_t purge_ms = workers->config.client_purge_ms;
    for (uint32_t i = 0; i < workers->nhosts; i++) {
        const struct host *host = &workers->hosts[i];
        const bool full = 10 * values_n(hostnames) >= 9 * values_max(hostnames);
        if ((purge_ms > 0 && is_idle_client(host, now.mono_ms, purge_ms)) ||
            (full && is_idle_client(host, now.mono_ms, CLIENT_IDLE_MS)))
            drop_host(workers, i);
    }
}

void
workers_tick(struct workers *workers, struct now now)
{
    for (uint32_t i = 0; i < workers->nitems; i++)
        if (workers->items[i].used)
            check_worker(workers, &workers->items[i], now);
    check_clients(workers, now);
}

void
workers_excuse(struct workers *workers, int64_t blind_ms)
{
    for (uint32_t i = 0; i < workers->nitems; i++)
        workers->items[i].seen_ms += blind_ms;
}

bool
workers_node_is_up(const struct workers *workers, struct str nodename)
{
    const uint32_t node =
        registry_value(workers->registry, LABEL_WORKER, nodename);
    for (uint32_t i = 0; i < workers->nitems; i++)
        if (workers->items[i].used && workers->items[i].up &&
            workers->items[i].node == node)
            return true;
    return false;
}

size_t
workers_nup(const struct workers *workers)
{
    return workers->nup;
}
