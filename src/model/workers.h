#pragma once

/* Which workers are alive, how busy they are, and when they may be forgotten.
 * A worker is one process, (nodename, pid): two of one name and a restarted
 * one are told apart. Hosts show what their workers add up to. Liveness goes
 * by the time of receipt on our own clock; a worker's clock is never asked. */

#include "base/now.h"
#include "model/arrival.h"
#include "model/hostnames.h"
#include "model/registry.h"
#include "model/worker_table.h"
#include "wire/event.h"
#include "wire/pidbox.h"

enum worker_holding { WORKER_RESERVED, WORKER_SCHEDULED };

/* What is known of the queue that a worker takes its tasks from. */
enum worker_queue {
    WORKER_QUEUE_KNOWN,   /* it consumes just this one */
    WORKER_QUEUE_UNKNOWN, /* several, none, or it does not say */
    WORKER_QUEUE_PENDING, /* it was seen a moment ago, and is being asked */
};

/* Where no worker answers nothing should wait for answers: until somebody
 * has, only the first worker that is seen is awaited, for so long, or for
 * queue_grace_ms if it has just come online. */
enum { WORKERS_FIRST_ANSWER_MS = 1000 };

struct workers_config {
    int64_t timeout_ms;      /* silent for longer = down; 0 = never */
    int64_t purge_ms;        /* silent for longer = series dropped; 0 = never */
    int64_t client_purge_ms; /* the same for hosts that only send tasks */
    size_t max;              /* worker processes kept, at most WORKERS_MAX */
    /* How long a new worker's queues are awaited; 0 = not at all. */
    int64_t queue_grace_ms;
    /* Whether a task of that name ever sent a worker's event: one that never
     * does is not missed. */
    bool (*has_events)(void *ctx, struct str name);
    /* Called before the series and the values of hosts are dropped. */
    void (*before_drop)(void *ctx, const struct idset *hostnames);
    void *ctx;
};

struct workers;

/* registry and hostnames are borrowed. */
struct workers *workers_new(const struct workers_config *config,
                            struct registry *registry,
                            struct hostnames *hostnames, struct hash_key key);
void workers_free(struct workers *workers);
/* A worker-online, -heartbeat or -offline event. */
void workers_event(struct workers *workers, const struct arrival *arrival);
/* A task event that a worker sent proves it alive, unless it has said
 * goodbye. The number is the worker's, and leads nowhere once it is purged;
 * WORKERS_NONE when there is no room for it. */
uint32_t workers_task_event(struct workers *workers,
                            const struct arrival *arrival);
/* A control reply proves the worker alive that was last heard under the
 * nodename, unless it has said goodbye. Nothing is made for an unknown one: a
 * reply does not tell which process it is of. */
void workers_replied(struct workers *workers, struct str nodename,
                     struct now now);
/* Replies of `stats`, which says its pid; what a nodename's only queue is
 * (NULL = none such); how many tasks its workers hold. */
void workers_stats(struct workers *workers, struct str nodename,
                   const struct pidbox_stats *stats, struct now now);
void workers_set_queue(struct workers *workers, struct str nodename,
                       struct str queue);
void workers_set_holding(struct workers *workers, struct str nodename,
                         enum worker_holding what, size_t n, struct now now);
/* `queue` is a label value, set when it is known. */
enum worker_queue workers_queue(const struct workers *workers, uint32_t number,
                                struct now now, uint32_t *queue);
/* When the first answer of any worker was due; INT64_MAX when one has come,
 * and when none is awaited. */
int64_t workers_first_answer_ms(const struct workers *workers);
/* The process of the nodename that was heard last, or WORKERS_NONE. */
uint32_t workers_latest(const struct workers *workers, struct str nodename);
/* See metrics_each_suspect and metrics_each_mute. */
void workers_each_suspect(const struct workers *workers,
                          void (*fn)(void *ctx, struct str nodename),
                          void *ctx);
void workers_each_mute(const struct workers *workers,
                       void (*fn)(void *ctx, struct str nodename), void *ctx);
/* The label value of a worker's host; false for WORKERS_NONE and once the
 * worker was purged. */
bool workers_hostname(const struct workers *workers, uint32_t number,
                      uint32_t *hostname);
/* A task-sent of a host that may have no worker at all. */
void workers_client_event(struct workers *workers, uint32_t hostname,
                          struct now now);
/* Tasks started and unfinished: they put off the purge of their worker. */
void workers_task_started(struct workers *workers, uint32_t number);
void workers_task_ended(struct workers *workers, uint32_t number);
/* Declares the silent down and purges the long gone; once a second. */
void workers_tick(struct workers *workers, struct now now);
/* We are subscribed from now on. */
void workers_subscribed(struct workers *workers, struct now now);
/* Time in which we could not hear them does not count as silence, and what
 * they did in it is missed. */
void workers_excuse(struct workers *workers, int64_t blind_ms, struct now now);
bool workers_node_is_up(const struct workers *workers, struct str nodename);
size_t workers_nup(const struct workers *workers);
/* Processes that are known, those that are down among them. */
size_t workers_n(const struct workers *workers);
