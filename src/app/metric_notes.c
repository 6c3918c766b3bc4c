#include "app/metric_notes.h"

#include <string.h>

#include "app/option_table.h"
#include "base/attr.h"
#include "io/broker.h"
#include "model/registry.h"
#include "wire/event.h"

/* clang-format off */
static const struct metric_note notes[] = {
    {"task_sent_total", "tasks",
     "sum by (name) (rate(celery_task_sent_total[5m]))"},
    {"task_received_total", "tasks",
     "sum(rate(celery_task_received_total[5m]))"},
    {"task_started_total", "tasks",
     "sum by (hostname) (rate(celery_task_started_total[5m]))"},
    {"task_succeeded_total", "tasks",
     "sum by (name) (increase(celery_task_succeeded_total[1h]))"},
    {"task_failed_total", "tasks",
     "topk(5, sum by (name, exception) (increase(celery_task_failed_total[1h])))"},
    {"task_rejected_total", "tasks",
     "sum by (name) (increase(celery_task_rejected_total[10m])) > 0"},
    {"task_revoked_total", "tasks",
     "sum by (name) (increase(celery_task_revoked_total[1h])) > 0"},
    {"task_retried_total", "retries",
     "sum by (name) (rate(celery_task_retried_total[5m])) / sum by (name) (rate(celery_task_started_total[5m]))"},
    {"worker_up", "1 or 0",
     "sum(celery_worker_up) < 1"},
    {"worker_tasks_active", "tasks",
     "sum(celery_worker_tasks_active) / sum(celery_worker_pool_size)"},
    {"task_runtime", "seconds",
     "histogram_quantile(0.95, sum by (le, name) (rate(celery_task_runtime_bucket[5m])))"},
    {"task_queue_wait_time", "seconds",
     "histogram_quantile(0.95, sum by (le, queue_name) (rate(celery_task_queue_wait_time_bucket[5m])))"},
    {"queue_length", "messages",
     "celery_queue_length > 100 and deriv(celery_queue_length[15m]) > 0"},
    {"active_consumer_count", "consumers",
     "celery_active_consumer_count == 0"},
    {"active_worker_count", "workers",
     "celery_queue_length > 0 and celery_active_worker_count == 0"},
    {"active_process_count", "processes",
     "celery_queue_length / (celery_active_process_count > 0)"},

    {"task_failures_total", "tasks",
     "increase(celery_task_failures_total[5m]) > 0"},
    {"task_cancelled_total", "tasks",
     "sum by (name) (increase(celery_task_cancelled_total[1h])) > 0"},
    {"task_retry_exceptions_total", "retries",
     "topk(5, sum by (name, exception) (increase(celery_task_retry_exceptions_total[1h])))"},
    {"task_revocations_total", "tasks",
     "sum by (name) (increase(celery_task_revocations_total{reason=\"expired\"}[1h])) > 0"},
    {"task_redelivered_total", "tasks",
     "sum by (name) (increase(celery_task_redelivered_total[1h])) > 0"},
    {"task_last_success_timestamp_seconds", "Unix time",
     "time() - max by (name) (celery_task_last_success_timestamp_seconds) > 86400"},
    {"task_last_failure_timestamp_seconds", "Unix time",
     "max by (name) (celery_task_last_failure_timestamp_seconds) > max by (name) (celery_task_last_success_timestamp_seconds)"},
    {"task_prefetch_time_seconds", "seconds",
     "histogram_quantile(0.95, sum by (le, name) (rate(celery_task_prefetch_time_seconds_bucket[5m])))"},
    {"task_failure_runtime_seconds", "seconds",
     "sum by (name) (rate(celery_task_failure_runtime_seconds_sum[1h])) / sum by (name) (rate(celery_task_failure_runtime_seconds_count[1h]))"},

    {"queue_priority_length", "messages",
     "sum by (priority) (celery_queue_priority_length)"},
    {"queue_oldest_task_timestamp_seconds", "Unix time",
     "time() - celery_queue_oldest_task_timestamp_seconds > 600"},
    {"broker_unacked_tasks", "messages",
     "celery_broker_unacked_tasks - sum(celery_worker_tasks_active) > 1000"},
    {"broker_oldest_unacked_timestamp_seconds", "Unix time",
     "time() - celery_broker_oldest_unacked_timestamp_seconds > 3600"},

    {"worker_info", "1",
     "count by (sw_ver) (celery_worker_info)"},
    {"worker_last_heartbeat_timestamp_seconds", "Unix time",
     "time() - celery_worker_last_heartbeat_timestamp_seconds > 60"},
    {"worker_processed_total", "tasks",
     "sum by (worker) (rate(celery_worker_processed_total[5m]))"},
    {"worker_pool_size", "tasks",
     "sum(celery_worker_pool_size)"},
    {"worker_prefetch_limit", "messages",
     "celery_worker_prefetch_limit / celery_worker_pool_size > 4"},
    {"worker_reserved_tasks", "tasks",
     "topk(3, celery_worker_reserved_tasks)"},
    {"worker_scheduled_tasks", "tasks",
     "sum(celery_worker_scheduled_tasks)"},
    {"worker_resident_memory_max_bytes", "bytes",
     "celery_worker_resident_memory_max_bytes > 2e9"},
    {"worker_start_time_seconds", "Unix time",
     "changes(celery_worker_start_time_seconds[1h]) > 3"},
    {"worker_load1", "processes",
     "max by (hostname) (celery_worker_load1)"},
    {"worker_load5", "processes",
     "max by (hostname) (celery_worker_load5)"},
    {"worker_load15", "processes",
     "max by (hostname) (celery_worker_load15)"},
    {"worker_lost_total", "workers",
     "increase(celery_worker_lost_total[15m]) > 0"},
    {"worker_task_events_enabled", "1 or 0",
     "celery_worker_task_events_enabled == 0"},

    {"celery_exporter_build_info", "1",
     "count by (version) (celery_exporter_build_info)"},
    {"celery_exporter_broker_up", "1 or 0",
     "celery_exporter_broker_up == 0"},
    {"celery_exporter_broker_connects_total", "connects",
     "increase(celery_exporter_broker_connects_total[15m]) > 3"},
    {"celery_exporter_broker_connect_errors_total", "attempts",
     "sum by (reason) (increase(celery_exporter_broker_connect_errors_total[15m])) > 0"},
    {"celery_exporter_broker_disconnects_total", "disconnects",
     "sum by (reason) (increase(celery_exporter_broker_disconnects_total[1h])) > 0"},
    {"celery_exporter_blind_seconds_total", "seconds",
     "rate(celery_exporter_blind_seconds_total[1h])"},
    {"celery_exporter_broker_tls_not_after_timestamp_seconds", "Unix time",
     "celery_exporter_broker_tls_not_after_timestamp_seconds - time() < 14 * 86400"},
    {"celery_exporter_messages_total", "messages",
     "rate(celery_exporter_messages_total[5m])"},
    {"celery_exporter_events_total", "events",
     "sum by (event) (rate(celery_exporter_events_total[5m]))"},
    {"celery_exporter_events_rejected_total", "refusals",
     "sum by (reason) (increase(celery_exporter_events_rejected_total[15m])) > 0"},
    {"celery_exporter_events_duplicate_total", "events",
     "increase(celery_exporter_events_duplicate_total[1h])"},
    {"celery_exporter_received_bytes_total", "bytes",
     "rate(celery_exporter_received_bytes_total[5m])"},
    {"celery_exporter_last_event_timestamp_seconds", "Unix time",
     "time() - celery_exporter_last_event_timestamp_seconds > 300"},
    {"celery_exporter_event_delay_seconds", "seconds",
     "histogram_quantile(0.99, rate(celery_exporter_event_delay_seconds_bucket[5m]))"},
    {"celery_exporter_missed_tasks_total", "tasks",
     "increase(celery_exporter_missed_tasks_total[15m]) > 0"},
    {"celery_exporter_tracked_tasks", "tasks",
     "celery_exporter_tracked_tasks / celery_exporter_tracked_tasks_limit"},
    {"celery_exporter_tracked_tasks_limit", "tasks",
     "celery_exporter_tracked_tasks > 0.9 * celery_exporter_tracked_tasks_limit"},
    {"celery_exporter_evicted_tasks_total", "tasks",
     "increase(celery_exporter_evicted_tasks_total[15m]) > 0"},
    {"celery_exporter_series", "samples",
     "celery_exporter_series / celery_exporter_series_limit"},
    {"celery_exporter_series_limit", "samples",
     "celery_exporter_series > 0.9 * celery_exporter_series_limit"},
    {"celery_exporter_series_overflow_total", "label sets",
     "sum by (label) (increase(celery_exporter_series_overflow_total[15m])) > 0"},
    {"celery_exporter_label_values", "values",
     "celery_exporter_label_values / celery_exporter_label_values_limit"},
    {"celery_exporter_label_values_limit", "values",
     "celery_exporter_label_values > 0.9 * celery_exporter_label_values_limit"},
    {"celery_exporter_table_entries", "entries",
     "celery_exporter_table_entries / celery_exporter_table_entries_limit"},
    {"celery_exporter_table_entries_limit", "entries",
     "celery_exporter_table_entries{table!=\"senders\"} > 0.9 * "
     "celery_exporter_table_entries_limit"},
    {"celery_exporter_poll_success", "1 or 0",
     "min_over_time(celery_exporter_poll_success[5m]) == 0"},
    {"celery_exporter_poll_timestamp_seconds", "Unix time",
     "time() - celery_exporter_poll_timestamp_seconds > 120"},
    {"celery_exporter_poll_duration_seconds", "seconds",
     "max_over_time(celery_exporter_poll_duration_seconds[1h])"},
    {"celery_exporter_http_requests_total", "requests",
     "sum by (code) (rate(celery_exporter_http_requests_total{handler=\"metrics\"}[5m]))"},

    {"process_cpu_seconds_total", "seconds",
     "rate(process_cpu_seconds_total{job=\"celery-exporter\"}[5m])"},
    {"process_open_fds", "descriptors",
     "process_open_fds / process_max_fds > 0.8"},
    {"process_max_fds", "descriptors",
     "process_max_fds - process_open_fds"},
    {"process_virtual_memory_bytes", "bytes",
     "process_virtual_memory_bytes{job=\"celery-exporter\"}"},
    {"process_virtual_memory_max_bytes", "bytes",
     "process_virtual_memory_bytes / process_virtual_memory_max_bytes"},
    {"process_resident_memory_bytes", "bytes",
     "process_resident_memory_bytes{job=\"celery-exporter\"}"},
    {"process_start_time_seconds", "Unix time",
     "changes(process_start_time_seconds{job=\"celery-exporter\"}[1h]) > 0"},
    {"process_threads", "threads",
     "process_threads{job=\"celery-exporter\"}"},
    {"process_network_receive_bytes_total", "bytes",
     "rate(process_network_receive_bytes_total{job=\"celery-exporter\"}[5m])"},
    {"process_network_transmit_bytes_total", "bytes",
     "rate(process_network_transmit_bytes_total{job=\"celery-exporter\"}[5m])"},
};
/* clang-format on */

