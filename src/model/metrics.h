#pragma once

/* The rule for each event: what it changes in the task table, the workers and
 * the counters. Pure: time comes in as an argument, nothing is logged, nothing
 * is read or written. */

#include "base/now.h"
#include "model/registry.h"
#include "wire/event.h"

struct metrics_config {
    struct registry_config registry;
    const char *default_queue_name;
    bool generic_hostname_task_sent;
    bool generic_hostname_worker_task;
    int64_t worker_timeout_ms;       /* 0 = never */
    int64_t purge_offline_worker_ms; /* 0 = never */
    int64_t purge_client_ms;         /* 0 = never */
    int64_t name_grace_ms;           /* 0 = events never wait */
    size_t max_tracked_tasks;
};

struct metrics;

/* NULL, with a message in err, when a family name in config is unknown. Texts
 * are copied. */
struct metrics *metrics_new(const struct metrics_config *config,
                            struct hash_key key, struct now now,
                            struct buf *err);
void metrics_free(struct metrics *metrics);

/* One message of the event stream arrived, whatever is in it. */
void metrics_message(struct metrics *metrics, size_t wire_bytes);
void metrics_event(struct metrics *metrics, const struct event *ev,
                   struct now now);
void metrics_reject(struct metrics *metrics, enum reject reason);
/* Subscribed or not: while not, workers cannot be heard and do not time out. */
void metrics_broker_up(struct metrics *metrics, bool up, struct now now);
bool metrics_broker_is_up(const struct metrics *metrics);
/* What time alone changes: once a second. */
void metrics_tick(struct metrics *metrics, struct now now);
/* When the next event that waits for its name is due, on the monotonic clock;
 * INT64_MAX when none waits. */
int64_t metrics_deadline(const struct metrics *metrics);
/* Counts the events that are due. */
void metrics_expire(struct metrics *metrics, struct now now);
/* Brings gauges that are derived up to date, before a page is made. */
void metrics_refresh(struct metrics *metrics, struct now now);

/* For the polls of workers: one has replied; how many are alive, and whether
 * one of that nodename is. */
void metrics_worker_replied(struct metrics *metrics, struct str nodename,
                            struct now now);
size_t metrics_nworkers_up(const struct metrics *metrics);
bool metrics_worker_is_up(const struct metrics *metrics, struct str nodename);

/* Changes whenever an event changed something; 0 at first. */
uint64_t metrics_generation(const struct metrics *metrics);
struct registry *metrics_registry(const struct metrics *metrics);
