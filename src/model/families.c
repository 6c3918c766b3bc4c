#include "model/families.h"

#include "base/attr.h"

#define COUNTER .type = FAMILY_COUNTER, .cell = CELL_COUNT
#define SECONDS_COUNTER .type = FAMILY_COUNTER, .cell = CELL_VALUE
#define GAUGE .type = FAMILY_GAUGE, .cell = CELL_VALUE
#define HISTOGRAM(which) \
    .type = FAMILY_HISTOGRAM, .cell = CELL_HISTOGRAM, .bounds = (which)
#define AT(g, c) .group = (g), .column = (c)

/* clang-format off */
const struct family families[] = {
    /* The Python exporter's, in its order. */
    {"task_sent_total", COUNTER, AT(GROUP_TASK, TASK_SENT_COL),
     .help = "Tasks sent, on the host that sent them (needs task_send_sent_event)."},
    {"task_received_total", COUNTER, AT(GROUP_TASK, TASK_RECEIVED_COL),
     .help = "Tasks received by a worker."},
    {"task_started_total", COUNTER, AT(GROUP_TASK, TASK_STARTED_COL),
     .help = "Tasks started by a worker."},
    {"task_succeeded_total", COUNTER, AT(GROUP_TASK, TASK_SUCCEEDED_COL),
     .help = "Tasks that succeeded."},
    {"task_failed_total", COUNTER, AT(GROUP_FAILED, FAILED_COL),
     .help = "Tasks that failed, by the class of the exception."},
    {"task_rejected_total", COUNTER, AT(GROUP_TASK, TASK_REJECTED_COL),
     .help = "Tasks rejected by a worker."},
    {"task_revoked_total", COUNTER, AT(GROUP_TASK, TASK_REVOKED_COL),
     .help = "Tasks revoked: expired, terminated, or revoked before their start."},
    {"task_retried_total", COUNTER, AT(GROUP_TASK, TASK_RETRIED_COL),
     .help = "Retries of tasks."},
    {"worker_up", GAUGE, AT(GROUP_HOST, HOST_UP_COL),
     .help = "1 while any worker of the host is alive, 0 when all are gone."},
    {"worker_tasks_active", GAUGE, AT(GROUP_HOST, HOST_ACTIVE_COL),
     .help = "Tasks that the workers of the host execute now."},
    {"task_runtime", HISTOGRAM(BOUNDS_RUNTIME), AT(GROUP_TASK, TASK_RUNTIME_COL),
     .help = "Seconds that successful tasks ran."},
    {"task_queue_wait_time", HISTOGRAM(BOUNDS_QUEUE_WAIT), AT(GROUP_TASK, TASK_WAIT_COL),
     .help = "Seconds from sending a task, or from its ETA, to its start (needs task-sent events)."},
    {"queue_length", GAUGE, AT(GROUP_QUEUE, QUEUE_LENGTH_COL),
     .help = "Messages waiting in the queue, over all priorities."},
    {"active_consumer_count", GAUGE, AT(GROUP_QUEUE, QUEUE_CONSUMERS_COL),
     .help = "Consumers of the queue, as the broker counts them."},
    {"active_worker_count", GAUGE, AT(GROUP_QUEUE, QUEUE_WORKERS_COL),
     .help = "Workers that consume the queue."},
    {"active_process_count", GAUGE, AT(GROUP_QUEUE, QUEUE_PROCESSES_COL),
     .help = "Pool processes or threads of the workers that consume the queue."},

    /* Ours: tasks. */
    {"task_failures_total", COUNTER, AT(GROUP_NAME, NAME_FAILURES_COL),
     .help = "Failures of any class, at 0 as soon as the task is known."},
    {"task_cancelled_total", COUNTER, AT(GROUP_TASK, TASK_CANCELLED_COL),
     .help = "Running tasks that their worker cancelled (Celery 5.1 and later)."},
    {"task_retry_exceptions_total", COUNTER, AT(GROUP_RETRY, RETRY_COL),
     .help = "Retries of tasks, by the class of the exception that caused them."},
    {"task_revocations_total", COUNTER, AT(GROUP_REVOCATION, REVOCATION_COL),
     .help = "Revoked tasks, by reason: expired, terminated or revoked."},
    {"task_redelivered_total", COUNTER, AT(GROUP_NAME_QUEUE, NQ_REDELIVERED_COL),
     .help = "Tasks that were started again without a retry, a requeue or a new task-sent."},
    {"task_last_success_timestamp_seconds", GAUGE, AT(GROUP_NAME_QUEUE, NQ_LAST_SUCCESS_COL),
     .help = "When a task of the name last succeeded, by the worker's clock."},
    {"task_last_failure_timestamp_seconds", GAUGE, AT(GROUP_NAME_QUEUE, NQ_LAST_FAILURE_COL),
     .help = "When a task of the name last failed, by the worker's clock."},
    {"task_prefetch_time_seconds", .off = true, HISTOGRAM(BOUNDS_QUEUE_WAIT), AT(GROUP_NAME_QUEUE, NQ_PREFETCH_COL),
     .help = "Seconds that tasks lay in a worker before they started, ETA excluded."},
    {"task_failure_runtime_seconds", .off = true, HISTOGRAM(BOUNDS_RUNTIME), AT(GROUP_NAME_QUEUE, NQ_FAILURE_RUNTIME_COL),
     .help = "Seconds from start to failure of failed tasks."},

    /* Ours: queues and the broker. */
    {"queue_priority_length", GAUGE, AT(GROUP_PRIORITY, PRIORITY_LENGTH_COL),
     .help = "Messages waiting in the queue, by priority step (Redis, where more than the first step is used)."},
    {"queue_oldest_task_timestamp_seconds", GAUGE, AT(GROUP_QUEUE, QUEUE_OLDEST_COL),
     .help = "When the oldest task that has not started was sent, or its ETA came; to the second (needs task-sent events)."},
    {"broker_unacked_tasks", GAUGE, AT(GROUP_EXPORTER, SELF_UNACKED_COL),
     .help = "Messages that workers hold and have not acknowledged (Redis)."},
    {"broker_oldest_unacked_timestamp_seconds", GAUGE, AT(GROUP_EXPORTER, SELF_OLDEST_UNACKED_COL),
     .help = "When the oldest of the messages that are not acknowledged was taken (Redis)."},

    /* Ours: workers. */
    {"worker_info", GAUGE, AT(GROUP_WORKER_INFO, WORKER_INFO_COL),
     .help = "1 for each worker, with what it says of itself."},
    {"worker_last_heartbeat_timestamp_seconds", GAUGE, AT(GROUP_WORKER, WORKER_HEARTBEAT_COL),
     .help = "When the exporter last received a heartbeat of the worker."},
    {"worker_processed_total", COUNTER, AT(GROUP_WORKER, WORKER_PROCESSED_COL),
     .help = "Tasks started by the worker by its own count, whether or not their events arrived."},
    {"worker_pool_size", GAUGE, AT(GROUP_WORKER, WORKER_POOL_SIZE_COL),
     .help = "Tasks that the worker can run at once: pool processes, threads or greenlets; 0 while it is down."},
    {"worker_prefetch_limit", GAUGE, AT(GROUP_WORKER, WORKER_PREFETCH_COL),
     .help = "Messages that the worker takes from the broker before it acknowledges any; 0 is no limit, and there is none while it is down."},
    {"worker_reserved_tasks", GAUGE, AT(GROUP_WORKER, WORKER_RESERVED_COL),
     .help = "Tasks that the worker has received and not yet started, those with an ETA left out; 0 while it is down."},
    {"worker_scheduled_tasks", GAUGE, AT(GROUP_WORKER, WORKER_SCHEDULED_COL),
     .help = "Tasks that the worker holds until their ETA; 0 while it is down."},
    {"worker_resident_memory_max_bytes", GAUGE, AT(GROUP_WORKER, WORKER_MAXRSS_COL),
     .help = "Largest resident memory that the worker's main process has had; not while it is down."},
    {"worker_start_time_seconds", GAUGE, AT(GROUP_WORKER, WORKER_START_COL),
     .help = "When the worker's main process started; not while it is down."},
    {"worker_load1", GAUGE, AT(GROUP_WORKER, WORKER_LOAD1_COL),
     .help = "1 minute load average of the worker's host."},
    {"worker_load5", GAUGE, AT(GROUP_WORKER, WORKER_LOAD5_COL),
     .help = "5 minute load average of the worker's host."},
    {"worker_load15", GAUGE, AT(GROUP_WORKER, WORKER_LOAD15_COL),
     .help = "15 minute load average of the worker's host."},
    {"worker_lost_total", COUNTER, AT(GROUP_HOST, HOST_LOST_COL),
     .help = "Workers that fell silent without saying that they stop."},
    {"worker_task_events_enabled", GAUGE, AT(GROUP_WORKER, WORKER_EVENTS_COL),
     .help = "0 when the worker processes tasks but sends no task events (it lacks -E)."},

    /* Ours: the exporter and its own eyesight. */
    {"celery_exporter_build_info", .absolute = true, GAUGE, AT(GROUP_BUILD, BUILD_COL),
     .help = "1, with the version of the exporter."},
    {"celery_exporter_broker_up", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_BROKER_UP_COL),
     .help = "1 while the exporter is subscribed to the event stream."},
    {"celery_exporter_broker_connects_total", .absolute = true, COUNTER, AT(GROUP_EXPORTER, SELF_CONNECTS_COL),
     .help = "Times that the exporter subscribed to the event stream."},
    {"celery_exporter_broker_connect_errors_total", .absolute = true, COUNTER, AT(GROUP_CONNECT_ERROR, REASON_COL),
     .help = "Failed attempts to subscribe, by reason."},
    {"celery_exporter_broker_disconnects_total", .absolute = true, COUNTER, AT(GROUP_DISCONNECT, REASON_COL),
     .help = "Subscriptions that ended, by reason."},
    {"celery_exporter_blind_seconds_total", .absolute = true, SECONDS_COUNTER, AT(GROUP_EXPORTER, SELF_BLIND_COL),
     .help = "Seconds without a subscription: events of that time were not seen."},
    {"celery_exporter_broker_tls_not_after_timestamp_seconds", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_TLS_NOT_AFTER_COL),
     .help = "When the certificate of the broker ends (only with TLS)."},
    {"celery_exporter_messages_total", .absolute = true, COUNTER, AT(GROUP_EXPORTER, SELF_MESSAGES_COL),
     .help = "Messages received on the event stream."},
    {"celery_exporter_events_total", .absolute = true, COUNTER, AT(GROUP_EVENT, REASON_COL),
     .help = "Events decoded, by type."},
    {"celery_exporter_events_rejected_total", .absolute = true, COUNTER, AT(GROUP_REJECT, REASON_COL),
     .help = "Messages, events and fields that could not be used, by reason."},
    {"celery_exporter_events_duplicate_total", .absolute = true, COUNTER, AT(GROUP_EXPORTER, SELF_DUPLICATES_COL),
     .help = "Events that arrived twice and were counted once."},
    {"celery_exporter_received_bytes_total", .absolute = true, COUNTER, AT(GROUP_EXPORTER, SELF_RECEIVED_BYTES_COL),
     .help = "Bytes of the messages received on the event stream."},
    {"celery_exporter_last_event_timestamp_seconds", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_LAST_EVENT_COL),
     .help = "When the last event was received."},
    {"celery_exporter_event_delay_seconds", .absolute = true, HISTOGRAM(BOUNDS_DELAY), AT(GROUP_EXPORTER, SELF_DELAY_COL),
     .help = "Seconds from an event's timestamp, by its sender's clock, to its receipt."},
    {"celery_exporter_missed_tasks_total", .absolute = true, COUNTER, AT(GROUP_WORKER, WORKER_MISSED_COL),
     .help = "Tasks that the worker started, by its own count, and whose start was never seen; silent ones and those without events left out."},
    {"celery_exporter_tracked_tasks", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_TRACKED_COL),
     .help = "Tasks in the task table."},
    {"celery_exporter_tracked_tasks_limit", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_TRACKED_LIMIT_COL),
     .help = "Tasks that the task table can hold (--max-tracked-tasks)."},
    {"celery_exporter_evicted_tasks_total", .absolute = true, COUNTER, AT(GROUP_EXPORTER, SELF_EVICTED_COL),
     .help = "Tasks that left the full task table early; their later events have no name."},
    {"celery_exporter_series", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_SERIES_COL),
     .help = "Samples on the page."},
    {"celery_exporter_series_limit", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_SERIES_LIMIT_COL),
     .help = "Samples that the page can hold (--max-series)."},
    {"celery_exporter_series_overflow_total", .absolute = true, COUNTER, AT(GROUP_OVERFLOW, REASON_COL),
     .help = "Times that a new label set went to __other__, by the label whose cap was reached, or all."},
    {"celery_exporter_label_values", .absolute = true, GAUGE, AT(GROUP_LABEL_CAP, CAP_USED_COL),
     .help = "Distinct values of the label that are kept."},
    {"celery_exporter_label_values_limit", .absolute = true, GAUGE, AT(GROUP_LABEL_CAP, CAP_LIMIT_COL),
     .help = "Distinct values of the label that can be kept (--max-label-values)."},
    {"celery_exporter_table_entries", .absolute = true, GAUGE, AT(GROUP_TABLE_CAP, CAP_USED_COL),
     .help = "Entries of a table of bounded size."},
    {"celery_exporter_table_entries_limit", .absolute = true, GAUGE, AT(GROUP_TABLE_CAP, CAP_LIMIT_COL),
     .help = "Entries that the table can hold."},
    {"celery_exporter_poll_success", .absolute = true, GAUGE, AT(GROUP_POLL, POLL_SUCCESS_COL),
     .help = "1 if the last poll of this source was answered."},
    {"celery_exporter_poll_timestamp_seconds", .absolute = true, GAUGE, AT(GROUP_POLL, POLL_TIMESTAMP_COL),
     .help = "When this source was last polled successfully."},
    {"celery_exporter_poll_duration_seconds", .absolute = true, GAUGE, AT(GROUP_POLL, POLL_DURATION_COL),
     .help = "Seconds that the last poll of this source took."},
    {"celery_exporter_http_requests_total", .absolute = true, COUNTER, AT(GROUP_HTTP, HTTP_COL),
     .help = "HTTP requests answered, by handler and status code."},
    {"process_cpu_seconds_total", .absolute = true, SECONDS_COUNTER, AT(GROUP_EXPORTER, SELF_CPU_COL),
     .help = "Total user and system CPU time spent in seconds."},
    {"process_open_fds", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_OPEN_FDS_COL),
     .help = "Number of open file descriptors."},
    {"process_max_fds", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_MAX_FDS_COL),
     .help = "Maximum number of open file descriptors."},
    {"process_virtual_memory_bytes", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_VIRTUAL_COL),
     .help = "Virtual memory size in bytes."},
    {"process_virtual_memory_max_bytes", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_VIRTUAL_MAX_COL),
     .help = "Maximum amount of virtual memory available in bytes."},
    {"process_resident_memory_bytes", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_RESIDENT_COL),
     .help = "Resident memory size in bytes."},
    {"process_start_time_seconds", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_START_TIME_COL),
     .help = "Start time of the process since unix epoch in seconds."},
    {"process_threads", .absolute = true, GAUGE, AT(GROUP_EXPORTER, SELF_THREADS_COL),
     .help = "Number of OS threads in the process."},
    {"process_network_receive_bytes_total", .absolute = true, SECONDS_COUNTER, AT(GROUP_EXPORTER, SELF_NET_RECEIVE_COL),
     .help = "Number of bytes received by the process over the network."},
    {"process_network_transmit_bytes_total", .absolute = true, SECONDS_COUNTER, AT(GROUP_EXPORTER, SELF_NET_TRANSMIT_COL),
     .help = "Number of bytes sent by the process over the network."},
};
/* clang-format on */

