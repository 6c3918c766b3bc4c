// For the developer of a task: how often, how long, how well, and why not.
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';

function(config)
  local q = (import 'lib/queries.libsonnet')(config);
  local name = 'name=~"$task"';
  local task = name + ',queue_name=~"$queue"';
  local failed(range, by='') = q.sum(q.increase(q.celery('task_failed_total', task), range), by);
  local succeeded(range, by='') = q.sum(q.increase(q.celery('task_succeeded_total', task), range), by);

  local outcome(state) = panels.query(q.taskRate(state, task), state);
  local quantiles(family) = [
    panels.query(q.quantile(entry[0], family, task), entry[1]) { exemplar: true }
    for entry in [[0.5, 'p50'], [0.95, 'p95'], [0.99, 'p99']]
  ] + [
    panels.query(
      '%s / (%s > 0)' % [
        q.sum(q.rate(q.celery(family + '_sum', task))),
        q.sum(q.rate(q.celery(family + '_count', task))),
      ],
      'mean'
    ),
  ];

  dashboard.new(
    config,
    'task',
    'Task',
    'One task, or several: outcomes, exceptions, runtime, and time in the queue.',
    [
      dashboard.variable(
        'queue',
        'Queue',
        'label_values(%s, queue_name)' % q.celery('task_received_total'),
      ),
      dashboard.variable(
        'task',
        'Task',
        'label_values(%s, name)' % q.celery('task_received_total', 'queue_name=~"$queue"'),
      ),
    ],
    [
      {
        title: null,
        panels: [
          [panels.stat(
            'Succeeded',
            'Tasks that succeeded in the time shown.',
            succeeded('$__range'),
            'locale',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Failed',
            'Tasks that failed for good in the time shown.',
            failed('$__range'),
            'locale',
            [[null, 'green'], [0.5, 'yellow']],
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Success rate',
            'Of the tasks that ended in the time shown, how many succeeded.',
            '(%s or vector(0)) / ((%s or vector(0)) + (%s or vector(0)) > 0)' % [
              succeeded('$__range'),
              succeeded('$__range'),
              failed('$__range'),
            ],
            'percentunit',
            [[null, 'red'], [0.95, 'yellow'], [0.99, 'green']],
            decimals=2,
          ), 4, 4],
          [panels.stat(
            'Retries',
            'Runs that ended in a retry in the time shown.',
            q.sum(q.increase(q.celery('task_retried_total', task))),
            'locale',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Last success',
            'How long ago a task of the selection last succeeded.',
            'time() - max(%s)' % q.celery('task_last_success_timestamp_seconds', task),
            's',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Last failure',
            'How long ago a task of the selection last failed.',
            'time() - max(%s)' % q.celery('task_last_failure_timestamp_seconds', task),
            's',
            decimals=0,
          ), 4, 4],
        ],
      },
      {
        title: 'Outcome',
        panels: [
          [panels.graph(
            'By outcome',
            'What becomes of the tasks, a second.',
            [
              outcome('sent'),
              outcome('received'),
              outcome('started'),
              outcome('succeeded'),
              outcome('failed'),
              outcome('retried'),
              outcome('revoked'),
              outcome('rejected'),
              panels.query(q.sum(q.rate(q.celery('task_cancelled_total', task))), 'cancelled'),
            ],
            { unit: 'ops', overrides: panels.stateOverrides, legend: 'list' },
          ), 12, 10],
          [panels.graph(
            'Failures by exception',
            'Tasks that failed, a minute, by the class of the exception.',
            [panels.query(
              '60 * %s > 0' % q.sum(q.rate(q.celery('task_failed_total', task)), 'exception'),
              '{{exception}}'
            )],
            { unit: 'opm', shades: 'red', stack: true },
          ), 12, 10],
          [panels.graph(
            'Retries by exception',
            'Retries, a minute, by the class of the exception that caused them.',
            [panels.query(
              '60 * %s > 0' % q.sum(q.rate(q.celery('task_retry_exceptions_total', task)), 'exception'),
              '{{exception}}'
            )],
            { unit: 'opm', shades: 'yellow', stack: true },
          ), 8, 8],
          [panels.graph(
            'Revoked by reason',
            'Tasks that never ran because they expired or were revoked, and running ones that were terminated, a minute.',
            [panels.query(
              '60 * %s' % q.sum(q.rate(q.celery('task_revocations_total', task)), 'reason'),
              '{{reason}}'
            )],
            { unit: 'opm', shades: 'purple' },
          ), 8, 8],
          [panels.graph(
            'Started again',
            'Starts that repeat an earlier one without a retry or a new sending: the worker died, or the visibility timeout passed. Such tasks may have run twice.',
            [panels.query(
              q.sum(q.increase(q.celery('task_redelivered_total', task), '$__rate_interval'), 'name'),
              '{{name}}'
            )],
            { unit: 'short', softMax: 1, legend: 'list' },
          ), 8, 8],
        ],
      },
      {
        title: 'Time',
        panels: [
          [panels.graph(
            'Runtime',
            'How long successful tasks ran. Percentiles are estimates from buckets, see --buckets.',
            quantiles('task_runtime'),
            { unit: 's', legend: 'list' },
          ), 12, 9],
          [panels.heatmap(
            'Runtimes',
            'How many successful tasks ran for how long.',
            'sum by (le) (%s)' % q.increase(q.celery('task_runtime_bucket', task), '$__rate_interval'),
          ), 12, 9],
          [panels.graph(
            'Time in the queue',
            'From sending, or from the ETA, to the start. Needs task-sent events: task_send_sent_event in the clients.',
            quantiles('task_queue_wait_time'),
            { unit: 's', legend: 'list' },
          ), 12, 9],
          [panels.graph(
            'Runtime by host (p95)',
            'Whether one host is slower than the others.',
            [panels.query(q.quantile(0.95, 'task_runtime', task, 'hostname'), '{{hostname}}')],
            { unit: 's' },
          ), 12, 9],
        ],
      },
      {
        title: 'Where',
        panels: [
          [panels.graph(
            'Started by host',
            'Starts a second on each host.',
            [panels.query(q.sum(q.rate(q.celery('task_started_total', task)), 'hostname'), '{{hostname}}')],
            { unit: 'ops', stack: true },
          ), 12, 9],
          [panels.table(
            'By task',
            'Every task of the selection over the time shown.',
            [
              q.sum(q.increase(q.celery('task_started_total', task)), 'name'),
              failed('$__range', 'name'),
              q.quantile(0.95, 'task_runtime', task, 'name', '$__range'),
              'time() - max by (name) (%s)' % q.celery('task_last_success_timestamp_seconds', task),
            ],
            [
              { name: 'name', title: 'Task', links: [q.taskLink()] },
              { name: 'Value #A', title: 'Started', unit: 'locale', decimals: 0, width: 90 },
              {
                name: 'Value #B',
                title: 'Failed',
                unit: 'locale',
                decimals: 0,
                width: 90,
                steps: [[null, 'text'], [0.5, 'red']],
              },
              { name: 'Value #C', title: 'Runtime p95', unit: 's', width: 110 },
              { name: 'Value #D', title: 'Last success', unit: 's', decimals: 0, width: 120 },
            ],
            'Started',
          ), 12, 9],
        ],
      },
    ],
  )
