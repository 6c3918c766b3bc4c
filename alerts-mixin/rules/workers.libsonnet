local group = import '../lib/group.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),

  // Two exporters of one broker see the same workers.
  local total(metric, labels) = {
    record: 'job:celery_%s:sum' % metric,
    expr: 'sum by %s (max by %s (%s))' % [q.job, q.labels(labels), q.celery(metric)],
  },

  prometheusRules+:: {
    groups+: group(c, 'celery-workers.rules', [
      total('worker_up', ['hostname']),
      total('worker_tasks_active', ['hostname']),
      total('worker_pool_size', ['hostname', 'worker']),
      {
        record: 'job:celery_worker_busy:ratio',
        expr: |||
          job:celery_worker_tasks_active:sum
          / (job:celery_worker_pool_size:sum > 0)
        |||,
      },
      {
        record: 'job:celery_worker_lost:sum',
        expr: 'sum by %s (%s)' % [q.job, q.celery('worker_lost_total')],
      },
      {
        // What was lost when a worker was last alive: more than that since then
        // is how the last of them went.
        record: 'job:celery_worker_lost_while_up:sum',
        expr: |||
          job:celery_worker_lost:sum
          and on %s job:celery_worker_up:sum > 0
        ||| % q.job,
      },
      {
        record: 'job:celery_active_worker_count:max',
        expr: 'max by %s (%s)' % [q.job, q.celery('active_worker_count')],
      },
    ]),
  },
}
