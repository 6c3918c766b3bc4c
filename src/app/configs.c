#include "app/configs.h"

struct metrics_config
configs_metrics(const struct options *o, double start_s)
{
    return (struct metrics_config){
        .registry =
            {
                .prefix = o->metric_prefix,
                .runtime_bounds = o->buckets.values,
                .nruntime_bounds = o->buckets.n,
                .queue_wait_bounds = o->queue_wait_buckets.values,
                .nqueue_wait_bounds = o->queue_wait_buckets.n,
                .static_labels = (const char *const *)o->static_labels.items,
                .nstatic_labels = o->static_labels.n,
                .collect = (const char *const *)o->collect.items,
                .ncollect = o->collect.n,
                .no_collect = (const char *const *)o->no_collect.items,
                .nno_collect = o->no_collect.n,
                .max_samples = (size_t)o->max_series,
                .max_names = (size_t)o->max_names,
                .max_hostnames = (size_t)o->max_hostnames,
                .max_queue_names = (size_t)o->max_queue_names,
                .max_exceptions = (size_t)o->max_exceptions,
                .label_max_len = (size_t)o->label_max_length,
                .start_s = start_s,
            },
        .default_queue_name = o->default_queue_name,
        .hostname_is_worker = o->hostname_is_worker,
        .hostname_rewrites = (const char *const *)o->hostname_rewrites.items,
        .nhostname_rewrites = o->hostname_rewrites.n,
        .task_include = (const char *const *)o->task_include.items,
        .ntask_include = o->task_include.n,
        .task_exclude = (const char *const *)o->task_exclude.items,
        .ntask_exclude = o->task_exclude.n,
        .generic_hostname_task_sent = o->generic_hostname_task_sent,
        .generic_hostname_worker_task = o->generic_hostname_worker_task,
        .worker_timeout_ms = 1000 * o->worker_timeout_s,
        .purge_offline_worker_ms = 1000 * o->purge_offline_worker_s,
        .purge_client_ms = 1000 * o->purge_client_s,
        .name_grace_ms = o->name_grace_ms,
        .max_tracked_tasks = (size_t)o->max_tracked_tasks,
    };
}

struct broker_config
configs_broker(const struct options *o)
{
    return (struct broker_config){
        .event_exchange = o->event_exchange,
        .control_exchange = o->control_exchange,
        .global_keyprefix = o->global_keyprefix,
        .fanout_prefix = o->fanout_prefix,
        .fanout_patterns = o->fanout_patterns,
        .sep = o->sep,
        .priority_steps = o->priority_steps,
        .npriority_steps = o->npriority_steps,
        .unacked_key = o->unacked_key,
        .unacked_index_key = o->unacked_index_key,
        .master_name = o->master_name,
        .min_other_sentinels = o->min_other_sentinels,
        .master_hosts = o->master_hosts.items,
        .nmaster_hosts = o->master_hosts.n,
        .sentinel_user = o->sentinel_user,
        .sentinel_password = o->sentinel_password,
        .sentinel_tls = o->sentinel_tls,
        .event_queue_ttl_ms = o->event_queue_ttl_ms,
        .event_queue_max_bytes = o->event_queue_max_bytes,
        .event_max_bytes = (size_t)o->event_max_bytes,
        .burst_buffer = (size_t)o->burst_buffer,
        .retry_interval_s = o->retry_interval_s > 0 ? o->retry_interval_s : 0,
    };
}
