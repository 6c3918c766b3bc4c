#pragma once

/* The events that a cluster of Celery workers would send: tasks that are
 * received, started, and succeed, fail or are retried, heartbeats between
 * them; with the fields, their order and their separators as Celery writes
 * them. The same configuration gives the same bytes on every machine. */

#include <stdint.h>

#include "base/str.h"

enum { STREAM_NEXCEPTIONS = 5 };

struct stream_config {
    size_t ntasks;
    size_t nnames;
    size_t nworkers;
    size_t nlanes;     /* tasks that are in flight at once */
    size_t batch_most; /* events of a message are 1 to so many; 1 = single */
    double failed;     /* share of the runs that fail, */
    double retried;    /* or are retried */
    bool sent;         /* clients send task-sent events, which know the queue */
    bool cover;        /* every name on every worker, instead of some often */
    bool unfinished;   /* tasks are received, and that is all */
    uint64_t start_us; /* Unix time of the first event */
    uint64_t seed;
};

/* One message. Everything is borrowed until it returns. */
struct stream_message {
    struct str routing_key;
    struct str nodename;
    struct str body; /* JSON */
};

typedef void (*stream_fn)(void *ctx, const struct stream_message *message);

enum stream_kind {
    STREAM_SENT,
    STREAM_RECEIVED,
    STREAM_STARTED,
    STREAM_SUCCEEDED,
    STREAM_RETRIED,
    STREAM_FAILED, /* and one more for each further exception */
    STREAM_NKINDS = STREAM_FAILED + STREAM_NEXCEPTIONS,
};

/* What an exporter must have counted in the end. */
struct stream_truth {
    size_t nmessages;
    size_t nevents;
    size_t nruntimes;
    double runtime_s;
    uint64_t *counts; /* [worker][name][kind], owned */
};

/* "received"; "failed" for all from STREAM_FAILED on. */
struct str stream_kind_name(enum stream_kind kind);
/* Of a kind from STREAM_FAILED on. */
struct str stream_exception(enum stream_kind kind);
/* Where task-sent events come from; in the counts they are under the worker
 * that the task went to. */
#define STREAM_CLIENT "web-0"

void stream_run(const struct stream_config *config, struct stream_truth *truth,
                stream_fn fn, void *ctx);
uint64_t stream_count(const struct stream_config *config,
                      const struct stream_truth *truth, size_t worker,
                      size_t name, enum stream_kind kind);
void stream_truth_close(struct stream_truth *truth);
