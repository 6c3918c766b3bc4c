#pragma once

/* The table of exported metric families: names, types, help texts, and where
 * the numbers of each are kept. The first sixteen are those of the Python
 * exporter, in its order, with its names and labels. */

#include <stdbool.h>
#include <stddef.h>

#include "model/series.h"

/* Where the values of a label come from, and so which cap holds for them. */
enum label_id {
    LABEL_NAME,
    LABEL_HOSTNAME,
    LABEL_QUEUE_NAME,
    LABEL_EXCEPTION,
    LABEL_WORKER,   /* nodenames; the cap of hostnames */
    LABEL_SOFTWARE, /* sw_ident, sw_ver, sw_sys, pool: told by workers */
    LABEL_FIXED,    /* our own sets: reasons, codes, sources */
    LABEL_COUNT
};

/* Label sets. Behind each its labels, sorted. */
enum group_id {
    GROUP_TASK,          /* hostname, name, queue_name */
    GROUP_FAILED,        /* exception, hostname, name, queue_name */
    GROUP_NAME,          /* name */
    GROUP_NAME_QUEUE,    /* name, queue_name */
    GROUP_RETRY,         /* exception, name, queue_name */
    GROUP_REVOCATION,    /* name, queue_name, reason */
    GROUP_HOST,          /* hostname */
    GROUP_WORKER,        /* hostname, worker */
    GROUP_WORKER_INFO,   /* hostname, pool, sw_ident, sw_sys, sw_ver, worker */
    GROUP_QUEUE,         /* queue_name */
    GROUP_PRIORITY,      /* priority, queue_name */
    GROUP_EXPORTER,      /* none: one series */
    GROUP_BUILD,         /* arch, branch, compiler, os, revision, version */
    GROUP_CONNECT_ERROR, /* reason */
    GROUP_DISCONNECT,    /* reason */
    GROUP_EVENT,         /* event */
    GROUP_REJECT,        /* reason */
    GROUP_OVERFLOW,      /* label */
    GROUP_LABEL_CAP,     /* label */
    GROUP_TABLE_CAP,     /* table */
    GROUP_POLL,          /* source */
    GROUP_HTTP,          /* code, handler */
    GROUP_COUNT
};

enum {
    TASK_SENT_COL,
    TASK_RECEIVED_COL,
    TASK_STARTED_COL,
    TASK_SUCCEEDED_COL,
    TASK_REJECTED_COL,
    TASK_REVOKED_COL,
    TASK_RETRIED_COL,
    TASK_CANCELLED_COL,
    TASK_RUNTIME_COL,
    TASK_WAIT_COL
};
enum { FAILED_COL };
enum { NAME_FAILURES_COL };
enum {
    NQ_REDELIVERED_COL,
    NQ_LAST_SUCCESS_COL,
    NQ_LAST_FAILURE_COL,
    NQ_PREFETCH_COL,
    NQ_FAILURE_RUNTIME_COL
};
enum { RETRY_COL };
enum { REVOCATION_COL };
enum { HOST_UP_COL, HOST_ACTIVE_COL, HOST_LOST_COL };
enum {
    WORKER_HEARTBEAT_COL,
    WORKER_PROCESSED_COL,
    WORKER_LOAD1_COL,
    WORKER_LOAD5_COL,
    WORKER_LOAD15_COL,
    WORKER_EVENTS_COL,
    WORKER_POOL_SIZE_COL,
    WORKER_PREFETCH_COL,
    WORKER_RESERVED_COL,
    WORKER_SCHEDULED_COL,
    WORKER_MAXRSS_COL,
    WORKER_START_COL,
    WORKER_MISSED_COL
};
enum { WORKER_INFO_COL };
enum {
    QUEUE_LENGTH_COL,
    QUEUE_CONSUMERS_COL,
    QUEUE_WORKERS_COL,
    QUEUE_PROCESSES_COL,
    QUEUE_OLDEST_COL
};
enum { PRIORITY_LENGTH_COL };
enum {
    SELF_BROKER_UP_COL,
    SELF_CONNECTS_COL,
    SELF_BLIND_COL,
    SELF_MESSAGES_COL,
    SELF_DUPLICATES_COL,
    SELF_RECEIVED_BYTES_COL,
    SELF_LAST_EVENT_COL,
    SELF_DELAY_COL,
    SELF_TRACKED_COL,
    SELF_TRACKED_LIMIT_COL,
    SELF_EVICTED_COL,
    SELF_SERIES_COL,
    SELF_SERIES_LIMIT_COL,
    SELF_TLS_NOT_AFTER_COL,
    SELF_UNACKED_COL,
    SELF_OLDEST_UNACKED_COL,
    SELF_CPU_COL,
    SELF_OPEN_FDS_COL,
    SELF_MAX_FDS_COL,
    SELF_VIRTUAL_COL,
    SELF_VIRTUAL_MAX_COL,
    SELF_RESIDENT_COL,
    SELF_START_TIME_COL,
    SELF_THREADS_COL,
    SELF_NET_RECEIVE_COL,
    SELF_NET_TRANSMIT_COL
};
enum { BUILD_COL };
enum { REASON_COL }; /* the groups with one label and one counter */
enum { CAP_USED_COL, CAP_LIMIT_COL }; /* of labels, of tables */
enum { POLL_SUCCESS_COL, POLL_TIMESTAMP_COL, POLL_DURATION_COL };
enum { HTTP_COL };

enum family_type {
    FAMILY_COUNTER,
    FAMILY_GAUGE,
    FAMILY_HISTOGRAM,
};

enum bounds_id {
    BOUNDS_NONE,
    BOUNDS_RUNTIME,    /* --buckets */
    BOUNDS_QUEUE_WAIT, /* --queue-wait-buckets */
    BOUNDS_DELAY,      /* our own, for the delay of events */
    BOUNDS_COUNT
};

struct family {
    /* With the suffix (_total); --metric-prefix goes in front unless the
     * name is absolute. */
    const char *name;
    bool absolute;
    bool off; /* only with --collect */
    enum family_type type;
    enum cell_type cell;
    enum bounds_id bounds;
    enum group_id group;
    size_t column;
    const char *help;
};

extern const struct family families[];
extern const size_t nfamilies;

struct group_label {
    const char *name;
    enum label_id id;
};

/* The labels of a group, sorted, ended by a NULL name. */
extern const struct group_label group_labels[GROUP_COUNT]
                                            [SERIES_MAX_LABELS + 1];

/* --collect and --no-collect name a family without its prefix, with or
 * without the suffix that tells type and unit. */
bool family_is_named(const struct family *family, struct str name);
