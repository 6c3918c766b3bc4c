#pragma once

/* The families celery_exporter_poll_*: of each thing that is asked for in the
 * background, whether that went well, when, and how long it took. */

#include "base/now.h"
#include "model/registry.h"

enum poll_source {
    POLL_STATS,
    POLL_ACTIVE_QUEUES,
    POLL_ACTIVE,
    POLL_RESERVED,
    POLL_SCHEDULED,
    POLL_REGISTERED,
    POLL_QUEUES,
    /* These have no series until they are shown for the first time: RabbitMQ
     * does not tell them. */
    POLL_UNACKED,
    POLL_BINDINGS,
    POLL_SOURCE_COUNT
};

struct poll_sources {
    struct registry *registry;                /* borrowed */
    struct series *series[POLL_SOURCE_COUNT]; /* NULL = not shown yet */
};

void poll_sources_init(struct poll_sources *sources, struct registry *registry);
/* A poll that began at began_ms is over. */
void poll_sources_show(struct poll_sources *sources, enum poll_source source,
                       bool ok, int64_t began_ms, struct now now);
/* Like a failed poll that took no time, where there is a series. */
void poll_sources_fail(struct poll_sources *sources, enum poll_source source);
