#include "model/workers.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/hosts.h"
#include "model/values.h"
#include "model/worker_figures.h"

enum {
    /* A process that fell silent while another of the same nodename came
     * online was restarted: no need to wait for the timeout. */
    SUPERSEDED_MS = 15 * 1000,
    /* Unfinished tasks put off a purge, but not for ever: a killed worker
     * never finishes them. */
    DEFERRAL_MS = 24 * 3600 * 1000,
};

struct worker {
    struct hash128 hash; /* of nodename and pid */
    struct worker_figures figures;
    int64_t seen_ms;
    int64_t online_ms;
    int64_t active;
    uint32_t nrunning;
    bool used;
    bool up;
    bool goodbye; /* said worker-offline, and nothing of its own since */
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
    int64_t online_ms; /* when any last came online */
    struct hosts *hosts;
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
    workers->hosts = hosts_new(
        &(struct hosts_config){.client_purge_ms = config->client_purge_ms,
                               .before_drop = config->before_drop,
                               .ctx = config->ctx},
        registry);
    return workers;
}

void
workers_free(struct workers *workers)
{
    if (workers == NULL)
        return;
    index_close(&workers->index);
    free(workers->items);
    hosts_free(workers->hosts);
    free(workers);
}

struct str
workers_host(struct str nodename)
{
    const size_t at = str_find(nodename, '@');
    return at == nodename.len ? nodename
                              : str_slice(nodename, at + 1, nodename.len);
}

/* The one place where a worker changes what its host adds up to. */
static void
set_state(struct workers *workers, struct worker *worker, bool up,
          int64_t active, double wall_s)
{
    const int change = (int)up - (int)worker->up;
    workers->nup += (size_t)change;
    hosts_change(workers->hosts, worker->figures.hostname, change,
                 active - worker->active, wall_s);
    worker->up = up;
    worker->active = active;
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
        .figures =
            {
                .hostname = registry_value(registry, LABEL_HOSTNAME,
                                           workers_host(ev->hostname)),
                .node = registry_value(registry, LABEL_WORKER, ev->hostname),
                .processed = -1,
            },
        .used = true,
    };
    hosts_add_worker(workers->hosts, worker->figures.hostname);
    index_add(&workers->index, hash, number);
    return number;
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
    worker_figures_heartbeat(&worker->figures, workers->registry, workers->key,
                             ev, now.wall_s);
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
    worker_figures_task_event(&worker->figures, workers->registry, now.wall_s);
    return number;
}

uint32_t
workers_hostname(const struct workers *workers, uint32_t number)
{
    return number == WORKERS_NONE ? (uint32_t)VALUES_OTHER
                                  : workers->items[number].figures.hostname;
}

void
workers_client_event(struct workers *workers, uint32_t hostname, struct now now)
{
    hosts_client_event(workers->hosts, hostname, now);
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

static bool
node_is_used(const struct workers *workers, uint32_t node)
{
    for (uint32_t i = 0; i < workers->nitems; i++)
        if (workers->items[i].used && workers->items[i].figures.node == node)
            return true;
    return false;
}

static void
purge(struct workers *workers, struct worker *worker)
{
    index_remove(&workers->index, worker->hash);
    worker->used = false;
    workers->nfree++;
    if (!node_is_used(workers, worker->figures.node))
        worker_figures_drop(&worker->figures, workers->registry);
    hosts_remove_worker(workers->hosts, worker->figures.hostname);
}

static bool
superseded(const struct workers *workers, const struct worker *worker)
{
    if (workers->online_ms <= worker->seen_ms)
        return false;
    for (uint32_t i = 0; i < workers->nitems; i++) {
        const struct worker *other = &workers->items[i];
        if (other->used && other->up &&
            other->figures.node == worker->figures.node &&
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
        hosts_count_lost(workers->hosts, worker->figures.hostname, now.wall_s);
    }
    if (purged)
        purge(workers, worker);
}

void
workers_tick(struct workers *workers, struct now now)
{
    for (uint32_t i = 0; i < workers->nitems; i++)
        if (workers->items[i].used)
            check_worker(workers, &workers->items[i], now);
    hosts_tick(workers->hosts, now);
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
            workers->items[i].figures.node == node)
            return true;
    return false;
}

size_t
workers_nup(const struct workers *workers)
{
    return workers->nup;
}
