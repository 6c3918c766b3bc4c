#include "model/workers.h"

#include <assert.h>
#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/hosts.h"
#include "model/nodes.h"
#include "model/worker_figures.h"

enum {
    /* A number is a place and, above, how often it was given out before. */
    PLACE_BITS = 14,
    PLACE_MASK = (1 << PLACE_BITS) - 1,
    /* A process that fell silent while another of the same nodename came
     * online was restarted: no need to wait for the timeout. */
    SUPERSEDED_MS = 15 * 1000,
    /* Unfinished tasks put off a purge, but not for ever: a killed worker
     * never finishes them. */
    DEFERRAL_MS = 24 * 3600 * 1000,
    /* When places run out, those that have been down for longer give way. */
    CROWDED_MS = 10 * 60 * 1000,
    MAX_ACTIVE = 1000000000, /* more than any pool has */
};

static const uint32_t NONE = UINT32_MAX;

struct worker {
    struct hash128 hash; /* of nodename and pid */
    struct worker_figures figures;
    uint32_t node;
    uint32_t reuse;     /* how often the place was given out before */
    uint32_t next_free; /* while it is free */
    uint32_t nrunning;
    int64_t seen_ms;
    int64_t active;
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
    uint32_t first_free;
    struct index index;
    struct nodes *nodes;
    struct hosts *hosts;
    size_t nup;
};

static struct hash128
hash_of(const void *owner, uint32_t place)
{
    return ((const struct workers *)owner)->items[place].hash;
}

struct workers *
workers_new(const struct workers_config *config, struct registry *registry,
            struct hash_key key)
{
    assert(config->max <= WORKERS_MAX);
    struct workers *workers = xmalloc(sizeof(*workers));
    *workers = (struct workers){
        .config = *config,
        .registry = registry,
        .key = key,
        .first_free = NONE,
        .nodes = nodes_new(registry, key),
    };
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
    nodes_free(workers->nodes);
    hosts_free(workers->hosts);
    free(workers->items);
    free(workers);
}

static struct node *
node_of(const struct workers *workers, const struct worker *worker)
{
    return nodes_at(workers->nodes, worker->node);
}

/* The one place where a worker changes what its node and host add up to. */
static void
set_state(struct workers *workers, struct worker *worker, bool up,
          int64_t active, double wall_s)
{
    struct node *node = node_of(workers, worker);
    const int change = (int)up - (int)worker->up;
    if (active > MAX_ACTIVE)
        active = MAX_ACTIVE;
    workers->nup += (size_t)change;
    node->nup += (uint32_t)change;
    hosts_change(workers->hosts, node->hostname, change,
                 active - worker->active, wall_s);
    worker->up = up;
    worker->active = active;
}

static uint32_t
take_place(struct workers *workers)
{
    if (workers->first_free != NONE) {
        const uint32_t place = workers->first_free;
        workers->first_free = workers->items[place].next_free;
        return place;
    }
    if (workers->nitems >= workers->config.max)
        return NONE;
    if (workers->nitems == workers->cap) {
        workers->cap = workers->cap == 0 ? 16 : 2 * workers->cap;
        workers->items =
            xrealloc(workers->items, workers->cap, sizeof(struct worker));
    }
    workers->items[workers->nitems].reuse = 0;
    return workers->nitems++;
}

static struct worker *
find(const struct workers *workers, const struct event *ev,
     struct hash128 *hash)
{
    *hash = hash_bytes(workers->key, ev->hostname);
    hash->low ^= hash_mix(workers->key, (uint64_t)ev->pid, hash->high);
    const uint32_t place = index_find(&workers->index, *hash);
    return place == INDEX_NONE ? NULL : &workers->items[place];
}

static struct worker *
find_or_add(struct workers *workers, const struct event *ev)
{
    struct hash128 hash;
    struct worker *worker = find(workers, ev, &hash);
    if (worker != NULL)
        return worker;
    const uint32_t place = take_place(workers);
    if (place == NONE)
        return NULL;
    worker = &workers->items[place];
    *worker = (struct worker){
        .hash = hash,
        .figures = {.processed = -1},
        .node = nodes_add_worker(workers->nodes, ev->hostname),
        .reuse = worker->reuse,
        .used = true,
    };
    hosts_add_worker(workers->hosts, node_of(workers, worker)->hostname);
    index_add(&workers->index, hash, place);
    return worker;
}

/* NULL when it was purged, or never had a place. */
static struct worker *
worker_at(const struct workers *workers, uint32_t number)
{
    if (number == WORKERS_NONE)
        return NULL;
    struct worker *worker = &workers->items[number & PLACE_MASK];
    return worker->used && worker->reuse == number >> PLACE_BITS ? worker
                                                                 : NULL;
}

static uint32_t
number_of(const struct workers *workers, const struct worker *worker)
{
    return (uint32_t)(worker - workers->items) | worker->reuse << PLACE_BITS;
}

static void
hear(struct workers *workers, struct worker *worker, struct now now)
{
    worker->seen_ms = now.mono_ms;
    node_of(workers, worker)->latest = number_of(workers, worker);
}

/* What proves life, but not that a worker goes on after its goodbye. */
static void
hear_of_life(struct workers *workers, struct worker *worker, struct now now)
{
    hear(workers, worker, now);
    if (!worker->up && !worker->goodbye)
        set_state(workers, worker, true, worker->active, now.wall_s);
}

