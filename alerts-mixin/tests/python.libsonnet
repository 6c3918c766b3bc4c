// The alerts that need nothing but the page of the Python exporter, which says
// nothing of itself, has every counter of a task at 0 beside the one that grew, and no
// page at all while its broker is away.
local exporter = [['up{TARGET}', '1x120']];
local of(family, extra='') = 'celery_task_%s{TARGET,hostname="h",name="send",queue_name="celery"%s}' % [family, extra];
local failed(exception) = of('failed_total', ',exception="%s"' % exception);
// Beside them on the page.
local counters = [[of('%s_total' % state), '0x480'] for state in ['sent', 'received', 'rejected', 'revoked']];
local task = { area: 'tasks', severity: 'warning', name: 'send' };

local cases = [
  {
    alert: 'CeleryExporterDown',
    title: 'the page is an error',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x20 0x40 1x20'],
      ['celery_worker_up{TARGET,hostname="h"}', '1x20 stale _x39 1x20'],
    ],
    quiet: ['20m', '63m'],
    pending: ['21m', '25m'],
    fires: ['26m', '60m'],
    ofTarget: true,
    labels: { area: 'exporter', severity: 'critical' },
    summary: 'The Celery exporter cannot be scraped.',
    description: 'the exporter TARGET does not answer. Nothing is known of tasks, queues and workers.',
  },
  {
    alert: 'CeleryUnwatched',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x20 0x40 1x20'],
      ['celery_worker_up{TARGET,hostname="h"}', '1x20 stale _x39 1x20'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '0x20 stale _x39 0x20'],
    ],
    quiet: ['20m', '62m'],
    pending: ['21m'],
    fires: ['22m', '60m'],
    labels: { area: 'exporter', severity: 'info' },
    summary: 'No exporter sees this Celery.',
    description: 'no exporter answers, is subscribed and gets events. What is said of tasks, queues and workers is old.',
  },
  {
    alert: 'CeleryAllWorkersDown',
    title: 'down, then purged',
    ownExporter: true,
    broken: exporter + [
      ['celery_worker_up{TARGET,hostname="h"}', '1x20 0x4 stale'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '0x120'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x20 0x100'],
    ],
    quiet: ['20m', '29m'],
    fires: ['32m', '60m', '120m'],
    labels: { area: 'workers', severity: 'critical' },
    summary: 'All Celery workers are down.',
    description: 'no worker is alive. Tasks wait, and nothing runs.',
  },
  {
    alert: 'CeleryAllWorkersDown',
    title: 'a deploy',
    labels: { area: 'workers' },
    ownExporter: true,
    broken: exporter + [
      ['celery_worker_up{TARGET,hostname="h"}', '1x20 0x9 stale'],
      ['celery_worker_up{TARGET,hostname="next"}', '_x28 1x60'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x20 0x7 1x60'],
    ],
    quiet: ['20m', '24m', '28m', '31m', '60m'],
  },
  {
    alert: 'CeleryQueueWithoutConsumers',
    broken: [
      ['celery_queue_length{TARGET,queue_name="celery"}', '0x20 4x20 0x20'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '0x120'],
    ],
    other: [
      ['celery_queue_length{TARGET,queue_name="celery"}', '4x120'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x120'],
    ],
    quiet: ['20m', '42m'],
    pending: ['21m', '30m'],
    fires: ['31m'],
    labels: { area: 'queues', severity: 'critical', queue_name: 'celery' },
    summary: 'Tasks wait in a Celery queue that no worker consumes.',
    description: '4 tasks wait in the queue celery, and no worker consumes it.',
  },
  {
    alert: 'CeleryQueueBacklog',
    broken: [['celery_queue_length{TARGET,queue_name="celery"}', '1000x20 1001x20 0x20']],
    other: [['celery_queue_length{TARGET,queue_name="celery"}', '1000x120']],
    quiet: ['20m', '42m'],
    pending: ['21m', '35m'],
    fires: ['36m'],
    labels: { area: 'queues', severity: 'warning', queue_name: 'celery' },
    summary: 'A Celery queue is long.',
    description: '1001 tasks wait in the queue celery.',
  },
  {
    alert: 'CeleryQueueWaitTimeHigh',
    broken: [
      [of('queue_wait_time_bucket', ',le="%s"' % each[0]), '0+%dx40' % each[1]]
      for each in [['300.0', 0], ['600.0', 100], ['1800.0', 100], ['+Inf', 100]]
    ],
    other: [
      [of('queue_wait_time_bucket', ',le="%s"' % each[0]), '0+%dx40' % each[1]]
      for each in [['120.0', 100], ['300.0', 100], ['600.0', 100], ['+Inf', 100]]
    ],
    quiet: ['0m', '50m'],
    pending: ['5m'],
    fires: ['15m', '40m'],
    labels: { area: 'queues', severity: 'warning', queue_name: 'celery' },
    summary: 'Tasks wait too long in a Celery queue.',
    description: '5% of the tasks of the queue celery waited longer than 9m 45s for their start.',
  },
  {
    alert: 'CeleryQueueNotDraining',
    broken: [['celery_queue_length{TARGET,queue_name="celery"}', '10x30 11x60 10x60']],
    other: [['celery_queue_length{TARGET,queue_name="celery"}', '10x120']],
    quiet: ['30m', '59m', '92m'],
    pending: ['62m', '74m'],
    fires: ['76m', '91m'],
    labels: { area: 'queues', severity: 'warning', queue_name: 'celery' },
    summary: 'A Celery queue does not drain.',
    description: 'the queue celery grows or stands still, and held no fewer than 11 tasks for 30m.',
  },
  {
    alert: 'CeleryTaskFailures',
    broken: counters + [
      [failed(''), '0x120'],
      [failed('KeyError'), '_x21 11x100'],
    ],
    other: counters + [[failed(''), '0x120'], [failed('KeyError'), '_x21 10x100']],
    quiet: ['20m', '40m'],
    pending: ['21m'],
    fires: ['22m'],
    labels: task,
    summary: 'A Celery task fails too often.',
    description: 'send failed 11 times in 10m.',
  },
  {
    alert: 'CeleryTaskFailureRateHigh',
    broken: counters + [
      [of('succeeded_total'), '0x20 18x60'],
      [failed(''), '0x120'],
      [failed('KeyError'), '_x21 2x60'],
    ],
    other: counters + [
      [of('succeeded_total'), '0x20 19x60'],
      [failed(''), '0x120'],
      [failed('KeyError'), '_x21 1x60'],
    ],
    quiet: ['20m', '60m'],
    pending: ['21m', '25m'],
    fires: ['26m'],
    labels: task,
    summary: 'A large share of the runs of a Celery task fails.',
    description: '10% of the runs of send failed in 15m.',
  },
  {
    alert: 'CeleryTaskFirstFailure',
    broken: counters + [[failed(''), '0x120'], [failed('KeyError'), '_x21 1x100']],
    other: counters + [[failed(''), '0x120'], [failed('ValueError'), '0+1x120'], [failed('KeyError'), '_x21 1x100']],
    quiet: ['20m', '32m', '60m'],
    fires: ['21m', '30m'],
    labels: task { severity: 'info' },
    summary: 'A Celery task failed for the first time.',
    description: 'send failed, and had not within 1d before.',
  },
  {
    alert: 'CeleryTaskNewException',
    broken: counters + [[failed(''), '0x120'], [failed('ValueError'), '0+1x120'], [failed('KeyError'), '_x21 1x100']],
    other: counters + [[failed(''), '0x120'], [failed('ValueError'), '0+1x120']],
    quiet: ['20m', '32m', '60m'],
    fires: ['21m', '30m'],
    labels: task { severity: 'info', exception: 'KeyError' },
    summary: 'A Celery task failed in a new way.',
    description: 'send raised KeyError, and had not within 1d before.',
  },
  {
    alert: 'CeleryTaskErrorBudgetBurn',
    broken: counters + [
      [of('succeeded_total'), '0+80x60'],
      [failed(''), '0x60'],
      [failed('KeyError'), '0+20x60'],
    ],
    other: counters + [
      [of('succeeded_total'), '0+99x60'],
      [failed(''), '0x60'],
      [failed('KeyError'), '0+1x60'],
    ],
    quiet: ['0m'],
    pending: ['4m'],
    fires: ['6m'],
    labels: { area: 'tasks', severity: 'critical', long: '1h', short: '5m' },
    summary: 'Celery tasks fail faster than their error budget allows.',
    description: '20% of all task runs failed in 1h; the objective is 99% success.',
  },
  {
    alert: 'CeleryTaskRetryStorm',
    broken: counters + [
      [of('started_total'), '0x10 100x80'],
      [of('retried_total'), '0x10 60x80'],
    ],
    other: counters + [
      [of('started_total'), '0x10 100x80'],
      [of('retried_total'), '0x10 50x80'],
    ],
    quiet: ['10m', '40m'],
    pending: ['11m', '15m'],
    fires: ['16m'],
    labels: task,
    summary: 'A Celery task is retried again and again.',
    description: '60% of the starts of send ended in a retry in 10m.',
  },
  {
    alert: 'CeleryTaskRuntimeRegression',
    // 60 runs a minute of 2 s, and from two hours on of 8 s.
    broken: counters + [
      [of('runtime_count'), '0+60x240'],
      [of('runtime_sum'), '0+120x120 14880+480x119'],
    ],
    other: counters + [
      [of('runtime_count'), '0+60x240'],
      [of('runtime_sum'), '0+120x240'],
    ],
    quiet: ['120m', '130m'],
    pending: ['135m'],
    fires: [{ time: '175m', alerts: [{ description: 'send takes 2.7 times as long as in 1d before.' }] }],
    labels: task,
    summary: 'A Celery task takes much longer than it used to.',
  },
];

{
  config: { alerts+: { CeleryWatchdog+: { enabled: true } } },
  cases: [{ page: 'python' } + case for case in cases if case.labels.area != 'tasks'],
  tasks: [{ page: 'python' } + case for case in cases if case.labels.area == 'tasks'],

  tests: [{
    name: 'CeleryWatchdog',
    interval: '1m',
    input_series: [
      { series: 'up{job="shop",instance="a"}', values: '1x20 0x40' },
      { series: 'celery_worker_up{job="shop",instance="a",hostname="h"}', values: '1x20 stale' },
    ],
    alert_rule_test: [
      { eval_time: '10m', alertname: 'CeleryWatchdog', exp_alerts: [{
        exp_labels: { area: 'watchdog', severity: 'info' },
        exp_annotations: {
          summary: 'The alerts on Celery are evaluated and delivered.',
          description: 'Celery: 1 exporter(s) are scraped. This alert fires all the time; what has to page is its absence.',
          runbook_url: 'https://celery-exporter.example/runbooks/CeleryWatchdog.md',
        },
      }] },
      { eval_time: '30m', alertname: 'CeleryWatchdog', exp_alerts: [] },
    ],
  }],
}
