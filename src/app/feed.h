#pragma once

/* The broker's side of the exporter: what arrives is decoded and counted, and
 * workers and queues are asked what events do not tell. */

#include <uv.h>

#include "app/options.h"
#include "io/broker.h"
#include "model/metrics.h"

struct feed_config {
    const struct options *options;
    const struct broker_config *broker;
    struct metrics *metrics;
    /* The broker is lost, or cannot be reached, and --retry-interval is 0. May
     * call feed_free. */
    void (*lost)(void *ctx);
    void *ctx;
};

struct feed;

/* The configuration's parts are borrowed for the feed's life. */
struct feed *feed_new(uv_loop_t *loop, const struct feed_config *config);
/* How many live workers consume the queue, by the last poll; false when the
 * queue is not known. */
bool feed_queue_workers(const struct feed *feed, struct str queue,
                        size_t *nworkers);
/* Takes back what is on the broker, and calls `done` after the last handle is
 * closed; the feed is gone then. */
void feed_free(struct feed *feed, void (*done)(void *ctx), void *ctx);
