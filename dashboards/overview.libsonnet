// For whoever is on call: is work flowing, and where is it not?
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';

function(config)
  local q = (import 'lib/queries.libsonnet')(config);

  local outcome(state) = panels.query(q.taskRate(state), state);

  local common = 'topk(20, %s)' % q.finished('name');
  local failing = 'topk(20, round(%s) > 0)' % q.failed('name');
  // A class of exceptions is born at its first failure: increase() alone would
  // not see that one.
  local failedTotal = q.celery('task_failed_total', 'exception!=""');
  local exceptions = '(%s unless %s offset 24h or %s)' % [
    failedTotal,
    failedTotal,
    q.increase(failedTotal, '24h'),
  ];
  local success(name) = {
    name: name,
    title: 'Succeeded',
    unit: 'percentunit',
    decimals: 1,
    width: 100,
    steps: [[null, 'red'], [0.95, 'yellow'], [0.99, 'green']],
  };

  dashboard.new(
    config,
    'overview',
    'Overview',
    'Is work flowing? Workers, tasks, queues and failures at first sight.',
    [],
    [
      {
        title: null,
        panels: [
          [panels.stat(
            'Event stream',
            'Whether every exporter is subscribed to the events of its broker. BLIND: one is not, and counters stand still. GONE: Prometheus does not reach one that was there within 6 hours, or there is none. Nothing else on this page can be trusted then.',
            q.sight,
            'none',
            [[null, 'red'], [1, 'green']],
            panels.sightMappings,
            links=[q.link('exporter', 'Exporter')] + q.runbooks('CeleryBrokerUnreachable'),
          ), 4, 4],
          [panels.stat(
            'Hosts alive',
            'Hosts on which at least one worker is alive. None: no task is being done.',
            q.sum(q.celery('worker_up')),
            'none',
            [[null, 'red'], [1, 'green']],
            links=[q.link('workers', 'Workers')] + q.runbooks('CeleryAllWorkersDown'),
          ), 3, 4],
          [panels.stat(
            'Hosts down',
            'Hosts whose workers all stopped or fell silent, and that are not forgotten yet (--purge-offline-worker-metrics).',
            'count(%s == 0) or vector(0)' % q.celery('worker_up'),
            'none',
            [[null, 'green'], [1, 'yellow']],
            links=[q.link('workers', 'Workers')] + q.runbooks('CeleryWorkerLost'),
          ), 3, 4],
          [panels.stat(
            'Tasks in 24 hours',
            'Tasks that ended in the last 24 hours, well or not; a retry is not an end.',
            q.finished(),
            'locale',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Failed in 24 hours',
            'Tasks that failed for good in the last 24 hours, of any class of exception.',
            q.failed(),
            'locale',
            [[null, 'green'], [0.5, 'yellow']],
            decimals=0,
          ), 3, 4],
          [panels.stat(
            'Success rate in 24 hours',
            'Of the tasks that ended in the last 24 hours, how many succeeded.',
            q.successRatio(),
            'percentunit',
            [[null, 'red'], [0.95, 'yellow'], [0.99, 'green']],
            decimals=2,
          ), 4, 4],
          [panels.stat(
            'Waiting in queues',
            'Messages that wait in all queues, tasks that workers have already taken left out.',
            q.sum(q.celery('queue_length')),
            'locale',
            decimals=0,
            sparkline=true,
            links=[q.link('queues', 'Queues')],
          ), 3, 4],
        ],
      },
      {
        title: 'Tasks in the last 24 hours',
        panels: [
          [panels.table(
            'Most common tasks',
            'The twenty tasks that ended most often in 24 hours, their success rate, and how long they ran on average. A name leads to the page of the task.',
            [
              common,
              '%s and on (name) %s' % [q.successRatio('name'), common],
              '%s / (%s > 0) and on (name) %s' % [q.runtime('sum', 'name'), q.runtime('count', 'name'), common],
            ],
            [
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'Value #A', title: 'Ended', unit: 'locale', decimals: 0, width: 90 },
              success('Value #B'),
              { name: 'Value #C', title: 'Mean runtime', unit: 's', width: 120 },
            ],
            'Ended',
          ), 10, 9],
          [panels.table(
            'What fails most',
            'The twenty tasks with most failures in 24 hours, and their success rate.',
            [failing, '%s and on (name) %s' % [q.successRatio('name'), failing]],
            [
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'Value #A', title: 'Failed', unit: 'locale', decimals: 0, width: 80 },
              success('Value #B'),
            ],
            'Failed',
          ), 7, 9],
          [panels.table(
            'How it fails',
            'Failures of 24 hours by task and class of exception.',
            ['topk(20, round(%s) > 0)' % q.sum(exceptions, 'name, exception')],
            [
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'exception', title: 'Exception' },
              { name: 'Value', title: 'Failed', unit: 'locale', decimals: 0, width: 80 },
            ],
            'Failed',
          ), 7, 9],
        ],
      },
      {
        title: 'Now',
        panels: [
          [panels.graph(
            'Tasks by outcome',
            'What becomes of tasks, a second. A gap between started and succeeded is work in progress, or lost events.',
            [
              outcome('started'),
              outcome('succeeded'),
              panels.query(q.failureRate(), 'failed'),
              outcome('retried'),
              outcome('revoked'),
              outcome('rejected'),
            ],
            { unit: 'ops', overrides: panels.stateOverrides, legend: 'list' },
          ), 12, 9],
          [panels.table(
            'Alerts that fire',
            'Alerts of the Celery mixin that fire now. Empty is good; nothing is shown, either, where the rules are not loaded. An alert leads to what to do.',
            ['sum by (alertname, severity, name, queue_name, hostname) (ALERTS{alertstate="firing",alertname=~"Celery.*",%s})' % q.alertSelector],
            [
              { name: 'alertname', title: 'Alert', links: q.runbooks('${__data.fields.Alert}') },
              { name: 'severity', title: 'Severity', width: 90 },
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'queue_name', title: 'Queue', width: 110, links: [q.queueLink()] },
              { name: 'hostname', title: 'Host', width: 110, links: [q.workerLink()] },
              { name: 'Value', title: 'Series', width: 70 },
            ],
            'Severity',
          ), 12, 9],
          [panels.graph(
            'Queue length',
            'Messages waiting, by queue, all priorities added up.',
            [panels.query(q.sum(q.celery('queue_length'), 'queue_name'), '{{queue_name}}')],
            { unit: 'short', stack: true, decimals: 0 },
          ), 8, 9],
          [panels.graph(
            'Time in the queue (p95)',
            'How long tasks waited before they started, at the 95th percentile. Needs task-sent events: task_send_sent_event in the clients.',
            [panels.query(q.queueWait('queue_name'), '{{queue_name}}')],
            { unit: 's' },
          ), 8, 9],
          [panels.graph(
            'Busy and free slots',
            'Tasks being executed, and how many the pools of all workers can execute at once.',
            [
              panels.query(q.sum(q.celery('worker_tasks_active')), 'busy'),
              panels.query(q.sum(q.celery('worker_pool_size')), 'slots'),
            ],
            { unit: 'short', decimals: 0, overrides: [panels.fixed('busy', 'blue'), panels.fixed('slots', 'text')] },
          ), 8, 9],
          [panels.graph(
            'Failures by task',
            'The ten tasks that fail most, and how often a minute.',
            [panels.query('topk(10, 60 * %s > 0)' % q.failureRate('name'), '{{name}}')],
            { unit: 'opm', shades: 'red', stack: true },
          ), 12, 9],
          [panels.bars(
            'Where the time goes',
            'How long workers were busy with each task in the last 24 hours, all runs added up: the ten costliest.',
            'topk(10, %s)' % q.runtime('sum', 'name'),
            '{{name}}',
            's',
            [[null, 'blue']],
            decimals=1,
          ), 12, 9],
        ],
      },
    ],
  )
