// Limits of their own for some tasks and queues: each replaces the default for
// what it is about, and adds nothing to it.
local of(family, name, extra='', queue='celery') =
  'celery_task_%s{TARGET,hostname="h",name="%s",queue_name="%s"%s}' % [family, name, queue, extra];
local failed(name, queue='celery') = of('failed_total', name, ',exception="KeyError"', queue);
local steps(count) = '0x10 %dx60' % count;

local failures = {
  alert: 'CeleryTaskFailures',
  summary: 'A Celery task fails too often.',
  labels: { area: 'tasks' },
};
local rule(name, count, severity, scope, window) = {
  labels: { name: name, severity: severity } + (if scope == '' then {} else { scope: scope }),
  description: '%s failed %d times in %s.' % [name, count, window],
};

{
  config: {
    taskFailures: {
      tasks: {
        'billing.send_invoice': { threshold: 0, severity: 'critical', 'for': '0m' },
        'imports.rates': { threshold: 40 },
      },
      taskPatterns: [
        { pattern: 'imports[.].*', threshold: 100, severity: 'info', window: '1h' },
        { pattern: '.*[.]feed', threshold: 0, severity: 'critical' },
      ],
      queues: { payments: { threshold: 2, severity: 'critical' } },
      queuePatterns: [{ pattern: 'bulk-.*', threshold: 50 }],
    },
    taskFailureRates: {
      'imports.rates': { threshold: 0.5, severity: 'info' },
    },
    taskFailureRatePatterns: [
      { pattern: 'imports[.].*', threshold: 0.8, window: '30m', atLeast: 10, 'for': '2m' },
      { pattern: 'debug[.].*', enabled: false },
    ],
    queues: {
      emails: { backlog: 10, severity: 'critical', 'for': '2m' },
      bulk: { oldestTask: 7200 },
    },
    slo: {
      tasks: {
        'billing.send_invoice': 0.999,
        'imports.rates': { objective: 0.9, severity: 'warning' },
      },
      taskPatterns: [
        {
          pattern: 'imports[.].*',
          objective: 0.75,
          severity: 'info',
          atLeast: 50,
          windows: [{ severity: 'critical', 'for': '1m', long: '30m', short: '10m', factor: 2 }],
        },
        { pattern: 'debug[.].*', enabled: false },
      ],
      atLeast: 100,
      objective: 0.99,
      windows: [{ severity: 'critical', 'for': '2m', long: '1h', short: '5m', factor: 14.4 }],
    },
  },

  cases: [
    failures {
      title: 'each at its threshold',
      broken: [
        [failed('imports.rates'), steps(40)],
        [failed('imports.feed'), steps(100)],
        [failed('shop.charge', 'payments'), steps(2)],
        [failed('shop.charge', 'bulk-1'), steps(50)],
        [failed('shop.charge'), steps(10)],
        // Not more than ten in any one of these queues.
        [failed('shop.other'), steps(10)],
        [failed('shop.other', 'payments'), steps(2)],
      ],
      quiet: ['10m', '13m', '20m'],
    },
    failures {
      title: 'each above its threshold, and fires once',
      broken: [
        [failed('billing.send_invoice', 'payments'), steps(1)],
        [failed('imports.rates'), steps(41)],
        [failed('imports.feed'), steps(101)],
        [failed('shop.charge', 'payments'), steps(3)],
        [failed('shop.tidy', 'bulk-1'), steps(51)],
        [failed('shop.read'), steps(11)],
        [failed('shop.feed'), steps(1)],
      ],
      fires: [
        { time: '10m', alerts: [] },
        { time: '11m', alerts: [
          rule('billing.send_invoice', 1, 'critical', 'task billing.send_invoice', '10m'),
        ] },
        { time: '12m', alerts: [
          rule('billing.send_invoice', 1, 'critical', 'task billing.send_invoice', '10m'),
          rule('imports.rates', 41, 'warning', 'task imports.rates', '10m'),
          rule('imports.feed', 101, 'info', 'tasks imports[.].*', '1h'),
          rule('shop.feed', 1, 'critical', 'tasks .*[.]feed', '10m'),
          rule('shop.charge', 3, 'critical', 'queue payments', '10m'),
          rule('shop.tidy', 51, 'warning', 'queues bulk-.*', '10m'),
          rule('shop.read', 11, 'warning', '', '10m'),
        ] },
        { time: '40m', alerts: [
          rule('imports.feed', 101, 'info', 'tasks imports[.].*', '1h'),
        ] },
      ],
    },
    failures {
      title: 'the one failure of a nightly invoice makes its series',
      broken: [
        [of('failed_total', 'billing.send_invoice'), '_x31 0x60'],
        [failed('billing.send_invoice'), '_x31 1x60'],
      ],
      fires: [
        { time: '30m', alerts: [] },
        { time: '31m', alerts: [rule('billing.send_invoice', 1, 'critical', 'task billing.send_invoice', '10m')] },
        { time: '40m', alerts: [rule('billing.send_invoice', 1, 'critical', 'task billing.send_invoice', '10m')] },
        { time: '42m', alerts: [] },
      ],
    },
    {
      alert: 'CeleryTaskFailureRateHigh',
      summary: 'A large share of the runs of a Celery task fails.',
      labels: { area: 'tasks' },
      broken: [
        [of('succeeded_total', 'imports.rates'), '0x10 50x15 90x60'],
        [failed('imports.rates'), '0x10 50x15 110x60'],
        [of('succeeded_total', 'shop.read'), '0x10 80x60'],
        [failed('shop.read'), '0x10 20x60'],
      ],
      pending: ['11m'],
      fires: [
        { time: '20m', alerts: [{
          labels: { name: 'shop.read', severity: 'warning' },
          description: '20% of the runs of shop.read failed in 15m.',
        }] },
        { time: '34m', alerts: [{
          labels: { name: 'imports.rates', severity: 'info', scope: 'task imports.rates' },
          description: '60% of the runs of imports.rates failed in 15m.',
        }] },
      ],
    },
    {
      alert: 'CeleryQueueBacklog',
      summary: 'A Celery queue is long.',
      labels: { area: 'queues' },
      broken: [
        ['celery_queue_length{TARGET,queue_name="emails"}', '10x10 11x20 0x20'],
        ['celery_queue_length{TARGET,queue_name="bulk"}', '999x60'],
      ],
      other: [['celery_queue_length{TARGET,queue_name="emails"}', '10x60']],
      quiet: ['10m', '32m'],
      pending: ['11m', '12m'],
      fires: [{ time: '13m', alerts: [{
        labels: { queue_name: 'emails', severity: 'critical', scope: 'queue emails' },
        description: '11 tasks wait in the queue emails.',
      }] }],
    },
    {
      alert: 'CeleryQueueOldestTask',
      summary: 'A task has waited too long in a Celery queue.',
      labels: { area: 'queues', severity: 'warning' },
      broken: [
        ['celery_queue_oldest_task_timestamp_seconds{TARGET,queue_name="emails"}', '0x180'],
        ['celery_queue_oldest_task_timestamp_seconds{TARGET,queue_name="bulk"}', '0x180'],
      ],
      fires: [
        { time: '110m', alerts: [{
          labels: { queue_name: 'emails' },
          description: 'the oldest task of the queue emails has waited for 1h 50m 0s.',
        }] },
        { time: '130m', alerts: [
          { labels: { queue_name: 'emails' }, description: 'the oldest task of the queue emails has waited for 2h 10m 0s.' },
          {
            labels: { queue_name: 'bulk', scope: 'queue bulk' },
            description: 'the oldest task of the queue bulk has waited for 2h 10m 0s.',
          },
        ] },
      ],
    },
    {
      alert: 'CeleryTaskErrorBudgetBurn',
      title: 'of a task by name, which is no part of all others then',
      summary: 'Celery tasks fail faster than their error budget allows.',
      labels: { area: 'tasks', severity: 'critical', long: '1h', short: '5m' },
      broken: [
        [of('succeeded_total', 'billing.send_invoice'), '0+80x60'],
        [failed('billing.send_invoice'), '0+20x60'],
        [of('succeeded_total', 'shop.read'), '0+80x60'],
      ],
      other: [
        [of('succeeded_total', 'billing.send_invoice'), '0+9900x60'],
        [failed('billing.send_invoice'), '0+100x60'],
      ],
      quiet: ['0m'],
      fires: [{ time: '10m', alerts: [{
        labels: { name: 'billing.send_invoice', scope: 'task billing.send_invoice' },
        description: '20% of the runs of billing.send_invoice failed in 1h; the objective is 99.9% success.',
      }] }],
    },
    {
      alert: 'CeleryTaskFailureRateHigh',
      title: 'by patterns',
      summary: 'A large share of the runs of a Celery task fails.',
      labels: { area: 'tasks' },
      broken: [
        // At its threshold, above it, and too few.
        [of('succeeded_total', 'imports.a'), '0x10 2x60'],
        [failed('imports.a'), '0x10 8x60'],
        [of('succeeded_total', 'imports.b'), '0x10 1x60'],
        [failed('imports.b'), '0x10 9x60'],
        [failed('imports.c'), '0x10 9x60'],
        [failed('debug.all'), '0x10 90x60'],
      ],
      quiet: ['10m', '42m'],
      pending: ['11m', '12m'],
      fires: [{ time: '30m', alerts: [{
        labels: { name: 'imports.b', severity: 'warning', scope: 'tasks imports[.].*' },
        description: '90% of the runs of imports.b failed in 30m.',
      }] }],
    },
    {
      alert: 'CeleryTaskErrorBudgetBurn',
      title: 'by patterns, with windows and severities of their own, and no part of all others',
      summary: 'Celery tasks fail faster than their error budget allows.',
      labels: { area: 'tasks' },
      broken: [
        // Half of the runs may fail: at that, above it, and too few.
        [of('succeeded_total', 'imports.a'), '0+50x60'],
        [failed('imports.a'), '0+50x60'],
        [of('succeeded_total', 'imports.b'), '0+40x20 800x60'],
        [failed('imports.b'), '0+60x20 1200x60'],
        [of('succeeded_total', 'imports.c'), '0x60'],
        [failed('imports.c'), '0x10 20x60'],
        // It has an entry of its own, with the windows of all.
        [failed('imports.rates'), '0+10x60'],
        [failed('debug.all'), '0+900x60'],
        [of('succeeded_total', 'shop.read'), '0+100x60'],
      ],
      other: [
        // All others: at the threshold.
        [of('succeeded_total', 'shop.read'), '0+856x60'],
        [failed('shop.read'), '0+144x60'],
      ],
      quiet: ['0m'],
      fires: [
        { time: '5m', alerts: [{
          labels: { name: 'imports.b', severity: 'info', scope: 'tasks imports[.].*', long: '30m', short: '10m' },
          description: '60% of the runs of imports.b failed in 30m; the objective is 75% success.',
        }] },
        { time: '15m', alerts: [{
          labels: { name: 'imports.b', severity: 'info', scope: 'tasks imports[.].*', long: '30m', short: '10m' },
          description: '60% of the runs of imports.b failed in 30m; the objective is 75% success.',
        }] },
        { time: '60m', alerts: [] },
      ],
    },
  ],
}
