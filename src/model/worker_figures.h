#pragma once

/* What a worker process says of itself in its heartbeats, shown under its
 * nodename: tasks processed, load, software, and whether its task events
 * come. */

#include "base/now.h"
#include "model/nodes.h"
#include "model/registry.h"
#include "wire/event.h"

struct worker_figures {
    int64_t processed;  /* -1 before the first figure */
    bool task_event;    /* one came since the last heartbeat */
    bool grew_silently; /* processed grew by the last heartbeat, without any */
};

/* A worker-online or -heartbeat. A forced heartbeat has no figures. */
void worker_figures_heartbeat(struct worker_figures *figures, struct node *node,
                              struct registry *registry, struct hash_key key,
                              const struct event *ev, struct now now);
/* Any task event of the worker. */
void worker_figures_task_event(struct worker_figures *figures,
                               const struct node *node,
                               struct registry *registry, double wall_s);
