// Failures by count: each task has exactly one threshold.
local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';
local sets = import '../lib/sets.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),

  local rule(set) =
    local s = c.alerts.CeleryTaskFailures + set.settings;
    a.make(
      'CeleryTaskFailures',
      'tasks',
      // increase() extrapolates: one failure is 1.03.
      'round(%s) > %s' % [
        q.sumGrown(
          q.labels(['name']),
          q.task('task_failed_total', ['exception!=""'] + set.matchers),
          s.window
        ),
        q.number(s.threshold),
      ],
      'A Celery task fails too often.',
      a.where + ': {{ $labels.name }} failed {{ $value | printf "%%.0f" }} times in %s.' % s.window,
      'task',
      set.settings,
      set.labels
    ),

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-task-failures',
      rules: std.flattenArrays([rule(set) for set in sets(q, c.taskFailures)]),
    }],
  },
}
