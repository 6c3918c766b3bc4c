#pragma once

/* The rule for each event: what it changes in the task table, the workers and
 * the counters. Pure: time comes in as an argument, nothing is logged, nothing
 * is read or written. */

#include "base/now.h"
#include "model/registry.h"
#include "model/workers.h"
#include "wire/event.h"
#include "wire/pidbox.h"

struct metrics_config {
    struct registry_config registry;
    const char *default_queue_name;
    bool hostname_is_worker; /* the hostname label is the nodename */
    /* --hostname-rewrite, "REGEX=REPLACEMENT", checked before; and shell
     * patterns on task names. All are copied. */
    const char *const *hostname_rewrites;
    size_t nhostname_rewrites;
    const char *const *task_include; /* none = all */
    size_t ntask_include;
    const char *const *task_exclude;
    size_t ntask_exclude;
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
/* Subscribed or not: while not, workers cannot be heard and do not time out,
 * and what they do is missed. The last byte came unheard_ms before the
 * subscription was found dead. */
void metrics_broker_up(struct metrics *metrics, struct now now);
void metrics_broker_down(struct metrics *metrics, int64_t unheard_ms,
                         struct now now);
bool metrics_broker_is_up(const struct metrics *metrics);
/* For how long there has been no subscription; 0 while there is one. */
int64_t metrics_blind_ms(const struct metrics *metrics, struct now now);
/* What time alone changes: once a second. */
void metrics_tick(struct metrics *metrics, struct now now);
/* When the next event that waits for its name is due, on the monotonic clock;
 * INT64_MAX when none waits. */
int64_t metrics_deadline(const struct metrics *metrics);
/* Counts the events that are due. */
void metrics_expire(struct metrics *metrics, struct now now);
/* Brings gauges that are derived up to date, before a page is made. */
void metrics_refresh(struct metrics *metrics, struct now now);

/* For the polls of workers: how many are alive, and whether one of that
 * nodename is. */
size_t metrics_nworkers_up(const struct metrics *metrics);
bool metrics_worker_is_up(const struct metrics *metrics, struct str nodename);

/* What replies of workers tell; each proves its worker alive. */
void metrics_worker_replied(struct metrics *metrics, struct str nodename,
                            struct now now);
void metrics_worker_stats(struct metrics *metrics, struct str nodename,
                          const struct pidbox_stats *stats, struct now now);
/* The only queue that all processes of the nodename consume; NULL when there
 * are several or none. */
void metrics_worker_queue(struct metrics *metrics, struct str nodename,
                          struct str queue, struct now now);
/* How many tasks the nodename's workers hold: reserved, or scheduled. */
void metrics_worker_holds(struct metrics *metrics, struct str nodename,
                          enum worker_holding what, size_t n, struct now now);
/* A task that a worker runs or holds: events of it may have come before us. */
void metrics_learn_task(struct metrics *metrics, struct str nodename,
                        const struct pidbox_request *request, struct now now);
/* A task that a worker could run: its failures are there at 0. */
void metrics_register_task(struct metrics *metrics, struct str name,
                           struct now now);
/* Nobody waits in the queue: no task of it that was sent before `before_s`,
 * Unix seconds, is still in it. */
void metrics_queue_empty(struct metrics *metrics, struct str queue,
                         double before_s);
/* Each worker that would tell more if it were asked: for `stats`, because it
 * seems to have done what we did not see; to enable its events, because it
 * sends none. */
void metrics_each_suspect(const struct metrics *metrics,
                          void (*fn)(void *ctx, struct str nodename),
                          void *ctx);
void metrics_each_mute(const struct metrics *metrics,
                       void (*fn)(void *ctx, struct str nodename), void *ctx);

/* Changes whenever an event changed something; 0 at first. */
uint64_t metrics_generation(const struct metrics *metrics);
struct registry *metrics_registry(const struct metrics *metrics);
