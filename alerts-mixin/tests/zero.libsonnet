// Where workers may all stop while nothing waits: in every job but `strict`.
local down = {
  alert: 'CeleryAllWorkersDown',
  labels: { area: 'workers', severity: 'critical' },
  summary: 'All Celery workers are down.',
  description: 'no worker is alive. Tasks wait, and nothing runs.',
};
local workers(values) = [
  ['celery_worker_up{TARGET,hostname="h1"}', values],
  ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x120'],
  ['celery_active_worker_count{TARGET,queue_name="celery"}', values],
];
local length(values) = [['celery_queue_length{TARGET,queue_name="celery"}', values]];

{
  config: { scaleToZero: 'job!="strict"' },

  cases: [
    down {
      title: 'to zero and back, with tasks that wait a little',
      broken: workers('1x30 0x49 1x20') + length('0x70 5x9 0x40'),
      quiet: ['30m', '42m', '60m', '79m', '82m'],
    },
    down {
      title: 'tasks wait at zero',
      broken: workers('1x30 0x79 1x20') + length('0x50 5x59 0x20'),
      // One that waits in a queue of which no alert is about is none.
      other: workers('1x30 0x100') + length('0x130')
             + [['celery_queue_length{TARGET,queue_name="celery_delayed_7"}', '5x130']],
      // Prometheus 3 reads one sample less in ten minutes.
      quiet: ['42m', '59m', '113m'],
      fires: ['62m', '100m'],
    },
    down {
      title: 'the last one is lost',
      broken: [
        ['celery_worker_up{TARGET,hostname="h1"}', '1x10 0x4 stale'],
        ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x10 1x4 stale'],
        ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x10 0x89'],
      ] + length('0x120'),
      quiet: ['10m', '60m'],
      pending: ['11m'],
      fires: ['12m', '20m'],
    },
  ],

  tests: [{
    name: 'CeleryAllWorkersDown: where they may not',
    interval: '1m',
    input_series: [
      { series: std.strReplace(each[0], 'TARGET', 'job="strict",instance="s:9808"'), values: each[1] }
      for each in workers('1x30 0x80') + length('0x120')
                  + [['celery_exporter_build_info{TARGET,version="1"}', '1x120']]
    ],
    alert_rule_test: [
      { eval_time: '40m', alertname: down.alert, exp_alerts: [] },
      { eval_time: '43m', alertname: down.alert, exp_alerts: [{
        exp_labels: down.labels { job: 'strict' },
        exp_annotations: {
          summary: down.summary,
          description: 'Celery strict: ' + down.description,
          runbook_url: 'https://celery-exporter.example/runbooks/CeleryAllWorkersDown.md',
        },
      }] },
    ],
  }],
}
