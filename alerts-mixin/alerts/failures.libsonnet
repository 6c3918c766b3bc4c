// Failures by count: each task has exactly one threshold.
local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),
  local f = c.taskFailures,

  // The sets of tasks, the most particular first. `without` leaves the set's tasks
  // out of all later ones.
  local sets = [
    {
      scope: 'task ' + name,
      matcher: q.equals('name', name),
      without: q.differs('name', name),
      settings: f.tasks[name],
    }
    for name in std.objectFields(f.tasks)
  ] + [
    {
      scope: 'tasks ' + each.pattern,
      matcher: q.matches('name', each.pattern),
      without: q.unlike('name', each.pattern),
      settings: each,
    }
    for each in f.taskPatterns
  ] + [
    {
      scope: 'queue ' + name,
      matcher: q.equals('queue_name', name),
      without: q.differs('queue_name', name),
      settings: f.queues[name],
    }
    for name in std.objectFields(f.queues)
  ] + [
    {
      scope: 'queues ' + each.pattern,
      matcher: q.matches('queue_name', each.pattern),
      without: q.unlike('queue_name', each.pattern),
      settings: each,
    }
    for each in f.queuePatterns
  ] + [{ scope: '', matcher: '', settings: {} }],

  local matchers(i) =
    [sets[i].matcher]
    // A name is no other name: no need to say so.
    + (if std.startsWith(sets[i].scope, 'task ') then [] else [sets[j].without for j in std.range(0, i - 1)]),

  local rule(i) =
    local s = c.alerts.CeleryTaskFailures + sets[i].settings;
    a.make(
      'CeleryTaskFailures',
      'tasks',
      // increase() extrapolates: one failure is 1.03.
      'round(%s) > %s' % [
        q.sumGrown(
          q.labels(['name']),
          q.task('task_failed_total', ['exception!=""'] + matchers(i)),
          s.window
        ),
        q.number(s.threshold),
      ],
      'A Celery task fails too often.',
      a.where + ': {{ $labels.name }} failed {{ $value | printf "%%.0f" }} times in %s.' % s.window,
      'task',
      sets[i].settings,
      if sets[i].scope == '' then {} else { scope: sets[i].scope }
    ),

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-task-failures',
      rules: std.flattenArrays([rule(i) for i in std.range(0, std.length(sets) - 1)]),
    }],
  },
}