const struct metric_note *
metric_note(const struct family *family)
{
    for (size_t i = 0; i < COUNT_OF(notes); i++)
        if (strcmp(notes[i].family, family->name) == 0)
            return &notes[i];
    static const struct metric_note none = {"", "", ""};
    return &none;
}

size_t
metric_notes_n(void)
{
    return COUNT_OF(notes);
}

/* ---- what they cost ---- */

/* For each of what there is a sample; NULL: there is one in all. No default: a
 * new group does not compile without its text. */
static const char *
multiplier(enum group_id group)
{
    switch (group) {
    case GROUP_TASK:
        return "host, task and queue that occur together";
    case GROUP_FAILED:
        return "exception, host, task and queue that occur together";
    case GROUP_NAME:
        return "task";
    case GROUP_NAME_QUEUE:
        return "task and queue that occur together";
    case GROUP_RETRY:
        return "exception, task and queue that occur together";
    case GROUP_REVOCATION:
        return "task, queue and reason that occur together";
    case GROUP_HOST:
        return "host with workers";
    case GROUP_WORKER:
    case GROUP_WORKER_INFO:
        return "nodename";
    case GROUP_QUEUE:
        return "queue";
    case GROUP_PRIORITY:
        return "priority step of the queues that use them";
    case GROUP_CONNECT_ERROR:
    case GROUP_DISCONNECT:
    case GROUP_REJECT:
        return "reason";
    case GROUP_EVENT:
        return "type of event";
    case GROUP_OVERFLOW:
        return "label with a cap, and one for all of the page";
    case GROUP_LABEL_CAP:
        return "label with a cap";
    case GROUP_TABLE_CAP:
        return "table";
    case GROUP_POLL:
        return "source";
    case GROUP_HTTP:
        return "code that a handler can answer with";
    case GROUP_EXPORTER:
    case GROUP_BUILD:
    case GROUP_COUNT:
        break;
    }
    return NULL;
}

