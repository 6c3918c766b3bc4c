#include "model/hosts.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "model/values.h"

/* A client is never dropped while it is active, even if hosts run out. */
enum { CLIENT_IDLE_MS = 10 * 60 * 1000 };

struct host {
    uint32_t nworkers;
    uint32_t nup;
    int64_t active;
    int64_t client_ms; /* last task-sent; 0 = never */
};

struct hosts {
    struct hosts_config config;
    struct registry *registry;
    struct host *items; /* by number of the hostname value */
    size_t n;
    struct idset leaving; /* at the next tick */
};

struct hosts *
hosts_new(const struct hosts_config *config, struct registry *registry)
{
    struct hosts *hosts = xmalloc(sizeof(*hosts));
    *hosts = (struct hosts){.config = *config, .registry = registry};
    return hosts;
}

void
hosts_free(struct hosts *hosts)
{
    if (hosts == NULL)
        return;
    free(hosts->items);
    idset_close(&hosts->leaving);
    free(hosts);
}

static struct host *
host_at(struct hosts *hosts, uint32_t hostname)
{
    if (hostname >= hosts->n) {
        const size_t n = 2 * (size_t)hostname + 16;
        hosts->items = xrealloc(hosts->items, n, sizeof(struct host));
        for (size_t i = hosts->n; i < n; i++)
            hosts->items[i] = (struct host){0};
        hosts->n = n;
    }
    return &hosts->items[hostname];
}

void
hosts_add_worker(struct hosts *hosts, uint32_t hostname)
{
    host_at(hosts, hostname)->nworkers++;
}

/* "__other__" and "generic" stand for many hosts, and stay. */
static void
leave(struct hosts *hosts, uint32_t hostname)
{
    if (!values_is_pinned(registry_values(hosts->registry, LABEL_HOSTNAME),
                          hostname))
        idset_add(&hosts->leaving, hostname);
}

void
hosts_remove_worker(struct hosts *hosts, uint32_t hostname, bool keep)
{
    if (--host_at(hosts, hostname)->nworkers == 0 && !keep)
        leave(hosts, hostname);
}

static struct series *
host_series(struct hosts *hosts, uint32_t hostname, double wall_s)
{
    const uint32_t ids[SERIES_MAX_LABELS] = {hostname};
    return group_series(registry_group(hosts->registry, GROUP_HOST), ids,
                        wall_s);
}

void
hosts_change(struct hosts *hosts, uint32_t hostname, int up, int64_t active,
             double wall_s)
{
    struct host *host = host_at(hosts, hostname);
    host->nup += (uint32_t)up;
    host->active += active;
    struct group *group = registry_group(hosts->registry, GROUP_HOST);
    struct series *series = host_series(hosts, hostname, wall_s);
    group_set(group, series, HOST_UP_COL, host->nup > 0 ? 1 : 0);
    group_set(group, series, HOST_ACTIVE_COL, (double)host->active);
    group_touch(group, series, HOST_LOST_COL);
}

void
hosts_count_lost(struct hosts *hosts, uint32_t hostname, double wall_s)
{
    group_count(registry_group(hosts->registry, GROUP_HOST),
                host_series(hosts, hostname, wall_s), HOST_LOST_COL, 1);
}

void
hosts_client_event(struct hosts *hosts, uint32_t hostname, struct now now)
{
    host_at(hosts, hostname)->client_ms = now.mono_ms > 0 ? now.mono_ms : 1;
}

static bool
is_idle_client(const struct host *host, int64_t now_ms, int64_t idle_ms)
{
    return host->nworkers == 0 && host->client_ms > 0 &&
           now_ms - host->client_ms > idle_ms;
}

static void
find_idle_clients(struct hosts *hosts, struct now now)
{
    const int64_t purge_ms = hosts->config.client_purge_ms;
    if (purge_ms == 0)
        return;
    for (uint32_t i = 0; i < hosts->n; i++)
        if (is_idle_client(&hosts->items[i], now.mono_ms, purge_ms))
            leave(hosts, i);
}

struct idle_client {
    int64_t client_ms;
    uint32_t hostname;
};

static int
compare_idle(const void *a, const void *b)
{
    const int64_t first = ((const struct idle_client *)a)->client_ms;
    const int64_t second = ((const struct idle_client *)b)->client_ms;
    return (first > second) - (first < second);
}

/* How many of the idle clients it takes to come below nine tenths of the hosts;
 * of the samples nobody knows before: a tenth of them at a time. */
static size_t
number_to_leave(const struct hosts *hosts, size_t nidle)
{
    const struct values *values =
        registry_values(hosts->registry, LABEL_HOSTNAME);
    const size_t limit = values_max(values) - values_max(values) / 10;
    size_t n = values_n(values) < limit ? 0 : values_n(values) - limit + 1;
    if (n < nidle / 10 + 1 && registry_is_crowded(hosts->registry))
        n = nidle / 10 + 1;
    return n < nidle ? n : nidle;
}

/* Hosts or samples run out: the longest silent clients leave before their
 * time. */
static void
find_room(struct hosts *hosts, struct now now)
{
    if (number_to_leave(hosts, SIZE_MAX) == 0)
        return;
    struct idle_client *idle = xmalloc(hosts->n * sizeof(*idle));
    size_t nidle = 0;
    for (uint32_t i = 0; i < hosts->n; i++)
        if (is_idle_client(&hosts->items[i], now.mono_ms, CLIENT_IDLE_MS))
            idle[nidle++] = (struct idle_client){hosts->items[i].client_ms, i};
    qsort(idle, nidle, sizeof(*idle), compare_idle);
    const size_t n = number_to_leave(hosts, nidle);
    for (size_t i = 0; i < n; i++)
        leave(hosts, idle[i].hostname);
    free(idle);
}

void
hosts_tick(struct hosts *hosts, struct now now)
{
    find_idle_clients(hosts, now);
    find_room(hosts, now);
    if (hosts->leaving.n == 0)
        return;
    hosts->config.before_drop(hosts->config.ctx, &hosts->leaving);
    registry_drop(hosts->registry, LABEL_HOSTNAME, &hosts->leaving);
    for (uint32_t i = 0; i < hosts->n; i++)
        if (idset_has(&hosts->leaving, i))
            hosts->items[i] = (struct host){0};
    idset_clear(&hosts->leaving);
}

void
hosts_excuse(struct hosts *hosts, int64_t blind_ms, int64_t now_ms)
{
    for (uint32_t i = 0; i < hosts->n; i++) {
        struct host *host = &hosts->items[i];
        if (host->client_ms == 0)
            continue;
        host->client_ms += blind_ms;
        if (host->client_ms > now_ms)
            host->client_ms = now_ms;
    }
}
