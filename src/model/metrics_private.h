#pragma once

/* What the door for events (metrics.c) and that for replies
 * (metrics_replies.c) share. */

#include "model/metrics.h"
#include "model/senders.h"
#include "model/task_rules.h"

/* What was counted since the page was last brought up to date: an event costs
 * no search for the exporter's own series. */
struct own_counts {
    uint64_t nevents[EVENT_TYPE_COUNT];
    uint64_t nmessages;
    uint64_t nbytes;
    double last_event_s; /* Unix seconds */
};

struct metrics {
    struct registry *registry;
    struct hostnames *hostnames;
    struct task_filter *filter;
    struct recent_processes recent;
    struct senders *senders;
    struct workers *workers;
    struct task_rules *rules;
    /* The exporter's own series, looked up once. */
    struct group *self_group;
    struct series *self;
    struct series *events[EVENT_TYPE_COUNT];
    struct series *rejects[REJECT_COUNT];
    struct own_counts counts;
    bool broker_up;
    int64_t blind_since_ms;
    double blind_s; /* of the outages that have ended */
    int64_t last_tick_ms;
    int64_t gave_up_ms; /* when a worker's first answer was due and failed */
    uint64_t generation;
};
