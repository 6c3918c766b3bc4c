#pragma once

/* What the workers of a host add up to: up if any of them is, active the sum.
 * Hosts that only send tasks have no worker and go by their age. */

#include "base/now.h"
#include "model/registry.h"

struct hosts_config {
    int64_t client_purge_ms; /* silent for longer = dropped; 0 = never */
    /* Called before the series and the value of a host are dropped. */
    void (*before_drop)(void *ctx);
    void *ctx;
};

struct hosts;

struct hosts *hosts_new(const struct hosts_config *config,
                        struct registry *registry);
void hosts_free(struct hosts *hosts);
/* Hosts are named by the number of their label value. */
void hosts_add_worker(struct hosts *hosts, uint32_t hostname);
/* The last worker takes the series of its host along. */
void hosts_remove_worker(struct hosts *hosts, uint32_t hostname);
/* So many workers more are up, and so many tasks more active. */
void hosts_change(struct hosts *hosts, uint32_t hostname, int up,
                  int64_t active, double wall_s);
/* A worker fell silent without a goodbye. */
void hosts_count_lost(struct hosts *hosts, uint32_t hostname, double wall_s);
/* A task-sent of a host that may have no worker at all. */
void hosts_client_event(struct hosts *hosts, uint32_t hostname, struct now now);
/* Drops the clients that have been silent for long. */
void hosts_tick(struct hosts *hosts, struct now now);
