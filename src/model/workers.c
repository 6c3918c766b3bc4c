#include <stdlib.h>

#include "base/xalloc.h"
#include "model/hosts.h"
#include "model/workers_private.h"

enum {
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

struct workers *
workers_new(const struct workers_config *config, struct registry *registry,
            struct hostnames *hostnames, struct hash_key key)
{
    struct workers *workers = xmalloc(sizeof(*workers));
    *workers = (struct workers){
        .key = key,
        .config = *config,
        .first_answer_ms = INT64_MAX,
        .registry = registry,
        .losses = {.names = {.key = key,
                             .has_events = config->has_events,
                             .ctx = config->ctx},
                   .first_up_ms = -1,
                   .up_ms = -1},
        .nodes = nodes_new(registry, hostnames, key),
    };
    worker_table_init(&workers->table, config->max);
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
    worker_table_close(&workers->table);
    nodes_free(workers->nodes);
    hosts_free(workers->hosts);
    free(workers);
}

void
workers_judge(struct workers *workers, struct worker *worker, struct now now)
{
    worker_figures_judge(&worker->figures, node_of(workers, worker),
                         workers->registry, !worker->up, now);
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
    if (change < 0)
        worker_stats_clear(&worker->stats, node, workers->registry, wall_s);
}

static struct worker *
add(struct workers *workers, const struct arrival *arrival)
{
    struct worker *worker =
        worker_table_add(&workers->table, arrival->process, &workers->losses);
    if (worker == NULL)
        return NULL;
    const int64_t now_ms = arrival->now.mono_ms;
    worker->first_ms = now_ms;
    if (!workers->answered && workers->first_answer_ms == INT64_MAX)
        workers->first_answer_ms = now_ms + WORKERS_FIRST_ANSWER_MS;
    worker->node = nodes_add_worker(workers->nodes, arrival->ev->hostname);
    hosts_add_worker(workers->hosts, node_of(workers, worker)->hostname);
    return worker;
}

static struct worker *
find_or_add(struct workers *workers, const struct arrival *arrival)
{
    struct worker *worker =
        worker_table_find(&workers->table, arrival->process);
    return LIKELY(worker != NULL) ? worker : add(workers, arrival);
}

static void
hear(struct workers *workers, struct worker *worker, struct now now)
{
    worker->seen_ms = now.mono_ms;
    node_of(workers, worker)->latest =
        worker_table_number(&workers->table, worker);
}

void
workers_hear_of_life(struct workers *workers, struct worker *worker,
                     struct now now)
{
    hear(workers, worker, now);
    if (!worker->up && !worker->goodbye)
        set_state(workers, worker, true, worker->active, now.wall_s);
}

static void
offline(struct workers *workers, const struct arrival *arrival)
{
    const struct now now = arrival->now;
    struct worker *worker =
        worker_table_find(&workers->table, arrival->process);
    if (worker == NULL)
        return;
    worker->goodbye = true;
    hear(workers, worker, now);
    set_state(workers, worker, false, 0, now.wall_s);
    worker_figures_report(&worker->figures, node_of(workers, worker),
                          workers->registry, &workers->losses, arrival->ev,
                          now);
}

/* A worker answers only some time after it has said that it is online. */
static void
await_longer(struct workers *workers, struct now now)
{
    if (workers->first_answer_ms != INT64_MAX &&
        now.mono_ms < workers->first_answer_ms)
        workers->first_answer_ms = now.mono_ms + workers->config.queue_grace_ms;
}

void
workers_event(struct workers *workers, const struct arrival *arrival)
{
    const struct event *ev = arrival->ev;
    const struct now now = arrival->now;
    if (ev->type == EVENT_WORKER_OFFLINE) {
        offline(workers, arrival);
        return;
    }
    struct worker *worker = find_or_add(workers, arrival);
    if (worker == NULL)
        return;
    struct node *node = node_of(workers, worker);
    if (ev->type == EVENT_WORKER_ONLINE) {
        node->online_ms = now.mono_ms;
        await_longer(workers, now);
    }
    worker->goodbye = false;
    hear(workers, worker, now);
    /* A forced heartbeat has no figures: it only proves life. */
    set_state(workers, worker, true,
              ev->active >= 0 ? ev->active : worker->active, now.wall_s);
    worker_figures_report(&worker->figures, node, workers->registry,
                          &workers->losses, ev, now);
}

uint32_t
workers_task_event(struct workers *workers, const struct arrival *arrival)
{
    struct worker *worker = find_or_add(workers, arrival);
    if (worker == NULL)
        return WORKERS_NONE;
    workers_hear_of_life(workers, worker, arrival->now);
    worker_figures_task_event(&worker->figures, node_of(workers, worker),
                              workers->registry, arrival->ev,
                              arrival->now.wall_s);
    return worker_table_number(&workers->table, worker);
}

bool
workers_hostname(const struct workers *workers, uint32_t number,
                 uint32_t *hostname)
{
    const struct worker *worker = worker_table_at(&workers->table, number);
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
    struct worker *worker = worker_table_at(&workers->table, number);
    if (worker != NULL)
        worker->nrunning++;
}

void
workers_task_ended(struct workers *workers, uint32_t number)
{
    struct worker *worker = worker_table_at(&workers->table, number);
    if (worker != NULL && worker->nrunning > 0)
        worker->nrunning--;
}

/* With purges switched off only the place is given back. */
static void
purge(struct workers *workers, struct worker *worker)
{
    const bool keep = workers->config.purge_ms == 0;
    hosts_remove_worker(workers->hosts, node_of(workers, worker)->hostname,
                        keep);
    nodes_remove_worker(workers->nodes, worker->node, keep);
    worker_table_remove(&workers->table, worker);
}

static bool
must_purge(const struct workers *workers, const struct worker *worker,
           int64_t silent_ms)
{
    const struct workers_config *config = &workers->config;
    if (!worker->up && silent_ms > CROWDED_MS &&
        worker_table_is_crowded(&workers->table))
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
    workers_judge(workers, worker, now);
    if (purged)
        purge(workers, worker);
}

void
workers_tick(struct workers *workers, struct now now)
{
    for (uint32_t i = 0; i < workers->table.nitems; i++)
        if (workers->table.items[i].used)
            check_worker(workers, &workers->table.items[i], now);
    nodes_tick(workers->nodes);
    hosts_tick(workers->hosts, now);
}

void
workers_subscribed(struct workers *workers, struct now now)
{
    workers->first_answer_ms = INT64_MAX; /* perhaps now */
    workers->losses.up_ms = now.mono_ms;
    if (workers->losses.first_up_ms < 0)
        workers->losses.first_up_ms = now.mono_ms;
}

void
workers_excuse(struct workers *workers, int64_t blind_ms, struct now now)
{
    for (uint32_t i = 0; i < workers->table.nitems; i++) {
        struct worker *worker = &workers->table.items[i];
        if (worker->used)
            losses_blind(&worker->figures.losses);
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

size_t
workers_n(const struct workers *workers)
{
    return workers->table.index.n;
}
