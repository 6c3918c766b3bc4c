local warning = { area: 'queues', severity: 'warning', queue_name: 'emails' };
local critical = warning { severity: 'critical' };

// Waits of tasks: each minute as many as told wait for 60 to 120 and for 300 to
// 600 seconds.
local waits(short, long, minutes) = [
  [
    'celery_task_queue_wait_time_bucket{TARGET,hostname="h",name="send",queue_name="emails",le="%s"}' % each[0],
    '0+%dx%d' % [each[1], minutes],
  ]
  for each in [['60.0', 0], ['120.0', short], ['300.0', short], ['600.0', short + long], ['+Inf', short + long]]
];

[
  {
    alert: 'CeleryQueueWithoutConsumers',
    broken: [
      ['celery_queue_length{TARGET,queue_name="emails"}', '0x5 3x60'],
      ['celery_active_worker_count{TARGET,queue_name="emails"}', '1x10 0x20 1x30'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '3x60'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x60'],
    ],
    other: [
      ['celery_queue_length{TARGET,queue_name="emails"}', '3x60'],
      ['celery_active_worker_count{TARGET,queue_name="emails"}', '0x60'],
      // RabbitMQ knows a consumer that is no Celery worker.
      ['celery_active_consumer_count{TARGET,queue_name="emails"}', '1x60'],
      ['celery_queue_length{TARGET,queue_name="celery_delayed_7"}', '3x60'],
      ['celery_active_worker_count{TARGET,queue_name="celery_delayed_7"}', '0x60'],
    ],
    idle: [
      ['celery_queue_length{TARGET,queue_name="emails"}', '0x60'],
      ['celery_active_worker_count{TARGET,queue_name="emails"}', '0x60'],
    ],
    quiet: ['10m', '32m'],
    pending: ['11m', '20m'],
    fires: ['21m', '31m'],
    labels: critical,
    summary: 'Tasks wait in a Celery queue that no worker consumes.',
    description: '3 tasks wait in the queue emails, and no worker consumes it.',
  },
  {
    alert: 'CeleryQueueBacklog',
    broken: [
      ['celery_queue_length{TARGET,queue_name="emails"}', '1000x10 1001x30 0x20'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '1000x60'],
    ],
    other: [['celery_queue_length{TARGET,queue_name="emails"}', '1000x60']],
    quiet: ['10m', '42m'],
    pending: ['11m', '25m'],
    fires: ['26m', '41m'],
    labels: warning,
    summary: 'A Celery queue is long.',
    description: '1001 tasks wait in the queue emails.',
  },
  {
    alert: 'CeleryQueueWaitTimeHigh',
    title: 'above the limit, and traffic that ends',
    // p95 is 585 s.
    broken: waits(0, 100, 40),
    // p95 is 120 s.
    other: waits(95, 5, 60),
    idle: waits(0, 0, 60),
    quiet: ['0m', '60m'],
    pending: ['5m'],
    fires: ['15m', '40m'],
    labels: warning,
    summary: 'Tasks wait too long in a Celery queue.',
    description: '5% of the tasks of the queue emails waited longer than 9m 45s for their start.',
  },
  {
    alert: 'CeleryQueueWaitTimeHigh',
    title: 'at the limit',
    // All within 120 to 300: p95 of (0, 100) at the bound of 300 s is below it; with
    // everything at the bound it would be 300.
    broken: [
      ['celery_task_queue_wait_time_bucket{TARGET,hostname="h",name="send",queue_name="emails",le="300.0"}', '0+95x60'],
      ['celery_task_queue_wait_time_bucket{TARGET,hostname="h",name="send",queue_name="emails",le="600.0"}', '0+100x60'],
      ['celery_task_queue_wait_time_bucket{TARGET,hostname="h",name="send",queue_name="emails",le="+Inf"}', '0+100x60'],
    ],
    quiet: ['5m', '20m', '40m'],
  },
  {
    alert: 'CeleryQueueOldestTask',
    // Sent at 600 s, taken after 45 minutes.
    broken: [['celery_queue_oldest_task_timestamp_seconds{TARGET,queue_name="emails"}', '_x10 600x45 stale']],
    other: [['celery_queue_oldest_task_timestamp_seconds{TARGET,queue_name="emails"}', '0+60x60']],
    quiet: ['30m', '40m', '57m'],
    pending: ['41m', '45m'],
    fires: [{ time: '46m', alerts: [{ description: 'the oldest task of the queue emails has waited for 36m 0s.' }] }],
    labels: warning,
    summary: 'A task has waited too long in a Celery queue.',
  },
  {
    alert: 'CeleryQueueNotDraining',
    title: 'grows',
    broken: [['celery_queue_length{TARGET,queue_name="emails"}', '0x20 20x24 21+4x15 81x30 0x60']],
    // It shrinks; at the threshold it grows, but not beyond for long enough.
    other: [
      ['celery_queue_length{TARGET,queue_name="emails"}', '900-5x120'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '10x60 10+1x20 0x60'],
      // A ripple around a length that stays.
      ['celery_queue_length{TARGET,queue_name="ripple"}', '40 42 45 47 50 48 45 42 40 41 44 47 50 49 46 43 40 42 45 47 50 48 45 42 40 41 44 47 50 49 46 43 40 42 45 47 50 48 45 42 40 41 44 47 50 49 46 43 40 42 45 47 50 48 45 42 40 41 44 47 50 49 46 43 40 42 45 47 50 48 45 42 40 41 44 47 50 49 46 43 40 42 45 47 50 48 45 42 40 41 44 47 50 49 46 43'],
    ],
    idle: [['celery_queue_length{TARGET,queue_name="emails"}', '0x120']],
    quiet: ['20m', '49m', '93m'],
    pending: ['54m', '64m'],
    fires: [{ time: '72m', alerts: [{
      description: 'the queue emails grows or stands still, and held no fewer than 20 tasks for 30m.',
    }] }],
    labels: warning,
    summary: 'A Celery queue does not drain.',
  },
  {
    alert: 'CeleryQueueNotDraining',
    title: 'stands still',
    broken: [['celery_queue_length{TARGET,queue_name="emails"}', '10x30 11x60 10x60']],
    other: [['celery_queue_length{TARGET,queue_name="emails"}', '10x120']],
    quiet: ['30m', '59m', '92m'],
    pending: ['62m', '74m'],
    fires: ['76m', '91m'],
    labels: warning,
    summary: 'A Celery queue does not drain.',
    description: 'the queue emails grows or stands still, and held no fewer than 11 tasks for 30m.',
  },
  {
    alert: 'CeleryUnackedTaskOld',
    broken: [['celery_broker_oldest_unacked_timestamp_seconds{TARGET}', '0x55 3400x20']],
    other: [['celery_broker_oldest_unacked_timestamp_seconds{TARGET}', '0+60x80']],
    quiet: ['10m', '48m', '57m'],
    pending: ['49m', '53m'],
    fires: ['54m'],
    labels: { area: 'queues', severity: 'warning' },
    summary: 'A Celery task is close to the visibility timeout of Redis.',
    description: 'a worker has held a task for 54m 0s without acknowledging it. After the visibility timeout it is delivered, and run, once more.',
  },
]
