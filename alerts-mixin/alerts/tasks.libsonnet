local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),
  local s = c.alerts,
  local task = q.labels(['name']),
  local exception = q.labels(['name', 'exception']),
  local rate = 'rate' + c.rateWindow,

  local make(name, expr, summary, description, settings={}, labels={}) =
    a.make(name, 'tasks', expr, summary, description, 'task', settings, labels),

  local grown(counter, window, matchers=[]) =
    q.sumGrown(task, q.task(counter, matchers), window),

  local failedShare(matchers, threshold) =
    |||
      %(failed)s
      / (
        %(finished)s >= %(atLeast)s
      ) > %(threshold)s
    ||| % {
      failed: grown('task_failed_total', s.CeleryTaskFailureRateHigh.window, ['exception!=""'] + matchers),
      finished: q.nested(
        grown('task_failed_total', s.CeleryTaskFailureRateHigh.window, matchers)
        + '\n+ '
        + grown('task_succeeded_total', s.CeleryTaskFailureRateHigh.window, matchers),
        '  '
      ),
      atLeast: q.number(s.CeleryTaskFailureRateHigh.atLeast),
      threshold: q.number(threshold),
    },

  local failureRate(matchers, settings={}, labels={}) =
    make(
      'CeleryTaskFailureRateHigh',
      failedShare(matchers, (s.CeleryTaskFailureRateHigh + settings).threshold),
      'A large share of the runs of a Celery task fails.',
      a.where + ': {{ $value | humanizePercentage }} of the runs of {{ $labels.name }} failed in %s.' % s.CeleryTaskFailureRateHigh.window,
      settings,
      labels
    ),

  // Exceptions, or tasks, that failed now and not within `memory`. Recorded
  // history outlives restarts of the exporter; what was on its page when
  // the window began is no news either.
  local news(name, by, window, memory) = |||
    %(now)s > 0
    unless on %(by)s present_over_time(job_name_exception:celery_task_failed:sum[%(memory)s] offset %(window)s)
    unless on %(by)s %(before)s offset %(window)s > 0
  ||| % {
    now: q.sumGrown(by, q.task('task_failed_total', ['exception!=""']), window),
    by: by,
    before: q.task('task_failed_total', ['exception!=""']),
    window: window,
    memory: memory,
  },

  local mean(range) = |||
    (
      sum_over_time(job_name:celery_task_runtime_sum:%(rate)s%(range)s)
      / (sum_over_time(job_name:celery_task_runtime_count:%(rate)s%(range)s) > 0)
    )
  ||| % { rate: rate, range: range },

  local periodic(name) =
    local p = c.periodicTasks[name];
    local last = q.recorded('job_name:celery_task_last_success_timestamp_seconds:max', [q.equals('name', name)]);
    make(
      'CeleryTaskNotSucceeded',
      |||
        time() - max by %(task)s (max_over_time(%(last)s[%(memory)s])) > %(seconds)d
        or (
          absent_over_time(%(last)s[%(memory)s])
          and on () group(instance:celery_exporter:present offset %(maxAge)s)
        )
      ||| % {
        task: task,
        last: last,
        memory: c.periodicTaskMemory,
        seconds: q.seconds(p.maxAge),
        maxAge: p.maxAge,
      },
      'A periodic Celery task has not succeeded in time.',
      a.where + ': {{ $labels.name }} {{ if eq $value 1.0 }}has not succeeded since it is watched{{ else }}last succeeded {{ $value | humanizeDuration }} ago{{ end }}; it should every %s.' % p.maxAge,
      { [setting]: p[setting] for setting in ['severity', 'for'] if std.objectHas(p, setting) },
      { scope: 'task ' + name },
    ),

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'celery-tasks',
        rules:
          failureRate([q.differs('name', name) for name in std.objectFields(c.taskFailureRates)])
          + std.flattenArrays([
            failureRate([q.equals('name', name)], c.taskFailureRates[name], { scope: 'task ' + name })
            for name in std.objectFields(c.taskFailureRates)
          ])
          + make(
            'CeleryTaskFirstFailure',
            news('name', task, s.CeleryTaskFirstFailure.window, s.CeleryTaskFirstFailure.memory),
            'A Celery task failed for the first time.',
            a.where + ': {{ $labels.name }} failed, and had not within %s before.' % s.CeleryTaskFirstFailure.memory
          )
          + make(
            'CeleryTaskNewException',
            news('exception', exception, s.CeleryTaskNewException.window, s.CeleryTaskNewException.memory),
            'A Celery task failed in a new way.',
            a.where + ': {{ $labels.name }} raised {{ $labels.exception }}, and had not within %s before.' % s.CeleryTaskNewException.memory
          )
          + make(
            'CeleryTaskRetryStorm',
            |||
              (
                %(retried)s >= %(atLeast)s
              )
              / (
                %(started)s > 0
              ) > %(threshold)s
            ||| % {
              retried: q.nested(grown('task_retried_total', s.CeleryTaskRetryStorm.window), '  '),
              started: q.nested(grown('task_started_total', s.CeleryTaskRetryStorm.window), '  '),
              atLeast: q.number(s.CeleryTaskRetryStorm.atLeast),
              threshold: q.number(s.CeleryTaskRetryStorm.threshold),
            },
            'A Celery task is retried again and again.',
            a.where + ': {{ $value | humanizePercentage }} of the starts of {{ $labels.name }} ended in a retry in %s.' % s.CeleryTaskRetryStorm.window
          )
          + make(
            'CeleryTaskRuntimeRegression',
            |||
              (
                %(now)s > %(minimum)s
              )
              / %(before)s > %(threshold)s
              and on %(task)s %(count)s >= %(atLeast)s
            ||| % {
              now: q.nested(std.rstripChars(mean('[%s]' % s.CeleryTaskRuntimeRegression.window), '\n'), '  '),
              before: std.rstripChars(mean('[%(reference)s] offset %(window)s' % s.CeleryTaskRuntimeRegression), '\n'),
              task: task,
              count: q.sumGrown(task, q.task('task_runtime_count'), s.CeleryTaskRuntimeRegression.window),
              minimum: q.number(s.CeleryTaskRuntimeRegression.minimum),
              threshold: q.number(s.CeleryTaskRuntimeRegression.threshold),
              atLeast: q.number(s.CeleryTaskRuntimeRegression.atLeast),
            },
            'A Celery task takes much longer than it used to.',
            a.where + ': {{ $labels.name }} takes {{ $value | printf "%%.1f" }} times as long as in %(reference)s before.' % s.CeleryTaskRuntimeRegression
          )
          + make(
            'CeleryTaskRedelivered',
            grown('task_redelivered_total', s.CeleryTaskRedelivered.window)
            + ' > ' + q.number(s.CeleryTaskRedelivered.threshold),
            'A Celery task was started more than once.',
            a.where + ': {{ $labels.name }} was started again {{ $value | printf "%%.0f" }} times in %s without being sent again: its visibility timeout passed, or its worker died.' % s.CeleryTaskRedelivered.window
          )
          + make(
            'CeleryTasksExpired',
            grown('task_revocations_total', s.CeleryTasksExpired.window, ['reason="expired"'])
            + ' > ' + q.number(s.CeleryTasksExpired.threshold),
            'Celery tasks expired before they ran.',
            a.where + ': {{ $value | printf "%%.0f" }} runs of {{ $labels.name }} expired in %s. They will not run.' % s.CeleryTasksExpired.window
          )
          + make(
            'CeleryTasksRevoked',
            grown('task_revocations_total', s.CeleryTasksRevoked.window, ['reason!="expired"'])
            + ' > ' + q.number(s.CeleryTasksRevoked.threshold),
            'Many Celery tasks were revoked.',
            a.where + ': {{ $value | printf "%%.0f" }} runs of {{ $labels.name }} were revoked or terminated in %s.' % s.CeleryTasksRevoked.window
          ),
      },
    ] + (
      if c.periodicTasks == {} then [] else [{
        name: 'celery-periodic-tasks',
        rules: std.flattenArrays([periodic(name) for name in std.objectFields(c.periodicTasks)]),
      }]
    ),
  },
}
