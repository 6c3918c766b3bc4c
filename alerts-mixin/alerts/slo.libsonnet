// How fast the error budget is spent, over a long and a short range: the long
// one says that it matters, the short one that it goes on.
local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),
  local own = std.objectFields(c.slo.tasks),

  local finished(matchers) =
    q.recorded('job_name:celery_task_finished:rate' + c.rateWindow, matchers),

  local failed(by, matchers, range) = |||
    (
      sum by %(by)s (sum_over_time(%(failed)s[%(range)s]))
      / (sum by %(by)s (sum_over_time(%(finished)s[%(range)s])) > 0)
    )
  ||| % {
    by: by,
    range: range,
    failed: q.recorded('job_name:celery_task_failed:rate' + c.rateWindow, matchers),
    finished: finished(matchers),
  },

  local rule(window, by, matchers, objective, subject, labels) =
    local limit = '%s * (1 - %s)' % [q.number(window.factor), q.number(objective)];
    a.make(
      'CeleryTaskErrorBudgetBurn',
      'tasks',
      |||
        %(long)s > %(limit)s
        and on %(by)s %(short)s > %(limit)s
        and on %(by)s sum by %(by)s (sum_over_time(%(finished)s[%(window)s])) * %(seconds)d >= %(atLeast)s
      ||| % {
        by: by,
        limit: limit,
        long: std.rstripChars(failed(by, matchers, window.long), '\n'),
        short: std.rstripChars(failed(by, matchers, window.short), '\n'),
        finished: finished(matchers),
        window: window.long,
        seconds: q.seconds(c.ratesInterval),
        atLeast: q.number(c.slo.atLeast),
      },
      'Celery tasks fail faster than their error budget allows.',
      a.where + ': {{ $value | humanizePercentage }} of %s failed in %s; the objective is %s%% success.'
                % [subject, window.long, q.number(objective * 100)],
      'overview',
      { severity: window.severity, 'for': window['for'] },
      { long: window.long, short: window.short } + labels
    ),

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-task-slo',
      rules: std.flattenArrays([
        rule(
          window,
          q.job,
          q.watchedTasks + [q.differs('name', name) for name in own],
          c.slo.objective,
          'all task runs',
          {}
        )
        for window in c.slo.windows
      ] + [
        rule(
          window,
          q.labels(['name']),
          [q.equals('name', name)],
          c.slo.tasks[name],
          'the runs of {{ $labels.name }}',
          { scope: 'task ' + name }
        )
        for name in own
        for window in c.slo.windows
      ]),
    }],
  },
}
