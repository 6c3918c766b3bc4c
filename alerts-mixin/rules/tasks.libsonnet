local group = import '../lib/group.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local w = c.rateWindow,
  local states = [
    'sent',
    'received',
    'started',
    'succeeded',
    'failed',
    'retried',
    'revoked',
    'rejected',
  ],
  local levels = [
    { name: 'job_name', labels: ['name'] },
    { name: 'job_queue', labels: ['queue_name'] },
    { name: 'job', labels: [] },
  ],

  local rate(state) = {
    record: 'job_name_queue:celery_task_%s:rate%s' % [state, w],
    expr: 'sum by %s (rate(%s[%s]))'
          % [q.labels(['name', 'queue_name']), q.celery('task_%s_total' % state), w],
  },

  local upTo(level, state) = {
    record: '%s:celery_task_%s:rate%s' % [level.name, state, w],
    expr: 'sum by %s (job_name_queue:celery_task_%s:rate%s)'
          % [q.labels(level.labels), state, w],
  },

  local finished(level) = {
    record: '%s:celery_task_finished:rate%s' % [level.name, w],
    expr: q.plus(
      '%s:celery_task_succeeded:rate%s' % [level.name, w],
      '%s:celery_task_failed:rate%s' % [level.name, w],
    ) + '\n',
  },

  // Nothing where nothing finished.
  local success(level, operation) = {
    record: '%s:celery_task_succeeded_per_finished:ratio_%s' % [level.name, operation],
    expr: |||
      %(level)s:celery_task_succeeded:%(operation)s
      / (%(level)s:celery_task_finished:%(operation)s > 0)
    ||| % { level: level.name, operation: operation },
  },

  local quantile(level, histogram, percent) = {
    record: '%s:celery_%s:p%d_rate%s' % [level.name, histogram, percent, w],
    expr: |||
      histogram_quantile(
        0.%d,
        sum by %s (rate(%s[%s]))
      )
    ||| % [percent, q.labels(level.labels + ['le']), q.celery(histogram + '_bucket'), w],
  },

  local part(level, histogram, what) = {
    record: '%s:celery_%s_%s:rate%s' % [level.name, histogram, what, w],
    expr: 'sum by %s (rate(%s[%s]))'
          % [q.labels(level.labels), q.celery('%s_%s' % [histogram, what]), w],
  },

  local mean(level, histogram) = {
    record: '%s:celery_%s:mean%s' % [level.name, histogram, w],
    expr: |||
      %(level)s:celery_%(histogram)s_sum:rate%(w)s
      / (%(level)s:celery_%(histogram)s_count:rate%(w)s > 0)
    ||| % { level: level.name, histogram: histogram, w: w },
  },

  local times(level, histogram) =
    [quantile(level, histogram, percent) for percent in [50, 95, 99]]
    + [part(level, histogram, what) for what in ['sum', 'count']]
    + [mean(level, histogram)],

  local day(state) = {
    record: 'job_name:celery_task_%s:increase1d' % state,
    expr: q.sumGrownLong(q.labels(['name']), q.celery('task_%s_total' % state), '1d') + '\n',
  },

  prometheusRules+:: {
    groups+:
      group(
        c,
        'celery-task-rates.rules',
        [rate(state) for state in states]
        + [upTo(level, state) for level in levels for state in ['started', 'succeeded', 'failed']]
        + [finished(level) for level in levels]
        + [success(level, 'rate' + w) for level in levels]
        + [{
          // How long the queue would take to empty at the present pace.
          record: 'job_queue:celery_queue_drain_seconds:rate' + w,
          expr: |||
            max by %s (%s)
            / (job_queue:celery_task_started:rate%s > 0)
          ||| % [q.labels(['queue_name']), q.celery('queue_length'), w],
        }],
        c.ratesInterval,
      )
      + group(
        c,
        'celery-task-times.rules',
        times(levels[0], 'task_runtime')
        + times(levels[1], 'task_queue_wait_time'),
        c.ratesInterval,
      )
      + group(c, 'celery-task-history.rules', [
        {
          record: 'job_name_exception:celery_task_failed:sum',
          expr: 'sum by %s (%s)' % [
            q.labels(['name', 'exception']),
            q.celery('task_failed_total', ['exception!=""']),
          ],
        },
        {
          record: 'job_name:celery_task_last_success_timestamp_seconds:max',
          expr: 'max by %s (%s)' % [
            q.labels(['name']),
            q.celery('task_last_success_timestamp_seconds'),
          ],
        },
      ])
      + (if !c.dayTotals.enabled then [] else group(
           c,
           'celery-task-days.rules',
           [day(state) for state in ['sent', 'started', 'succeeded', 'failed', 'retried']]
           + [
             {
               record: 'job_name:celery_task_finished:increase1d',
               expr: q.plus(
                 'job_name:celery_task_succeeded:increase1d',
                 'job_name:celery_task_failed:increase1d',
               ) + '\n',
             },
             success(levels[0], 'increase1d'),
           ],
           c.dayTotals.interval,
         )),
  },
}
