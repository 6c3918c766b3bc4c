// Backlog: how long, how old, who consumes it, and whether it shrinks.
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';

function(config)
  local q = (import 'lib/queries.libsonnet')(config);
  local queue = 'queue_name=~"$queue"';
  local length(by='') = q.sum(q.celery('queue_length', queue), by);
  local startRate(by='') = q.taskRate('started', queue, by);

  dashboard.new(
    config,
    'queues',
    'Queues',
    'How long queues are, how long tasks wait in them, and whether workers keep up.',
    [
      dashboard.variable(
        'queue',
        'Queue',
        'label_values(%s, queue_name)' % q.celery('queue_length'),
      ),
    ],
    [
      {
        title: null,
        panels: [
          [panels.stat(
            'Waiting',
            'Messages that wait in the selected queues.',
            length(),
            'short',
            decimals=0,
            sparkline=true,
          ), 4, 4],
          [panels.stat(
            'Oldest waiting task',
            'How long ago the oldest task was sent, or its ETA came, that has not started. Needs task-sent events: task_send_sent_event in the clients.',
            'time() - min(%s)' % q.celery('queue_oldest_task_timestamp_seconds', queue),
            's',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Wait (p95)',
            'How long tasks that started in the time shown had waited, at the 95th percentile. Needs task-sent events.',
            q.quantile(0.95, 'task_queue_wait_time', queue, range='$__range'),
            's',
          ), 4, 4],
          [panels.stat(
            'Queues without workers',
            'Queues that hold messages, and that no live worker consumes.',
            'count(%s > 0 and on (queue_name, %s) %s == 0) or vector(0)' % [
              q.celery('queue_length', queue),
              q.target,
              q.celery('active_worker_count', queue),
            ],
            'none',
            [[null, 'green'], [1, 'red']],
            links=q.runbooks('CeleryQueueWithoutConsumers'),
          ), 4, 4],
          [panels.stat(
            'Not acknowledged',
            'Messages that workers hold and have not acknowledged: prefetched ones, those with an ETA, and running ones with acks_late. Redis only.',
            q.sum(q.celery('broker_unacked_tasks')),
            'short',
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Oldest not acknowledged',
            'How long ago the oldest message was taken that is not acknowledged. Past the visibility timeout, an hour by default, it is delivered again. Redis only.',
            'time() - min(%s)' % q.celery('broker_oldest_unacked_timestamp_seconds'),
            's',
            [[null, 'green'], [3600, 'red']],
            decimals=0,
          ), 4, 4],
        ],
      },
      {
        title: 'Backlog',
        panels: [
          [panels.graph(
            'Length',
            'Messages waiting, all priorities added up.',
            [panels.query(length('queue_name'), '{{queue_name}}')],
            { unit: 'short', decimals: 0 },
          ), 12, 9],
          [panels.graph(
            'Length by priority',
            'Messages waiting, by priority step, for queues that use more than one. Redis only: there 0 goes first.',
            [panels.query(
              q.sum(q.celery('queue_priority_length', queue), 'queue_name, priority'),
              '{{queue_name}} {{priority}}'
            )],
            { unit: 'short', stack: true, decimals: 0 },
          ), 12, 9],
          [panels.graph(
            'Age of the oldest task',
            'How long the oldest task has waited that has not started. Needs task-sent events.',
            [panels.query(
              'time() - min by (queue_name) (%s)' % q.celery('queue_oldest_task_timestamp_seconds', queue),
              '{{queue_name}}'
            )],
            { unit: 's' },
          ), 12, 9],
          [panels.graph(
            'Wait before the start (p50, p95)',
            'How long tasks had waited when they started. Needs task-sent events.',
            [
              panels.query(q.quantile(0.5, 'task_queue_wait_time', queue, 'queue_name'), '{{queue_name}} p50'),
              panels.query(q.quantile(0.95, 'task_queue_wait_time', queue, 'queue_name'), '{{queue_name}} p95'),
            ],
            { unit: 's', legend: 'list' },
          ), 12, 9],
        ],
      },
      {
        title: 'In and out',
        panels: [
          [panels.graph(
            'Sent and started',
            'Tasks sent to the queue and started from it, a second. Sent needs task-sent events.',
            [
              panels.query(q.taskRate('sent', queue, 'queue_name'), '{{queue_name}} sent'),
              panels.query(startRate('queue_name'), '{{queue_name}} started'),
            ],
            { unit: 'ops', legend: 'list' },
          ), 12, 9],
          [panels.graph(
            'Time to drain',
            'Length divided by the rate of starts: how long the backlog lasts if nothing more is sent. Nothing is shown while nothing starts.',
            [panels.query(
              '%s / (%s > 0)' % [length('queue_name'), startRate('queue_name')],
              '{{queue_name}}'
            )],
            { unit: 's' },
          ), 12, 9],
          [panels.graph(
            'Workers and processes',
            'Live workers that consume the queue, and the processes or threads of their pools.',
            [
              panels.query(q.sum(q.celery('active_worker_count', queue), 'queue_name'), '{{queue_name}} workers'),
              panels.query(q.sum(q.celery('active_process_count', queue), 'queue_name'), '{{queue_name}} processes'),
            ],
            { unit: 'short', decimals: 0, legend: 'list' },
          ), 12, 9],
          [panels.table(
            'Queues',
            'Every queue as it is now. No workers, in red: nobody consumes it.',
            [
              length('queue_name'),
              q.sum(q.celery('active_worker_count', queue), 'queue_name'),
              q.sum(q.celery('active_process_count', queue), 'queue_name'),
              q.quantile(0.95, 'task_queue_wait_time', queue, 'queue_name', '1h'),
              'time() - min by (queue_name) (%s)' % q.celery('queue_oldest_task_timestamp_seconds', queue),
            ],
            [
              { name: 'queue_name', title: 'Queue', links: [q.queueLink()] },
              { name: 'Value #A', title: 'Waiting', unit: 'short', decimals: 0, width: 90 },
              {
                name: 'Value #B',
                title: 'Workers',
                unit: 'none',
                width: 90,
                steps: [[null, 'red'], [1, 'green']],
              },
              { name: 'Value #C', title: 'Processes', unit: 'none', width: 100 },
              { name: 'Value #D', title: 'Wait p95, 1 h', unit: 's', width: 120 },
              { name: 'Value #E', title: 'Oldest', unit: 's', decimals: 0, width: 90 },
            ],
            'Waiting',
          ), 12, 9],
        ],
      },
    ],
  )
