#pragma once

/* What a worker process says of itself in its heartbeats, shown under its
 * nodename: tasks processed, load, software, and whether its task events
 * come. */

#include "model/registry.h"
#include "wire/event.h"

struct worker_figures {
    uint32_t hostname; /* label values */
    uint32_t node;
    int64_t processed;  /* -1 before the first figure */
    uint64_t software;  /* hash of what worker_info shows; 0 = nothing yet */
    bool task_event;    /* one came since the last heartbeat */
    bool grew_silently; /* processed grew by the last heartbeat, without any */
};

/* A worker-online or -heartbeat. A forced heartbeat has no figures. */
void worker_figures_heartbeat(struct worker_figures *figures,
                              struct registry *registry, struct hash_key key,
                              const struct event *ev, double wall_s);
/* Any task event of the worker. */
void worker_figures_task_event(struct worker_figures *figures,
                               struct registry *registry, double wall_s);
/* The last worker of the nodename is gone: drops its series and the value. */
void worker_figures_drop(const struct worker_figures *figures,
                         struct registry *registry);
