// How fast the error budget is spent, over a long and a short range: the long
// one says that it matters, the short one that it goes on. Each task is in exactly
// one budget: its own, or that of all others.
local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';
local sets = import '../lib/sets.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),

  // An entry may be its objective alone.
  local entry(given) = if std.isNumber(given) then { objective: given } else given,
  local budgets = sets(q, {
    tasks: std.mapWithKey(function(name, given) entry(given), std.get(c.slo, 'tasks', {})),
    taskPatterns: std.get(c.slo, 'taskPatterns', []),
  }),

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

  local rule(budget, window) =
    local s = c.slo + budget.settings;
    local all = budget.scope == '';
    local by = if all then q.job else q.labels(['name']);
    local matchers = q.watchedTasks + budget.matchers;
    local limit = '%s * (1 - %s)' % [q.number(window.factor), q.number(s.objective)];
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
        atLeast: q.number(s.atLeast),
      },
      'Celery tasks fail faster than their error budget allows.',
      a.where + ': {{ $value | humanizePercentage }} of %s failed in %s; the objective is %s%% success.' % [
        if all then 'all task runs' else 'the runs of {{ $labels.name }}',
        window.long,
        q.number(s.objective * 100),
      ],
      'overview',
      { severity: window.severity, 'for': window['for'] } + {
        [setting]: budget.settings[setting]
        for setting in ['enabled', 'severity']
        if std.objectHas(budget.settings, setting)
      },
      { long: window.long, short: window.short } + budget.labels
    ),

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-task-slo',
      rules: std.flattenArrays([
        rule(budget, window)
        for budget in budgets
        for window in (c.slo + budget.settings).windows
      ]),
    }],
  },
}
