#pragma once

/* What the broker is asked: how long the queues are, which there are beside
 * those that workers and clients name, and what is not acknowledged. */

#include <uv.h>

#include "app/options.h"
#include "app/poll_sources.h"
#include "io/broker.h"
#include "model/metrics.h"
#include "model/queues.h"

struct queue_poll;

/* All are borrowed. */
struct queue_poll *
queue_poll_new(uv_loop_t *loop, const struct options *options,
               struct broker *broker, struct metrics *metrics,
               struct queues *queues, struct poll_sources *sources);
void queue_poll_free(struct queue_poll *poll);
/* Asks for everything; for the bindings, which cost the broker more, only once
 * in a while. */
void queue_poll_begin(struct queue_poll *poll);
/* The connection is gone: no answers will come; and bindings are due. */
void queue_poll_drop(struct queue_poll *poll);
/* A queue that somebody mentions; its length is asked at once if it is new. */
void queue_poll_add(struct queue_poll *poll, struct str name);
/* The same for the queues that were added to the model behind number `from`. */
void queue_poll_ask_from(struct queue_poll *poll, size_t from);
/* As those of inspect.h. */
void queue_poll_queue(struct queue_poll *poll, struct str name,
                      const struct queue_state *state);
void queue_poll_unacked(struct queue_poll *poll, int64_t n, double oldest_s);
void queue_poll_binding(struct queue_poll *poll, struct str queue, bool ok);
