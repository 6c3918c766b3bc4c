local group = import '../lib/group.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local by = q.labels(['queue_name']),

  // Two exporters of one broker see the same queue.
  local highest(metric) = {
    record: 'job_queue:celery_%s:max' % metric,
    expr: 'max by %s (%s)' % [by, q.celery(metric)],
  },

  prometheusRules+:: {
    groups+: group(c, 'celery-queues.rules', [
      highest(metric)
      for metric in [
        'queue_length',
        'active_consumer_count',
        'active_worker_count',
        'active_process_count',
      ]
    ] + [
      {
        record: 'job_queue:celery_queue_oldest_task_age_seconds:max',
        expr: 'time() - min by %s (%s)' % [by, q.celery('queue_oldest_task_timestamp_seconds')],
      },
    ]),
  },
}
