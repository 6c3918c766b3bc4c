// Capacity: who is alive, how busy, and how healthy.
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';

function(config)
  local q = (import 'lib/queries.libsonnet')(config);
  local host = 'hostname=~"$worker"';
  local by(metric) = q.sum(q.celery(metric, host), 'worker');

  local eventsMapping = [{
    type: 'value',
    options: {
      '0': { text: 'off', color: 'red', index: 0 },
      '1': { text: 'on', color: 'green', index: 1 },
    },
  }];
  local upMapping = [{
    type: 'value',
    options: {
      '0': { text: 'down', color: 'red', index: 0 },
      '1': { text: 'up', color: 'green', index: 1 },
    },
  }];

  dashboard.new(
    config,
    'workers',
    'Workers',
    'Who is alive, how busy the pools are, and whether a worker misbehaves.',
    [
      dashboard.variable(
        'worker',
        'Worker host',
        'label_values(%s, hostname)' % q.celery('worker_up'),
      ),
    ],
    [
      {
        title: null,
        panels: [
          [panels.stat(
            'Hosts up',
            'Hosts on which at least one worker is alive.',
            q.sum(q.celery('worker_up', host)),
            'none',
            [[null, 'red'], [1, 'green']],
          ), 4, 4],
          [panels.stat(
            'Hosts down',
            'Hosts whose workers stopped or fell silent, and that are not forgotten yet (--purge-offline-worker-metrics).',
            'count(%s == 0) or vector(0)' % q.celery('worker_up', host),
            'none',
            [[null, 'green'], [1, 'yellow']],
          ), 4, 4],
          [panels.stat(
            'Lost',
            'Workers that fell silent without a goodbye, in the time shown. A worker that is stopped in an orderly way is not lost.',
            q.sum(q.increase(q.celery('worker_lost_total', host))),
            'short',
            [[null, 'green'], [0.5, 'red']],
            decimals=0,
            links=q.runbooks('CeleryWorkerLost'),
          ), 4, 4],
          [panels.stat(
            'Busy slots',
            'Of the tasks that all pools can run at once, how many are running.',
            '%s / (%s > 0)' % [
              q.sum(q.celery('worker_tasks_active', host)),
              q.sum(q.celery('worker_pool_size', host)),
            ],
            'percentunit',
            [[null, 'green'], [0.8, 'yellow'], [0.95, 'red']],
            decimals=0,
            sparkline=true,
            links=q.runbooks('CeleryWorkersSaturated'),
          ), 4, 4],
          [panels.stat(
            'Events off',
            'Workers that process tasks and send no task events: they lack -E, and their tasks are counted nowhere.',
            'count(%s == 0) or vector(0)' % q.celery('worker_task_events_enabled', host),
            'none',
            [[null, 'green'], [1, 'red']],
            links=q.runbooks('CeleryWorkerEventsDisabled'),
          ), 4, 4],
          [panels.stat(
            'Missed tasks',
            'Tasks that workers say they started and whose start the exporter never saw, in the time shown.',
            q.sum(q.increase(q.exporter('missed_tasks_total', host))),
            'short',
            [[null, 'green'], [0.5, 'red']],
            decimals=0,
            links=q.runbooks('CeleryTasksMissed'),
          ), 4, 4],
        ],
      },
      {
        title: 'Capacity',
        panels: [
          [panels.graph(
            'Busy slots by host',
            'Tasks being executed on each host.',
            [panels.query(q.sum(q.celery('worker_tasks_active', host), 'hostname'), '{{hostname}}')],
            { unit: 'short', stack: true, decimals: 0 },
          ), 12, 9],
          [panels.graph(
            'Use of the pool by host',
            'Running tasks over the size of the pools. A host at 100 % lets tasks wait.',
            [panels.query(
              '%s / (%s > 0)' % [
                q.sum(q.celery('worker_tasks_active', host), 'hostname'),
                q.sum(q.celery('worker_pool_size', host), 'hostname'),
              ],
              '{{hostname}}'
            )],
            { unit: 'percentunit', thresholdAt: 0.95 },
          ), 12, 9],
          [panels.graph(
            'Tasks processed',
            'Tasks that each worker says it started, a second, whether or not their events arrived.',
            [panels.query(q.sum(q.rate(q.celery('worker_processed_total', host)), 'worker'), '{{worker}}')],
            { unit: 'ops' },
          ), 12, 9],
          [panels.graph(
            'Held by workers',
            'Tasks that a worker has taken from its queues and not started: reserved ones next in turn, scheduled ones until their ETA.',
            [
              panels.query(by('worker_reserved_tasks'), '{{worker}} reserved'),
              panels.query(by('worker_scheduled_tasks'), '{{worker}} scheduled'),
            ],
            { unit: 'short', decimals: 0, legend: 'list' },
          ), 12, 9],
        ],
      },
      {
        title: 'Health',
        panels: [
          [panels.graph(
            'Failures by host',
            'Tasks that failed, a minute, by host: one bad host stands out.',
            [panels.query('60 * %s' % q.sum(q.rate(q.celery('task_failed_total', host)), 'hostname'), '{{hostname}}')],
            { unit: 'opm', shades: 'red' },
          ), 8, 9],
          [panels.graph(
            'Since the last heartbeat',
            'Seconds since each worker was heard. Two by default; a solo pool is silent while it works.',
            [panels.query(
              'time() - max by (worker) (%s)' % q.celery('worker_last_heartbeat_timestamp_seconds', host),
              '{{worker}}'
            )],
            { unit: 's' },
          ), 8, 9],
          [panels.graph(
            'Load (1 minute)',
            'Load average of the machine, as its workers tell.',
            [panels.query('max by (hostname) (%s)' % q.celery('worker_load1', host), '{{hostname}}')],
            { unit: 'short' },
          ), 8, 9],
          [panels.graph(
            'Peak memory of main processes',
            'The most resident memory that the main process of each worker has had. Pool processes are not in it.',
            [panels.query(by('worker_resident_memory_max_bytes'), '{{worker}}')],
            { unit: 'bytes' },
          ), 8, 9],
          [panels.graph(
            'Prefetch limit',
            'Messages that each worker takes before it acknowledges any; 0 is no limit.',
            [panels.query(by('worker_prefetch_limit'), '{{worker}}')],
            { unit: 'short', decimals: 0 },
          ), 8, 9],
          [panels.graph(
            'Missed tasks',
            'Tasks a minute that a worker started and whose start the exporter never saw.',
            [panels.query(
              '60 * %s' % q.sum(q.rate(q.exporter('missed_tasks_total', host)), 'worker'),
              '{{worker}}'
            )],
            { unit: 'opm', softMax: 1 },
          ), 8, 9],
        ],
      },
      {
        title: 'Workers',
        panels: [
          [panels.table(
            'Workers',
            'Every worker that is known: software, pool, and what it says of itself.',
            [
              'max by (hostname, worker, sw_ident, sw_ver, pool) (%s)' % q.celery('worker_info', host),
              'max by (hostname, worker) (%s)' % q.celery('worker_pool_size', host),
              'time() - max by (hostname, worker) (%s)' % q.celery('worker_start_time_seconds', host),
              'time() - max by (hostname, worker) (%s)' % q.celery('worker_last_heartbeat_timestamp_seconds', host),
              'min by (hostname, worker) (%s)' % q.celery('worker_task_events_enabled', host),
            ],
            [
              { name: 'worker', title: 'Worker' },
              { name: 'hostname', title: 'Host', links: [q.workerLink()] },
              { name: 'sw_ident', title: 'Software', width: 110 },
              { name: 'sw_ver', title: 'Version', width: 90 },
              { name: 'pool', title: 'Pool', width: 90 },
              { name: 'Value #B', title: 'Slots', unit: 'none', width: 80 },
              { name: 'Value #C', title: 'Running for', unit: 's', decimals: 0, width: 120 },
              {
                name: 'Value #D',
                title: 'Heard',
                unit: 's',
                decimals: 0,
                width: 90,
                steps: [[null, 'green'], [60, 'yellow'], [300, 'red']],
              },
              {
                name: 'Value #E',
                title: 'Task events',
                unit: 'none',
                width: 110,
                mappings: eventsMapping,
              },
            ],
            'Worker',
            ['Value #A'],
          ), 16, 9],
          [panels.table(
            'Hosts',
            'Whether a host has a live worker, and how many it has lost.',
            [
              'max by (hostname) (%s)' % q.celery('worker_up', host),
              q.sum(q.increase(q.celery('worker_lost_total', host)), 'hostname'),
            ],
            [
              { name: 'hostname', title: 'Host', links: [q.workerLink()] },
              { name: 'Value #A', title: 'State', unit: 'none', width: 90, mappings: upMapping },
              { name: 'Value #B', title: 'Lost', unit: 'short', decimals: 0, width: 90 },
            ],
            'Host',
          ), 8, 9],
        ],
      },
    ],
  )
