// Names and patterns in which templates, PromQL, YAML or a replacement could see
// something to do.
local odd = 'a{{ b }}"c\'\\d $1 100%s {{{{';
local target = 'job="shop",instance="i"';
local quoted(text) = std.escapeStringJson(text);
local fires(time, alert, alerts) = {
  eval_time: time,
  alertname: alert,
  exp_alerts: [
    {
      exp_labels: { job: 'shop' } + each[0],
      exp_annotations: {
        summary: each[1],
        description: 'Celery shop: ' + each[2],
        runbook_url: 'https://wiki.example/%20/' + alert,
      },
    }
    for each in alerts
  ],
};

{
  config: {
    runbookURLPattern: 'https://wiki.example/%20/%s',
    taskFailures+: {
      tasks: { [odd]: { threshold: 0, 'for': '0m' } },
      taskPatterns: [{ pattern: 'x{{2}\\d', threshold: 0, 'for': '0m' }],
      queues: { [odd]: { threshold: 0, 'for': '0m' } },
    },
    queues: { [odd]: { backlog: 1, 'for': '0m' } },
    periodicTasks: { [odd]: { maxAge: '10m', 'for': '0m' } },
    slo+: {
      windows: [{ severity: 'critical', 'for': '0m', long: '10m', short: '5m', factor: 2 }],
      tasks: { [odd]: { objective: 0.9, atLeast: 0.1 } },
    },
  },

  tests: [{
    name: 'odd names stay as they are',
    interval: '1m',
    input_series: [
      { series: 'celery_exporter_build_info{%s}' % target, values: '1x60' },
      { series: 'process_start_time_seconds{%s}' % target, values: '-86400x60' },
      { series: 'celery_queue_length{%s,queue_name=%s}' % [target, quoted(odd)], values: '2x60' },
    ] + [
      {
        series: 'celery_task_failed_total{%s,name=%s,queue_name=%s,exception="E"}' % [target, quoted(each[0]), quoted(each[1])],
        values: '0x10 1x50',
      }
      for each in [[odd, 'celery'], ['x{{7', 'celery'], ['plain', odd]]
    ],
    alert_rule_test: [
      fires('12m', 'CeleryTaskFailures', [
        [{ area: 'tasks', severity: 'warning', name: odd, scope: 'task ' + odd }, 'A Celery task fails too often.', odd + ' failed 1 times in 10m.'],
        [{ area: 'tasks', severity: 'warning', name: 'x{{7', scope: 'tasks x{{2}\\d' }, 'A Celery task fails too often.', 'x{{7 failed 1 times in 10m.'],
        [{ area: 'tasks', severity: 'warning', name: 'plain', scope: 'queue ' + odd }, 'A Celery task fails too often.', 'plain failed 1 times in 10m.'],
      ]),
      fires('12m', 'CeleryQueueBacklog', [
        [{ area: 'queues', severity: 'warning', queue_name: odd, scope: 'queue ' + odd }, 'A Celery queue is long.', '2 tasks wait in the queue %s.' % odd],
      ]),
      fires('12m', 'CeleryTaskNotSucceeded', [
        [{ area: 'tasks', severity: 'warning', name: odd, scope: 'task ' + odd }, 'A periodic Celery task has not succeeded in time.', odd + ' has not succeeded since it is watched; it should every 10m.'],
      ]),
      fires('15m', 'CeleryTaskErrorBudgetBurn', [
        [
          { area: 'tasks', severity: 'critical', name: odd, scope: 'task ' + odd, long: '10m', short: '5m' },
          'Celery tasks fail faster than their error budget allows.',
          '100% of the runs of ' + odd + ' failed in 10m; the objective is 90% success.',
        ],
      ]),
    ],
  }],
}
