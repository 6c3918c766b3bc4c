// The basic alerts on the page of the Python exporter, which says nothing of
// itself.
local exporter = [['up{TARGET}', '1x120']];
local failed(exception) = 'celery_task_failed_total{TARGET,hostname="h",name="send",queue_name="celery",exception="%s"}' % exception;

[
  {
    alert: 'CeleryExporterDown',
    title: 'the page is an error',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x20 0x40'],
      ['celery_worker_up{TARGET,hostname="h"}', '1x20 stale'],
    ],
    quiet: ['20m'],
    pending: ['21m', '25m'],
    fires: ['26m', '60m'],
    ofTarget: true,
    labels: { area: 'exporter', severity: 'critical' },
    summary: 'The Celery exporter cannot be scraped.',
    description: 'the exporter TARGET does not answer. Nothing is known of tasks, queues and workers.',
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
    alert: 'CeleryQueueWithoutConsumers',
    ownExporter: true,
    broken: exporter + [
      ['celery_queue_length{TARGET,queue_name="celery"}', '0x20 4x100'],
      ['celery_active_worker_count{TARGET,queue_name="celery"}', '0x120'],
    ],
    quiet: ['20m'],
    pending: ['21m', '30m'],
    fires: ['31m'],
    labels: { area: 'queues', severity: 'critical', queue_name: 'celery' },
    summary: 'Tasks wait in a Celery queue that no worker consumes.',
    description: '4 tasks wait in the queue celery, and no worker consumes it.',
  },
  {
    alert: 'CeleryTaskFailures',
    ownExporter: true,
    broken: exporter + [
      ['celery_worker_up{TARGET,hostname="h"}', '1x120'],
      [failed(''), '0x120'],
      [failed('KeyError'), '_x21 11x100'],
    ],
    quiet: ['20m', '40m'],
    pending: ['21m'],
    fires: ['22m'],
    labels: { area: 'tasks', severity: 'warning', name: 'send' },
    summary: 'A Celery task fails too often.',
    description: 'send failed 11 times in 10m.',
  },
]
