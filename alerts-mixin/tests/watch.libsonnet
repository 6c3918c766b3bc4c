// Who watches: the alert that says so, and the one that always fires.
local exporter(instance, up, page, broker='1') = [
  { series: each[0] % instance, values: each[1] }
  for each in [
    ['up{job="shop",instance="%s"}', up],
    ['celery_exporter_build_info{job="shop",instance="%s",version="1"}', page],
    ['celery_exporter_broker_up{job="shop",instance="%s"}', std.strReplace(page, '1x', broker + 'x')],
  ]
];
local watchdog(time, count) = {
  eval_time: time,
  alertname: 'CeleryWatchdog',
  exp_alerts: if count == 0 then [] else [{
    exp_labels: { area: 'watchdog', severity: 'info' },
    exp_annotations: {
      summary: 'The alerts on Celery are evaluated and delivered.',
      description: 'Celery: %d exporter(s) are scraped. This alert fires all the time; what has to page is its absence.' % count,
      runbook_url: 'https://celery-exporter.example/runbooks/CeleryWatchdog.md',
    },
  }],
};
local unwatched(time, jobs=[]) = {
  eval_time: time,
  alertname: 'CeleryUnwatched',
  exp_alerts: [
    {
      exp_labels: { area: 'exporter', severity: 'info', job: job },
      exp_annotations: {
        summary: 'No exporter sees this Celery.',
        description: 'Celery %s: no exporter answers, is subscribed and gets events. What is said of tasks, queues and workers is old.' % job,
        runbook_url: 'https://celery-exporter.example/runbooks/CeleryUnwatched.md',
      },
    }
    for job in jobs
  ],
};

{
  config: { alerts+: { CeleryWatchdog+: { enabled: true } } },

  tests: [
    {
      name: 'one of two exporters goes, then the other',
      interval: '1m',
      input_series:
        exporter('a', '1x20 0x60', '1x20 stale')
        + exporter('b', '1x40 0x40', '1x40 stale'),
      alert_rule_test: [
        watchdog('10m', 2),
        watchdog('30m', 1),
        watchdog('41m', 0),
        watchdog('60m', 0),
        unwatched('30m'),
        unwatched('41m'),
        unwatched('42m', ['shop']),
        unwatched('60m', ['shop']),
      ],
    },
    {
      name: 'one of two has no broker, and that is none who sees',
      interval: '1m',
      input_series:
        exporter('a', '1x80', '1x80', '0')
        + exporter('b', '1x40 0x20 1x20', '1x40 stale _x19 1x20'),
      alert_rule_test: [
        unwatched('40m'),
        unwatched('42m', ['shop']),
        unwatched('61m'),
      ],
    },
    {
      name: 'nobody is scraped',
      interval: '1m',
      input_series: [{ series: 'up{job="node"}', values: '1x60' }],
      alert_rule_test: [watchdog('30m', 0), unwatched('30m')],
    },
  ],
}
