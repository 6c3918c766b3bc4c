// For whoever is on call: is work flowing, and where is it not?
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';

function(config)
  local q = (import 'lib/queries.libsonnet')(config);
  local day = '24h';

  local upMapping = [{
    type: 'value',
    options: {
      '0': { text: 'BLIND', color: 'red', index: 0 },
      '1': { text: 'Receiving', color: 'green', index: 1 },
    },
  }];

  local outcome(family, state) =
    panels.query(q.sum(q.rate(q.celery(family))), state);

  local common = 'topk(20, %s)' % q.finished(day, by='name');
  local failing = 'topk(20, round(%s) > 0)' % q.failed(day, by='name');
  // A class of exceptions is born at its first failure: increase() alone would
  // not see that one.
  local failedTotal = q.celery('task_failed_total');
  local exceptions = '(%s unless %s offset %s or %s)' % [
    failedTotal,
    failedTotal,
    day,
    q.increase(failedTotal, day),
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
            'Whether every exporter is subscribed to the events of its broker. While one is blind, counters stand still and nothing else on this page can be trusted.',
            'min(%s)' % q.exporter('broker_up'),
            'none',
            [[null, 'red'], [1, 'green']],
            upMapping,
            links=[q.link('exporter', 'Exporter'), q.runbook('CeleryBrokerUnreachable')],
          ), 4, 4],
          [panels.stat(
            'Hosts with live workers',
            'Hosts on which at least one worker is alive. None: no task is being done.',
            q.sum(q.celery('worker_up')),
            'none',
            [[null, 'red'], [1, 'green']],
            links=[q.link('workers', 'Workers'), q.runbook('CeleryAllWorkersDown')],
          ), 4, 4],
          [panels.stat(
            'Tasks in 24 hours',
            'Tasks that ended in the last 24 hours, well or not; a retry is not an end.',
            q.finished(day),
            'locale',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Failed in 24 hours',
            'Tasks that failed for good in the last 24 hours, of any class of exception.',
            q.failed(day),
            'locale',
            [[null, 'green'], [1, 'yellow']],
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Success rate in 24 hours',
            'Of the tasks that ended in the last 24 hours, how many succeeded.',
            q.successRatio(day),
            'percentunit',
            [[null, 'red'], [0.95, 'yellow'], [0.99, 'green']],
            decimals=2,
          ), 4, 4],
          [panels.stat(
            'Waiting in queues',
            'Messages that wait in all queues, tasks that workers have already taken left out.',
            q.sum(q.celery('queue_length')),
            'short',
            decimals=0,
            sparkline=true,
            links=[q.link('queues', 'Queues')],
          ), 4, 4],
        ],
      },
      {
        title: 'Flow',
        panels: [
          [panels.graph(
            'Tasks by outcome',
            'What becomes of tasks, a second. A gap between started and succeeded is work in progress, or lost events.',
            [
              outcome('task_started_total', 'started'),
              outcome('task_succeeded_total', 'succeeded'),
              outcome('task_failures_total', 'failed'),
              outcome('task_retried_total', 'retried'),
              outcome('task_revoked_total', 'revoked'),
              outcome('task_rejected_total', 'rejected'),
            ],
            { unit: 'ops', overrides: panels.stateOverrides, legend: 'list' },
          ), 12, 9],
          [panels.graph(
            'Failures by task',
            'The ten tasks that fail most, a minute.',
            [panels.query(
              'topk(10, 60 * %s > 0)' % q.sum(q.rate(q.celery('task_failures_total')), 'name'),
              '{{name}}'
            )],
            { unit: 'short', shades: 'red', stack: true },
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
            [panels.query(q.quantile(0.95, 'task_queue_wait_time', by='queue_name'), '{{queue_name}}')],
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
        ],
      },
      {
        title: 'Tasks in the last 24 hours',
        panels: [
          [panels.table(
            'Most common tasks',
            'The twenty tasks that ended most often in 24 hours, with their success rate, and how long they run at the 95th percentile. A name leads to the page of the task.',
            [
              common,
              '%s and on (name) %s' % [q.successRatio(day, by='name'), common],
              '%s and on (name) %s' % [q.quantile(0.95, 'task_runtime', by='name', range=day), common],
            ],
            [
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'Value #A', title: 'Ended', unit: 'locale', decimals: 0, width: 80 },
              success('Value #B'),
              { name: 'Value #C', title: 'Runtime p95', unit: 's', width: 100 },
            ],
            'Ended',
          ), 10, 10],
          [panels.table(
            'What fails most',
            'The twenty tasks with most failures in 24 hours, and their success rate.',
            [failing, '%s and on (name) %s' % [q.successRatio(day, by='name'), failing]],
            [
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'Value #A', title: 'Failed', unit: 'locale', decimals: 0, width: 80 },
              success('Value #B'),
            ],
            'Failed',
          ), 7, 10],
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
          ), 7, 10],
          [panels.bars(
            'Where the time goes',
            'Worker slots that each task kept busy on average over the last 24 hours, the ten busiest ones.',
            'topk(10, %s / 86400)' % q.sum(q.increase(q.celery('task_runtime_sum'), day), 'name'),
            '{{name}}',
            'short',
            [[null, 'blue']],
          ), 12, 9],
          [panels.table(
            'Alerts that fire',
            'Alerts of the Celery mixin that fire now. Empty is good; nothing is shown, either, where the rules are not loaded.',
            ['sum by (alertname, severity, name, queue_name, hostname, worker) (ALERTS{alertstate="firing", alertname=~"Celery.*", job=~"$job|"})'],
            [
              { name: 'alertname', title: 'Alert', links: [q.runbook('${__data.fields.Alert}')] },
              { name: 'severity', title: 'Severity', width: 90 },
              { name: 'name', title: 'Task' },
              { name: 'queue_name', title: 'Queue' },
              { name: 'hostname', title: 'Host' },
              { name: 'worker', title: 'Worker' },
              { name: 'Value', title: 'Series', width: 80 },
            ],
            'Severity',
          ), 12, 9],
        ],
      },
    ],
  )
