// The pieces of PromQL that alerts and recording rules are made of.
local unitSeconds = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

local quoted(text) = std.escapeStringJson(text);
local isDigit(char) = char >= '0' && char <= '9';

{
  // c is _config.
  new(c):: {
    local q = self,

    equals(label, value):: '%s=%s' % [label, quoted(value)],
    differs(label, value):: '%s!=%s' % [label, quoted(value)],
    matches(label, regex):: '%s=~%s' % [label, quoted(regex)],
    unlike(label, regex):: '%s!~%s' % [label, quoted(regex)],

    select(metric, matchers)::
      local all = [m for m in [c.celerySelector] + matchers if m != ''];
      metric + (if all == [] then '' else '{' + std.join(',', all) + '}'),
    celery(name, matchers=[]):: q.select(c.metricPrefix + name, matchers),
    exporter(name, matchers=[]):: q.select('celery_exporter_' + name, matchers),
    // Matchers that leave out what no alert is about.
    watchedTasks:: if c.ignoredTasks == '' then [] else [q.unlike('name', c.ignoredTasks)],
    watchedQueues:: if c.ignoredQueues == '' then [] else [q.unlike('queue_name', c.ignoredQueues)],
    task(name, matchers=[]):: q.celery(name, q.watchedTasks + matchers),
    // A recorded series.
    recorded(name, matchers=[])::
      local all = [m for m in matchers if m != ''];
      name + (if all == [] then '' else '{' + std.join(',', all) + '}'),

    // Labels to group by: of a whole Celery, or also of what is named.
    labels(more=[]):: '(' + std.join(', ', [
      l
      for l in [c.clusterLabel, c.namespaceLabel, c.jobLabel] + c.extraLabels + more
      if l != ''
    ]) + ')',
    job:: q.labels(),
    target:: q.labels([c.instanceLabel]),

    // The text as what label_replace() puts in, where $1 would be a group.
    replacement(text):: quoted(std.strReplace(text, '$', '$$')),

    isDuration(text)::
      std.isString(text) && std.foldl(
        function(done, char) {
          digits: isDigit(char),
          ok: done.ok && (isDigit(char) || done.digits && std.objectHas(unitSeconds, char)),
        },
        std.stringChars(text),
        { digits: true, ok: true },
      ) == { digits: false, ok: true },
    // Seconds of '1h30m'.
    seconds(duration)::
      std.foldl(
        function(done, char)
          if std.objectHas(unitSeconds, char)
          then { sum: done.sum + done.n * unitSeconds[char], n: 0 }
          else { sum: done.sum, n: done.n * 10 + std.parseInt(char) },
        std.stringChars(duration),
        { sum: 0, n: 0 },
      ).sum,
    // The same text from every jsonnet, also for 0.9.
    number(x):: if std.floor(x) == x then '%d' % x else '%g' % x,

    // By how much each counter grew within the window. increase() needs two
    // samples, and so cannot see the first step of a series that is born above
    // 0. Such a series counts in full, also when it is gone again, if its exporter
    // was watched before it was born, or has itself started within the window;
    // otherwise its events may be old ones.
    grown(
      series,
      window,
      born='last_over_time(%s[%s])' % [series, window],
      started='instance:celery_exporter_start_time_seconds:max',
    ):: |||
      (
        %(born)s
        unless %(series)s offset %(window)s
        and on %(target)s (
          %(present)s
          or %(started)s > time() - %(seconds)d
        )
      )
      or increase(%(series)s[%(window)s])
    ||| % {
      born: born,
      started: started,
      // Of the same scrape: where one failed, all of it is missing.
      present: std.join(' or ', [
        each + ' offset ' + window
        for each in [q.exporter('build_info'), q.celery('worker_up'), q.celery('queue_length')]
      ]),
      series: series,
      window: window,
      seconds: q.seconds(window),
      target: q.target,
    },
    sumGrown(by, series, window)::
      'sum by %s (\n%s)' % [by, q.indent(q.grown(series, window))],
    // When each of our exporters started.
    started:: 'max by %(target)s (%(start)s and on %(target)s %(ours)s)' % {
      target: q.target,
      start: q.select('process_start_time_seconds', []),
      ours: q.exporter('build_info'),
    },
    // For recording rules, of a window in which the exporter may well have been restarted:
    // what a series counted before that is in its increase only. Rules of other groups may
    // be evaluated later, and are not asked.
    sumGrownLong(by, series, window)::
      'sum by %s (\n%s)' % [by, q.indent(q.grown(
        series,
        window,
        '(last_over_time(%(s)s[%(w)s]) unless resets(%(s)s[%(w)s]) > 0)' % { s: series, w: window },
        q.started,
      ))],
    // An expression of several lines within another's line.
    nested(text, by):: std.lstripChars(q.indent(text, by), ' '),

    indent(text, by='  ')::
      std.join('\n', [if line == '' then '' else by + line for line in std.split(text, '\n')]),
    // Tasks that ended: a and b, or the one that is there.
    plus(a, b):: '%(a)s\n+ %(b)s\nor %(a)s\nor %(b)s' % { a: a, b: b },
  },
}
