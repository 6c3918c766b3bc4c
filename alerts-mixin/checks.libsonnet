// What cannot be meant is refused when the rules are made, all of it at once:
// misspelled knobs and alerts, times that are none, limits that are never reached.
local promql = import 'lib/promql.libsonnet';
local defaults = import 'thresholds.libsonnet';

local common = ['enabled', 'severity', 'for', 'keepFiringFor'];
local durations = [
  'for',
  'keepFiringFor',
  'window',
  'grace',
  'memory',
  'reference',
  'maxAge',
  'long',
  'short',
];

{
  local c = $._config,
  local q = promql.new(c),

  local isTime(value) =
    if q.isDuration(value) then [] else ['%s is no time like 10m or 1h30m' % std.manifestJsonEx(value, '')],

  // Of an object at a place: it has no knobs but these, has what is needed, and
  // its times are times.
  local object(place, value, knobs, needed=[]) =
    if !std.isObject(value) then ['%s has to be an object' % place]
    else [
      '%s.%s: there is no such knob; there are %s' % [place, knob, std.join(', ', knobs)]
      for knob in std.objectFields(value)
      if !std.member(knobs, knob)
    ] + [
      '%s lacks %s' % [place, knob]
      for knob in needed
      if !std.objectHas(value, knob)
    ] + std.flattenArrays([
      ['%s.%s: %s' % [place, knob, problem] for problem in isTime(value[knob])]
      for knob in durations
      if std.objectHas(value, knob)
    ]),

  local named(place, entries, knobs, needed=[]) = std.flattenArrays([
    object("%s['%s']" % [place, name], entries[name], knobs, needed)
    for name in std.objectFields(entries)
  ]),
  local listed(place, entries, knobs, needed=[]) = std.flattenArrays([
    object('%s[%d]' % [place, i], entries[i], knobs, needed)
    for i in std.range(0, std.length(entries) - 1)
  ]),
  local patterns(place, entries, knobs) =
    listed(place, entries, knobs + ['pattern'], ['pattern']),

  local alerts = std.flattenArrays([
    if !std.objectHas(defaults, name) then ['alerts.%s: there is no such alert' % name]
    else object('alerts.' + name, c.alerts[name], std.objectFields(defaults[name]) + ['keepFiringFor'])
    for name in std.objectFields(c.alerts)
  ]),

  local countKnobs = common + ['threshold', 'window'],
  local of(entries, name, none) = std.get(entries, name, none),
  local failures =
    object('taskFailures', c.taskFailures, ['tasks', 'taskPatterns', 'queues', 'queuePatterns'])
    + named('taskFailures.tasks', of(c.taskFailures, 'tasks', {}), countKnobs)
    + patterns('taskFailures.taskPatterns', of(c.taskFailures, 'taskPatterns', []), countKnobs)
    + named('taskFailures.queues', of(c.taskFailures, 'queues', {}), countKnobs)
    + patterns('taskFailures.queuePatterns', of(c.taskFailures, 'queuePatterns', []), countKnobs),

  local rateKnobs = countKnobs + ['atLeast'],
  local rates =
    named('taskFailureRates', c.taskFailureRates, rateKnobs)
    + patterns('taskFailureRatePatterns', c.taskFailureRatePatterns, rateKnobs),

  local windowKnobs = ['severity', 'for', 'long', 'short', 'factor'],
  local windows(place, entry) =
    if std.isObject(entry) && std.objectHas(entry, 'windows')
    then listed(place + '.windows', entry.windows, windowKnobs, windowKnobs) else [],
  local budgetKnobs = ['enabled', 'objective', 'severity', 'atLeast', 'windows'],
  local own = of(c.slo, 'tasks', {}),
  local fitting = of(c.slo, 'taskPatterns', []),
  local budgets =
    object('slo', c.slo, ['objective', 'atLeast', 'tasks', 'taskPatterns', 'windows'], ['objective', 'atLeast', 'windows'])
    + named('slo.tasks', {
      [name]: own[name]
      for name in std.objectFields(own)
      if !std.isNumber(own[name])
    }, budgetKnobs)
    + patterns('slo.taskPatterns', fitting, budgetKnobs)
    + windows('slo', c.slo)
    + std.flattenArrays([windows("slo.tasks['%s']" % name, own[name]) for name in std.objectFields(own)])
    + std.flattenArrays([windows('slo.taskPatterns', entry) for entry in fitting]),

  local queues = named('queues', c.queues, ['backlog', 'waitTime', 'oldestTask', 'severity', 'for']),

  local periodic =
    named('periodicTasks', c.periodicTasks, ['enabled', 'maxAge', 'severity', 'for', 'selector'], ['maxAge'])
    + ['periodicTaskMemory: ' + problem for problem in isTime(c.periodicTaskMemory)],
  // Only of times that are times.
  local forgotten = if periodic != [] then [] else [
    ("periodicTasks['%s'].maxAge is %s, and a success is remembered for periodicTaskMemory, %s: "
     + 'make that longer, and let Prometheus keep its series as long')
    % [name, c.periodicTasks[name].maxAge, c.periodicTaskMemory]
    for name in std.objectFields(c.periodicTasks)
    if q.seconds(c.periodicTasks[name].maxAge) >= q.seconds(c.periodicTaskMemory)
  ],

  local problems = alerts + failures + rates + budgets + queues + periodic + forgotten,
  assert problems == [] : 'alerts-mixin: ' + std.join('; ', problems),
}
