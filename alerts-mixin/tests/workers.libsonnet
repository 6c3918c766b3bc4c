local warning = { area: 'workers', severity: 'warning' };
local critical = { area: 'workers', severity: 'critical' };
local down = {
  alert: 'CeleryAllWorkersDown',
  labels: critical,
  summary: 'All Celery workers are down.',
  description: 'no worker is alive. Tasks wait, and nothing runs.',
};
local lost = {
  alert: 'CeleryWorkerLost',
  labels: warning { hostname: 'h1' },
  summary: 'A Celery worker disappeared without saying goodbye.',
};

[
  // Killed: they are down after the exporter's timeout, and purged five minutes
  // later. The queue remembers that it should have workers.
  down {
    title: 'killed, then purged, until one comes back',
    broken: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x10 0x4 stale'],
      ['celery_worker_up{TARGET,hostname="h2"}', '1x10 0x4 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x10 1x4 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h2"}', '0x10 1x4 stale'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '2x10 0x89 1x20'],
      ['celery_worker_up{TARGET,hostname="h3"}', '_x101 1x20'],
    ],
    // One of two lives.
    other: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x120'],
      ['celery_worker_up{TARGET,hostname="h2"}', '1x10 0x4 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h2"}', '0x10 1x4 stale'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '2x10 1x110'],
    ],
    quiet: ['10m', '101m', '110m'],
    pending: ['11m'],
    fires: ['12m', '16m', '20m', '30m', '45m', '60m', '100m'],
  },
  down {
    title: 'killed, with nothing else on the page',
    broken: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x10 0x4 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x10 1x4 stale'],
    ],
    quiet: ['10m'],
    fires: ['12m', '15m', '22m', '60m', '120m'],
  },
  // Both workers say goodbye, the next two come eight minutes later.
  down {
    title: 'a deploy stops all and starts others',
    broken: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x30 0x9 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x60'],
      ['celery_worker_up{TARGET,hostname="h2"}', '_x39 1x60'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '2x30 0x7 2x60'],
    ],
    quiet: ['30m', '32m', '36m', '38m', '39m', '45m', '60m'],
  },
  // After a crash that is over, stopping in good order is still no crash.
  down {
    title: 'a deploy soon after a crash',
    broken: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x10 0x4 1x20 0x8 1x30'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x10 1x100'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x10 0x4 1x20 0x8 1x30'],
    ],
    quiet: ['10m', '17m', '35m', '38m', '40m', '44m', '50m'],
    pending: ['11m'],
    fires: ['12m', '15m'],
  },
  // The count of the lost begins again, and is no smaller loss for it.
  down {
    title: 'a deploy soon after the exporter was restarted',
    broken: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x30 0x8 1x60'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '3x25 0x100'],
    ],
    quiet: ['30m', '32m', '36m', '39m', '45m', '60m'],
  },
  down {
    title: 'all stopped and none came back',
    broken: [
      ['celery_worker_up{TARGET,hostname="h1"}', '1x30 0x9 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x39 stale'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '2x30 0x100'],
    ],
    quiet: ['30m', '39m'],
    fires: ['42m', '60m', '120m'],
  },
  down {
    title: 'the exporter was restarted and knows of nobody',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x120'],
      ['celery_exporter_build_info{TARGET,version="1"}', '1x30 _x1 1x120'],
      ['celery_exporter_broker_up{TARGET}', '1x30 _x1 1x120'],
      ['celery_worker_up{TARGET,hostname="h1"}', '1x30 stale'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x30 stale'],
    ],
    quiet: ['30m', '39m'],
    fires: ['42m', '60m'],
  },
  down {
    title: 'an exporter that was restarted without a broker cannot know',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x120'],
      ['celery_exporter_build_info{TARGET,version="1"}', '1x120'],
      ['celery_exporter_broker_up{TARGET}', '1x10 0x60'],
      ['celery_worker_up{TARGET,hostname="h1"}', '1x10 stale'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x10 stale'],
    ],
    quiet: ['10m', '12m', '30m', '60m'],
  },
  down {
    title: 'already when the broker went',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x120'],
      ['celery_exporter_build_info{TARGET,version="1"}', '1x120'],
      ['celery_exporter_broker_up{TARGET}', '1x20 0x60'],
      ['celery_worker_up{TARGET,hostname="h1"}', '1x10 0x100'],
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x10 1x100'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '1x10 0x100'],
    ],
    quiet: ['10m'],
    pending: ['11m'],
    fires: ['12m', '20m', '22m', '60m'],
  },
  lost {
    broken: [
      ['celery_worker_lost_total{TARGET,hostname="h1"}', '0x10 1x4 stale'],
      ['celery_worker_lost_total{TARGET,hostname="h2"}', '0x60'],
    ],
    other: [['celery_worker_lost_total{TARGET,hostname="h1"}', '0x60']],
    quiet: ['10m', '40m'],
    pending: ['11m'],
    fires: ['12m', '20m'],
    description: 'the host h1 lost 1 worker(s) in 15m: they fell silent without saying goodbye. What they were running is lost or will run again.',
  },
  lost {
    title: 'lost before the first scrape that shows it',
    broken: [['celery_worker_lost_total{TARGET,hostname="h1"}', '_x21 2x60']],
    quiet: ['20m', '60m'],
    pending: ['21m'],
    fires: ['22m'],
    description: 'the host h1 lost 2 worker(s) in 15m: they fell silent without saying goodbye. What they were running is lost or will run again.',
  },
  {
    alert: 'CeleryWorkerEventsDisabled',
    broken: [
      ['celery_worker_task_events_enabled{TARGET,hostname="h1",worker="w1@h1"}', '1x10 0x20 1x20'],
      ['celery_worker_task_events_enabled{TARGET,hostname="h1",worker="w2@h1"}', '1x50'],
    ],
    other: [['celery_worker_task_events_enabled{TARGET,hostname="h1",worker="w1@h1"}', '1x50']],
    quiet: ['10m', '32m'],
    pending: ['11m', '20m'],
    fires: ['21m', '31m'],
    labels: warning { worker: 'w1@h1' },
    summary: 'A Celery worker runs tasks without sending events.',
    description: 'the worker w1@h1 runs tasks, but lacks -E. Its tasks are in no metric and no alert.',
  },
  {
    alert: 'CeleryWorkersSaturated',
    broken: [
      ['celery_worker_tasks_active{TARGET,hostname="h1"}', '19x10 20x60 3x20'],
      ['celery_worker_pool_size{TARGET,hostname="h1",worker="w1@h1"}', '10x120'],
      ['celery_worker_pool_size{TARGET,hostname="h1",worker="w2@h1"}', '10x120'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '7x120'],
    ],
    // Busy, and nothing waits.
    other: [
      ['celery_worker_tasks_active{TARGET,hostname="h1"}', '20x120'],
      ['celery_worker_pool_size{TARGET,hostname="h1",worker="w1@h1"}', '20x120'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '0x120'],
    ],
    // Nobody has said how many there may be.
    idle: [
      ['celery_worker_tasks_active{TARGET,hostname="h1"}', '0x120'],
      ['celery_worker_pool_size{TARGET,hostname="h1",worker="w1@h1"}', '0x120'],
      ['celery_queue_length{TARGET,queue_name="celery"}', '7x120'],
    ],
    quiet: ['10m', '72m'],
    pending: ['11m', '40m'],
    fires: ['41m', '71m'],
    labels: warning,
    summary: 'All Celery workers are busy and tasks wait.',
    description: '100% of all places in the pools are taken while tasks wait.',
  },
]
