// Tests of alerts for promtool. A case tells the story of one alert, minute by
// minute. It happens to two jobs at once: `shop`, which has the labels cluster and
// namespace, and `mail`, which has a job alone. Beside them the same queues and
// tasks are well in the job `other`, and nothing happens in the job `idle`.
// At each time exactly the alerts that are listed may fire, so never any of
// the latter two.
{
  local jobs = {
    shop: {
      labels: { cluster: 'eu', namespace: 'prod', job: 'shop' },
      where: 'Celery shop in namespace prod of cluster eu',
    },
    mail: { labels: { job: 'mail' }, where: 'Celery mail' },
    other: { labels: { job: 'other' } },
    idle: { labels: { job: 'idle' } },
  },
  local broken = ['shop', 'mail'],

  local target(name) = std.join(',', [
    '%s="%s"' % [label, jobs[name].labels[label]]
    for label in std.objectFields(jobs[name].labels)
  ] + ['instance="%s:9808"' % name]),

  // What an exporter that is well has on its page, whatever happens elsewhere.
  local pages = {
    ours: [
      ['up{%s}', '1x'],
      ['celery_exporter_build_info{%s,version="1"}', '1x'],
      ['celery_exporter_broker_up{%s}', '1x'],
      ['process_start_time_seconds{%s}', '-86400x'],
    ],
    python: [
      ['up{%s}', '1x'],
      ['celery_worker_up{%s,hostname="well"}', '1x'],
      ['celery_worker_tasks_active{%s,hostname="well"}', '0x'],
    ],
  },
  local well(case, name) = [
    { series: each[0] % target(name), values: each[1] + case.minutes }
    for each in pages[case.page]
  ],

  local put(series, name) = [
    { series: std.strReplace(each[0], 'TARGET', target(name)), values: each[1] }
    for each in series
  ],

  local fired(case, name, each) = {
    exp_labels: jobs[name].labels
                + (if case.ofTarget then { instance: name + ':9808' } else {})
                + case.labels + std.get(each, 'labels', {}),
    exp_annotations: {
      summary: case.summary,
      description: std.strReplace('%s: %s' % [jobs[name].where, each.description], 'TARGET', name + ':9808'),
      runbook_url: 'https://celery-exporter.example/runbooks/%s.md' % case.alert,
    },
  },

  local alerts(case, at) = {
    eval_time: at.time,
    alertname: case.alert,
    exp_alerts: [fired(case, name, each) for name in broken for each in at.alerts],
  },

  local state(case, time, pending) = {
    eval_time: time,
    expr: 'count by (alertstate) (group by (alertstate, job) (ALERTS{alertname="%s"}))' % case.alert,
    exp_samples: if pending then [{ labels: '{alertstate="pending"}', value: 2 }] else [],
  },

  local defaults = {
    title: '',
    labels: {},
    summary: '',
    quiet: [],
    pending: [],
    fires: [],
    other: [],
    idle: [],
    ownExporter: false,
    ofTarget: false,
    minutes: 180,
    page: 'ours',
  },

  // alert, title; labels, summary and description of what fires.
  // broken: [[series, values]] of the two jobs with TARGET among the labels;
  // other, idle: likewise.
  // quiet: times at which nothing is so much as pending; pending: times;
  // fires: times, or { time, alerts: [{ description, labels }] } where it says
  // something else each time.
  // ofTarget: the alert names the instance. ownExporter: the case brings `up` and
  // all else. minutes: how long the others are there. page: 'python' when all are
  // Python exporters.
  expand(given)::
    local case = defaults + given;
    {
      name: case.alert + (if case.title == '' then '' else ': ' + case.title),
      interval: '1m',
      input_series:
        std.flattenArrays([
          put(case.broken, name) + (if case.ownExporter then [] else well(case, name))
          for name in broken
        ])
        + put(case.other, 'other') + well(case, 'other')
        + put(case.idle, 'idle') + well(case, 'idle'),
      alert_rule_test: [
        alerts(case, { time: time, alerts: [] })
        for time in case.quiet + case.pending
      ] + [
        alerts(case, if std.isString(fire) then { time: fire, alerts: [{ description: case.description }] } else fire)
        for fire in case.fires
      ],
      promql_expr_test:
        [state(case, time, false) for time in case.quiet]
        + [state(case, time, true) for time in case.pending],
    },
}