static void
offline(struct workers *workers, const struct event *ev, struct now now)
{
    struct hash128 hash;
    struct worker *worker = find(workers, ev, &hash);
    if (worker == NULL)
        return;
    worker->goodbye = true;
    hear(workers, worker, now);
    set_state(workers, worker, false, 0, now.wall_s);
}

void
workers_event(struct workers *workers, const struct event *ev, struct now now)
{
    if (ev->type == EVENT_WORKER_OFFLINE) {
        offline(workers, ev, now);
        return;
    }
    struct worker *worker = find_or_add(workers, ev);
    if (worker == NULL)
        return;
    struct node *node = node_of(workers, worker);
    if (ev->type == EVENT_WORKER_ONLINE)
        node->online_ms = now.mono_ms;
    worker->goodbye = false;
    hear(workers, worker, now);
    /* A forced heartbeat has no figures: it only proves life. */
    set_state(workers, worker, true,
              ev->active >= 0 ? ev->active : worker->active, now.wall_s);
    worker_figures_heartbeat(&worker->figures, node, workers->registry,
                             workers->key, ev, now);
}

uint32_t
workers_task_event(struct workers *workers, const struct event *ev,
                   struct now now)
{
    struct worker *worker = find_or_add(workers, ev);
    if (worker == NULL)
        return WORKERS_NONE;
    hear_of_life(workers, worker, now);
    worker_figures_task_event(&worker->figures, node_of(workers, worker),
                              workers->registry, now.wall_s);
    return number_of(workers, worker);
}

void
workers_replied(struct workers *workers, struct str nodename, struct now now)
{
    const struct node *node = nodes_find(workers->nodes, nodename);
    struct worker *worker =
        node == NULL ? NULL : worker_at(workers, node->latest);
    if (worker != NULL && !worker->goodbye)
        hear_of_life(workers, worker, now);
}

bool
workers_hostname(const struct workers *workers, uint32_t number,
                 uint32_t *hostname)
{
    const struct worker *worker = worker_at(workers, number);
    if (worker == NULL)
        return false;
    *hostname = node_of(workers, worker)->hostname;
    return true;
}

void
workers_client_event(struct workers *workers, uint32_t hostname, struct now now)
{
    hosts_client_event(workers->hosts, hostname, now);
}

void
workers_task_started(struct workers *workers, uint32_t number)
{
    struct worker *worker = worker_at(workers, number);
    if (worker != NULL)
        worker->nrunning++;
}

void
workers_task_ended(struct workers *workers, uint32_t number)
{
    struct worker *worker = worker_at(workers, number);
    if (worker != NULL && worker->nrunning > 0)
        worker->nrunning--;
}

/* With purges switched off only the place is given back. */
static void
purge(struct workers *workers, struct worker *worker)
{
    const bool keep = workers->config.purge_ms == 0;
    index_remove(&workers->index, worker->hash);
    hosts_remove_worker(workers->hosts, node_of(workers, worker)->hostname,
                        keep);
    nodes_remove_worker(workers->nodes, worker->node, keep);
    worker->used = false;
    /* Never so often that a number could be WORKERS_NONE. */
    worker->reuse = (worker->reuse + 1) & (UINT32_MAX >> (PLACE_BITS + 1));
    worker->next_free = workers->first_free;
    workers->first_free = (uint32_t)(worker - workers->items);
}

static bool
must_purge(const struct workers *workers, const struct worker *worker,
           int64_t silent_ms)
{
    const struct workers_config *config = &workers->config;
    const bool crowded = workers->index.n >= config->max - config->max / 10;
    if (crowded && !worker->up && silent_ms > CROWDED_MS)
        return true;
    if (config->purge_ms == 0 || silent_ms <= config->purge_ms)
        return false;
    if (worker->up && config->timeout_ms == 0)
        return false;
    return worker->nrunning == 0 || silent_ms > config->purge_ms + DEFERRAL_MS;
}

static bool
is_lost(const struct workers *workers, const struct worker *worker,
        int64_t silent_ms)
{
    const int64_t timeout_ms = workers->config.timeout_ms;
    if (timeout_ms > 0 && silent_ms > timeout_ms)
        return true;
    return silent_ms > SUPERSEDED_MS &&
           node_of(workers, worker)->online_ms > worker->seen_ms;
}

static void
check_worker(struct workers *workers, struct worker *worker, struct now now)
{
    const int64_t silent_ms = now.mono_ms - worker->seen_ms;
    const bool purged = must_purge(workers, worker, silent_ms);
    if (worker->up && (purged || is_lost(workers, worker, silent_ms))) {
        set_state(workers, worker, false, 0, now.wall_s);
        hosts_count_lost(workers->hosts, node_of(workers, worker)->hostname,
                         now.wall_s);
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
    nodes_tick(workers->nodes);
    hosts_tick(workers->hosts, now);
}

void
workers_excuse(struct workers *workers, int64_t blind_ms, struct now now)
{
    for (uint32_t i = 0; i < workers->nitems; i++) {
        struct worker *worker = &workers->items[i];
        worker->seen_ms += blind_ms;
        if (worker->seen_ms > now.mono_ms)
            worker->seen_ms = now.mono_ms;
    }
    hosts_excuse(workers->hosts, blind_ms, now.mono_ms);
}

bool
workers_node_is_up(const struct workers *workers, struct str nodename)
{
    const struct node *node = nodes_find(workers->nodes, nodename);
    return node != NULL && node->nup > 0;
}

size_t
workers_nup(const struct workers *workers)
{
    return workers->nup;
}
