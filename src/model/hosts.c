#include "model/hosts.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "model/values.h"

/* A client host leaves early only when hosts run out, and never while it is
 * active. */
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

static void
drop_host(struct hosts *hosts, uint32_t hostname)
{
    hosts->config.before_drop(hosts->config.ctx);
    *host_at(hosts, hostname) = (struct host){0};
    registry_drop_hostname(hosts->registry, hostname);
}

void
hosts_remove_worker(struct hosts *hosts, uint32_t hostname)
{
    if (--host_at(hosts, hostname)->nworkers == 0)
        drop_host(hosts, hostname);
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

void
hosts_tick(struct hosts *hosts, struct now now)
{
    const struct values *hostnames =
        registry_values(hosts->registry, LABEL_HOSTNAME);
    const int64_t purge_ms = hosts->config.client_purge_ms;
    for (uint32_t i = 0; i < hosts->n; i++) {
        const struct host *host = &hosts->items[i];
        const bool full = 10 * values_n(hostnames) >= 9 * values_max(hostnames);
        if ((purge_ms > 0 && is_idle_client(host, now.mono_ms, purge_ms)) ||
            (full && is_idle_client(host, now.mono_ms, CLIENT_IDLE_MS)))
            drop_host(hosts, i);
    }
}
