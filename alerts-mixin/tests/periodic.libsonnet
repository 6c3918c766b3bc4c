// A task that has to succeed every so often.
local last = 'celery_task_last_success_timestamp_seconds{TARGET,name="reports.nightly",queue_name="celery"}';
local of = {
  alert: 'CeleryTaskNotSucceeded',
  summary: 'A periodic Celery task has not succeeded in time.',
  labels: { area: 'tasks', severity: 'critical', scope: 'task reports.nightly', name: 'reports.nightly' },
};

{
  config: {
    periodicTasks: { 'reports.nightly': { maxAge: '26h', severity: 'critical' } },
    periodicTaskMemory: '3d',
  },

  cases: [
    of {
      // The exporter is restarted after 10 hours and has not seen it since.
      broken: [[last, '600x600 stale _x1118 108000x60']],
      other: [[last, '0+60x1800']],
      minutes: 1800,
      // 26 hours and 10 minutes are 1570 minutes.
      quiet: ['20m', '1570m', '1720m'],
      pending: ['1571m'],
      fires: [
        { time: '1572m', alerts: [{ description: 'reports.nightly last succeeded 1d 2h 2m 0s ago; it should every 26h.' }] },
        { time: '1650m', alerts: [{ description: 'reports.nightly last succeeded 1d 3h 20m 0s ago; it should every 26h.' }] },
      ],
    },
  ],

  // Nobody ever saw it succeed, so nobody knows whose it is.
  tests: [{
    name: 'CeleryTaskNotSucceeded: never since it is watched',
    interval: '1m',
    input_series: [
      { series: 'celery_exporter_build_info{job="shop",instance="a"}', values: '1x1800' },
      { series: 'celery_exporter_build_info{job="other",instance="b"}', values: '1x1800' },
    ],
    alert_rule_test: [
      { eval_time: '1560m', alertname: 'CeleryTaskNotSucceeded', exp_alerts: [] },
      {
        eval_time: '1561m',
        alertname: 'CeleryTaskNotSucceeded',
        exp_alerts: [{
          exp_labels: of.labels,
          exp_annotations: {
            summary: of.summary,
            description: 'Celery: reports.nightly has not succeeded since it is watched; it should every 26h.',
            runbook_url: 'https://celery-exporter.example/runbooks/CeleryTaskNotSucceeded.md',
          },
        }],
      },
    ],
  }],
}
