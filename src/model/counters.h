#pragma once

/* The counters and histograms of tasks: which of them one event moves, once
 * its task's name and queue are known. */

#include "model/registry.h"
#include "wire/event.h"

/* What one task event adds. Numbers are label values; a measure is NaN when
 * there is none, and in seconds. */
struct tally {
    enum event_type type;
    bool redelivered;
    uint32_t name;     /* the event's own, or TASK_NO_VALUE */
    uint32_t hostname; /* of the sender, as it is shown */
    uint32_t worker;   /* who sent it, or WORKERS_NONE */
    uint32_t detail;   /* exception class; reason of a revocation */
    double timestamp;  /* the event's, Unix seconds */
    double received_s; /* ours, Unix seconds */
    double wait;       /* started: since sent or ETA */
    double prefetch;   /* started: since received or ETA */
    double runtime;    /* succeeded; failed: since its start */
};

struct counters;

struct counters *counters_new(struct registry *registry,
                              struct str default_queue);
void counters_free(struct counters *counters);
/* name and queue may be TASK_NO_VALUE: "None" and the default queue. */
void counters_add(struct counters *counters, const struct tally *tally,
                  uint32_t name, uint32_t queue);
/* Only the queue wait of a start that was counted before. */
void counters_add_wait(struct counters *counters, const struct tally *tally,
                       uint32_t name, uint32_t queue);
