#pragma once

/* What a worker process says of itself in its heartbeats, shown under its
 * nodename: tasks processed, and missed by us, load, software, and whether its
 * task events come. */

#include "base/now.h"
#include "model/losses.h"
#include "model/nodes.h"
#include "model/registry.h"
#include "wire/event.h"

struct worker_figures {
    struct losses losses;
    bool shown_on;  /* that its task events come, */
    bool shown_off; /* or do not */
};

/* A worker-online, -heartbeat or -offline. A forced heartbeat has no
 * figures. */
void worker_figures_report(struct worker_figures *figures, struct node *node,
                           struct registry *registry,
                           const struct losses_config *config,
                           const struct event *ev, struct now now);
/* Any task event of the worker. */
void worker_figures_task_event(struct worker_figures *figures,
                               const struct node *node,
                               struct registry *registry,
                               const struct event *ev, double wall_s);
/* Counts what was missed, as far as it is certain by now. gone: the worker is
 * not up. */
void worker_figures_judge(struct worker_figures *figures,
                          const struct node *node, struct registry *registry,
                          bool gone, struct now now);
/* The kind of its pool, as `stats` tells it. */
void worker_figures_pool(struct node *node, struct registry *registry,
                         struct str pool, double wall_s);
