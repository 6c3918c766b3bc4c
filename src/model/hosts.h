#pragma once

/* What the workers of a host add up to: up if any of them is, active the sum.
 * Hosts that only send tasks have no worker and go by their age. */

#include "base/now.h"
#include "model/registry.h"

struct hosts_config {
    int64_t client_purge_ms; /* silent for longer = dropped; 0 = never */
    /* Called before the series and the values of hosts are dropped. */
    void (*before_drop)(void *ctx, const struct idset *hostnames);
    void *ctx;
};

struct hosts;

struct hosts *hosts_new(const struct hosts_config *config,
                        struct registry *registry);
void hosts_free(struct hosts *hosts);
/* Hosts are named by the number of their label value. */
void hosts_add_worker(struct hosts *hosts, uint32_t hostname);
/* Without a worker the host goes at the next tick, unless it is to be kept. */
void hosts_remove_worker(struct hosts *hosts, uint32_t hostname, bool keep);
/* So many workers more are up, and so many tasks more active. */
void hosts_change(struct hosts *hosts, uint32_t hostname, int up,
                  int64_t active, double wall_s);
/* A worker fell silent without a goodbye. */
void hosts_count_lost(struct hosts *hosts, uint32_t hostname, double wall_s);
/* A task event of a host that may have no worker at all. */
void hosts_client_event(struct hosts *hosts, uint32_t hostname, struct now now);
/* Drops the hosts whose last worker was removed, and the clients that have
 * been silent for long: in one pass over the series, however many they are. */
void hosts_tick(struct hosts *hosts, struct now now);
/* Time in which they could not be heard is no silence. */
void hosts_excuse(struct hosts *hosts, int64_t blind_ms, int64_t now_ms);
