#pragma once

/* Asks in the background what events do not tell: workers for their pools,
 * queues and tasks, the broker for its queues. A scrape never waits for any of
 * it. What is asked is in app/questions.h (workers), app/errands.h (some of
 * them) and app/queue_poll.h (the broker); here is when.
 *
 * All live workers are polled every --poll-interval, at once when the broker
 * comes up, and soon after a worker left. A poll ends as soon as everybody has
 * answered, else after a second; right after the start, when nobody knows how
 * many they are, after a second always. */

#include <uv.h>

#include "app/options.h"
#include "io/broker.h"
#include "model/metrics.h"

struct inspect;

struct inspect *inspect_new(uv_loop_t *loop, const struct options *options,
                            struct broker *broker, struct metrics *metrics);
/* Polls begin when the broker is up, and end when it is not. */
void inspect_broker_up(struct inspect *inspect, bool up);
/* The broker does not let us ask workers, or does again. */
void inspect_refused(struct inspect *inspect, bool refused);
/* A worker came up: it is asked alone, often at first. */
void inspect_saw_worker(struct inspect *inspect, struct str nodename);
/* A worker went: all are polled soon. */
void inspect_soon(struct inspect *inspect);
/* A queue that a client sends to: its length is asked from now on. */
void inspect_add_queue(struct inspect *inspect, struct str name);
/* What the broker hands up: one reply of a worker; one queue; what is not
 * acknowledged; a queue that is bound. As the functions of broker_handler. */
void inspect_reply(struct inspect *inspect, const struct message *message);
void inspect_queue(struct inspect *inspect, struct str name,
                   const struct queue_state *state);
void inspect_unacked(struct inspect *inspect, int64_t n, double oldest_s);
void inspect_binding(struct inspect *inspect, struct str queue, bool ok);
/* For /-/workers: live workers that consume the queue, by the last poll;
 * false when the queue, or who consumes queues, is not known. */
bool inspect_queue_workers(const struct inspect *inspect, struct str queue,
                           size_t *nworkers);
/* `done` after the last handle is closed, and inspect is gone then. */
void inspect_free(struct inspect *inspect, void (*done)(void *ctx), void *ctx);
