#pragma once

/* What worker processes reply to `stats`, shown under their nodename: summed
 * over its processes, the start of the latest. A process that is down has no
 * pool: without one that is up, sizes are 0 and the rest is not there. */

#include "base/now.h"
#include "model/nodes.h"
#include "model/registry.h"
#include "wire/pidbox.h"

/* What one process adds to its node. All zero: nothing. */
struct worker_stats {
    bool told[NODE_STAT_COUNT];
    int64_t values[NODE_STAT_COUNT];
    double start_s; /* Unix seconds; 0 = not known */
};

void worker_stats_set(struct worker_stats *stats, struct node *node,
                      struct registry *registry,
                      const struct pidbox_stats *reply, struct now now);
/* The process is down. */
void worker_stats_clear(struct worker_stats *stats, struct node *node,
                        struct registry *registry, double wall_s);