/* How many of these there are; 0: as many as the application makes. */
static size_t
fixed_number(enum group_id group)
{
    if (group == GROUP_CONNECT_ERROR || group == GROUP_DISCONNECT)
        return BROKER_REASON_COUNT;
    if (group == GROUP_REJECT)
        return REJECT_COUNT - 1;
    if (group == GROUP_EVENT)
        return EVENT_TYPE_COUNT;
    if (group == GROUP_LABEL_CAP)
        return LABEL_FIXED;
    return group == GROUP_OVERFLOW ? LABEL_FIXED + 1 : 0;
}

/* With the infinite one. */
static size_t
nbuckets(enum bounds_id bounds)
{
    if (bounds == BOUNDS_DELAY)
        return REGISTRY_NDELAY_BOUNDS + 1;
    const size_t field = bounds == BOUNDS_RUNTIME
                             ? offsetof(struct options, buckets)
                             : offsetof(struct options, queue_wait_buckets);
    size_t i = 0;
    while (option_at(i)->field != field)
        i++;
    struct str rest = str_from(option_at(i)->preset);
    struct str bound;
    size_t n = 0;
    while (str_split(&rest, ',', &bound))
        n++;
    return n;
}

void
metric_cost(const struct family *family, struct buf *out)
{
    const char *each = multiplier(family->group);
    if (family->type == FAMILY_HISTOGRAM) /* and _count and _sum */
        buf_add_u64(out, nbuckets(family->bounds) + 2);
    else
        buf_add_str(out, STR("one"));
    if (each == NULL)
        return;
    buf_printf(out, " for each %s", each);
    if (fixed_number(family->group) > 0)
        buf_printf(out, ": %zu", fixed_number(family->group));
}
