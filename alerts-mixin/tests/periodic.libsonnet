// Tasks that have to succeed every so often.
local last = 'celery_task_last_success_timestamp_seconds{TARGET,name="reports.nightly",queue_name="celery"}';
local known = 'celery_task_failures_total{TARGET,name="reports.nightly"}';
local of = {
  alert: 'CeleryTaskNotSucceeded',
  summary: 'A periodic Celery task has not succeeded in time.',
  labels: { area: 'tasks', severity: 'critical', scope: 'task reports.nightly', name: 'reports.nightly' },
};
local never = 'reports.nightly has not succeeded since it is watched; it should every 26h.';

// Of one task, in a test that names all its series.
local alert(name, severity, job, text, maxAge) = {
  exp_labels: { area: 'tasks', severity: severity, scope: 'task ' + name, name: name } + job.labels,
  exp_annotations: {
    summary: of.summary,
    description: '%s: %s has not succeeded since it is watched; it should every %s.' % [text, name, maxAge],
    runbook_url: 'https://celery-exporter.example/runbooks/CeleryTaskNotSucceeded.md',
  },
};
local shop = { labels: { job: 'shop', namespace: 'prod', cluster: 'eu' } };
local post = { labels: { job: 'post' } };
local exporters = [
  { series: 'celery_exporter_build_info{job="shop",namespace="prod",cluster="eu",instance="a",version="1"}', values: '1x1800' },
  { series: 'celery_exporter_build_info{job="post",instance="b",version="1"}', values: '1x1800' },
  // The Python exporter cannot know.
  { series: 'celery_worker_up{job="python",instance="c",hostname="h"}', values: '1x1800' },
];

{
  config: {
    periodicTasks: {
      'reports.nightly': { maxAge: '26h', severity: 'critical' },
      // Both Celerys know it, and one of them is to run it.
      'reports.hourly': { maxAge: '2h', selector: 'job="post"' },
      'reports.off': { maxAge: '1h', enabled: false },
    },
    periodicTaskMemory: '3d',
  },

  cases: [
    of {
      // The exporter is restarted after 10 hours and has not seen it since.
      broken: [[last, '600x600 stale _x1118 108000x60'], [known, '0x600 _x1118 0x60']],
      other: [[last, '0+60x1800'], [known, '0x1800']],
      minutes: 1800,
      // 26 hours and 10 minutes are 1570 minutes.
      quiet: ['20m', '1570m', '1720m'],
      pending: ['1571m'],
      fires: [
        { time: '1572m', alerts: [{ description: 'reports.nightly last succeeded 1d 2h 2m 0s ago; it should every 26h.' }] },
        { time: '1650m', alerts: [{ description: 'reports.nightly last succeeded 1d 3h 20m 0s ago; it should every 26h.' }] },
      ],
    },
    of {
      title: 'of those whose workers know it, never, and then once',
      broken: [[known, '_x5 0x1800'], [last, '_x1650 99000x150']],
      other: [[known, '0x1800'], [last, '0+60x1800']],
      minutes: 1800,
      quiet: ['60m', '1559m', '1651m'],
      pending: ['1560m'],
      fires: [{ time: '1561m', alerts: [{ description: never }] }],
    },
    of {
      title: 'known to other Celerys only',
      broken: [],
      other: [[known, '0x1800'], [last, '600x1800']],
      minutes: 1800,
      quiet: ['60m', '1565m'],
    },
  ],

  tests: [
    {
      name: 'CeleryTaskNotSucceeded: nobody knows it, so nobody knows whose it is',
      interval: '1m',
      input_series: exporters,
      alert_rule_test: [
        { eval_time: '1560m', alertname: of.alert, exp_alerts: [
          alert('reports.hourly', 'warning', post, 'Celery post', '2h'),
        ] },
        { eval_time: '1561m', alertname: of.alert, exp_alerts: [
          alert('reports.hourly', 'warning', post, 'Celery post', '2h'),
          alert('reports.nightly', 'critical', post, 'Celery post', '26h'),
          alert('reports.nightly', 'critical', shop, 'Celery shop in namespace prod of cluster eu', '26h'),
        ] },
      ],
    },
    {
      name: 'CeleryTaskNotSucceeded: of one Celery by its selector',
      interval: '1m',
      input_series: exporters + [
        { series: 'celery_task_failures_total{job="%s",instance="x",name="reports.hourly"}' % job, values: '0x300' }
        for job in ['post', 'shop']
      ],
      alert_rule_test: [
        { eval_time: '120m', alertname: of.alert, exp_alerts: [] },
        { eval_time: '121m', alertname: of.alert, exp_alerts: [
          alert('reports.hourly', 'warning', post, 'Celery post', '2h'),
        ] },
      ],
    },
  ],
}
