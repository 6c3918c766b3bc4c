local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';
local sets = import '../lib/sets.libsonnet';

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

  local failedShare(matchers, limits) =
    |||
      %(failed)s
      / (
        %(finished)s >= %(atLeast)s
      ) > %(threshold)s
    ||| % {
      failed: grown('task_failed_total', limits.window, ['exception!=""'] + matchers),
      finished: q.nested(
        grown('task_failed_total', limits.window, matchers)
        + '\n+ '
        + grown('task_succeeded_total', limits.window, matchers),
        '  '
      ),
      atLeast: q.number(limits.atLeast),
      threshold: q.number(limits.threshold),
    },

  local failureRate(set) =
    local limits = s.CeleryTaskFailureRateHigh + set.settings;
    make(
      'CeleryTaskFailureRateHigh',
      failedShare(set.matchers, limits),
      'A large share of the runs of a Celery task fails.',
      a.where + ': {{ $value | humanizePercentage }} of the runs of {{ $labels.name }} failed in %s.' % limits.window,
      set.settings,
      set.labels
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

  // Whose a task is that nobody has seen succeed: of those that know it, since their
  // workers list it or it was sent or run; of all when none does.
  local never = |||
    label_replace(
      (
        group by %(job)s (present_over_time(%(known)s[1d]))
        or (
          group by %(job)s (%(exporter)s)
          unless on () group(present_over_time(%(known)s[1d]))
          unless on () group(present_over_time(%(last)s[%(memory)s]))
        )
      )
      and on %(job)s group by %(job)s (%(exporter)s offset %(maxAge)s)
      unless on %(job)s group by %(job)s (present_over_time(%(last)s[%(memory)s])),
      "name", %(name)s, "", ""
    )
  |||,

  local periodic(name) =
    local p = c.periodicTasks[name];
    local selector = std.get(p, 'selector', '');
    local its = [selector, q.equals('name', name)];
    local parts = {
      task: task,
      job: q.job,
      last: q.recorded('job_name:celery_task_last_success_timestamp_seconds:max', its),
      known: q.celery('task_failures_total', its),
      exporter: q.exporter('build_info', [selector]),
      memory: c.periodicTaskMemory,
      seconds: q.seconds(p.maxAge),
      maxAge: p.maxAge,
      name: q.replacement(name),
    };
    make(
      'CeleryTaskNotSucceeded',
      |||
        time() - max by %(task)s (max_over_time(%(last)s[%(memory)s])) > %(seconds)d
        or %(never)s
      ||| % (parts { never: std.rstripChars(never % parts, '\n') }),
      'A periodic Celery task has not succeeded in time.',
      a.where + ': {{ $labels.name }} {{ if eq $value 1.0 }}has not succeeded since it is watched{{ else }}last succeeded {{ $value | humanizeDuration }} ago{{ end }}; it should every %s.' % p.maxAge,
      { [setting]: p[setting] for setting in ['enabled', 'severity', 'for'] if std.objectHas(p, setting) },
      { scope: 'task ' + name },
    ),

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'celery-tasks',
        rules:
          std.flattenArrays([
            failureRate(set)
            for set in sets(q, { tasks: c.taskFailureRates, taskPatterns: c.taskFailureRatePatterns })
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