const size_t nfamilies = COUNT_OF(families);

#define NAME               \
    {                      \
        "name", LABEL_NAME \
    }
#define HOSTNAME                   \
    {                              \
        "hostname", LABEL_HOSTNAME \
    }
#define QUEUE_NAME                     \
    {                                  \
        "queue_name", LABEL_QUEUE_NAME \
    }
#define EXCEPTION                    \
    {                                \
        "exception", LABEL_EXCEPTION \
    }
#define WORKER                 \
    {                          \
        "worker", LABEL_WORKER \
    }
#define SOFTWARE(label)       \
    {                         \
        label, LABEL_SOFTWARE \
    }
#define FIXED(label)       \
    {                      \
        label, LABEL_FIXED \
    }

const struct group_label group_labels[GROUP_COUNT][SERIES_MAX_LABELS + 1] = {
    [GROUP_TASK] = {HOSTNAME, NAME, QUEUE_NAME},
    [GROUP_FAILED] = {EXCEPTION, HOSTNAME, NAME, QUEUE_NAME},
    [GROUP_NAME] = {NAME},
    [GROUP_NAME_QUEUE] = {NAME, QUEUE_NAME},
    [GROUP_RETRY] = {EXCEPTION, NAME, QUEUE_NAME},
    [GROUP_REVOCATION] = {NAME, QUEUE_NAME, FIXED("reason")},
    [GROUP_HOST] = {HOSTNAME},
    [GROUP_WORKER] = {HOSTNAME, WORKER},
    [GROUP_WORKER_INFO] = {HOSTNAME, SOFTWARE("pool"), SOFTWARE("sw_ident"),
                           SOFTWARE("sw_sys"), SOFTWARE("sw_ver"), WORKER},
    [GROUP_QUEUE] = {QUEUE_NAME},
    [GROUP_PRIORITY] = {FIXED("priority"), QUEUE_NAME},
    [GROUP_BUILD] = {FIXED("arch"), FIXED("branch"), FIXED("compiler"),
                     FIXED("os"), FIXED("revision"), FIXED("version")},
    [GROUP_CONNECT_ERROR] = {FIXED("reason")},
    [GROUP_DISCONNECT] = {FIXED("reason")},
    [GROUP_EVENT] = {FIXED("event")},
    [GROUP_REJECT] = {FIXED("reason")},
    [GROUP_OVERFLOW] = {FIXED("label")},
    [GROUP_LABEL_CAP] = {FIXED("label")},
    [GROUP_TABLE_CAP] = {FIXED("table")},
    [GROUP_POLL] = {FIXED("source")},
    [GROUP_HTTP] = {FIXED("code"), FIXED("handler")},
};

bool
family_is_named(const struct family *family, struct str name)
{
    static const struct str suffixes[] = {
        STR_INIT(""),
        STR_INIT("_total"),
        STR_INIT("_seconds"),
        STR_INIT("_seconds_total"),
        STR_INIT("_bytes"),
        STR_INIT("_bytes_total"),
        STR_INIT("_timestamp_seconds"),
    };
    const struct str full = str_from(family->name);
    if (!str_starts(full, name))
        return false;
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (str_eq(str_slice(full, name.len, full.len), suffixes[i]))
            return true;
    return false;
}
