// Other names: of metrics, jobs and labels, and links.
{
  config: {
    celerySelector: 'team="a"',
    upSelector: 'job="tasks"',
    metricPrefix: 'app_',
    clusterLabel: 'k8s_cluster',
    namespaceLabel: '',
    extraLabels: ['broker'],
    ignoredQueues: 'tmp-.*',
    ignoredTasks: 'debug[.].*',
    runbookURLPattern: 'https://wiki.example/%s',
    grafanaUrl: 'https://grafana.example',
    alertLabels: { owner: 'payments' },
    alerts+: {
      CeleryTaskFailures+: { threshold: 0, severity: 'critical', 'for': '0m', keepFiringFor: '5m' },
      CeleryQueueBacklog+: { threshold: 1, 'for': '0m' },
      CeleryWorkerLost+: { enabled: false },
    },
  },

  tests: [
    {
      name: 'each broker for itself, and what is ignored is ignored',
      interval: '1m',
      local target(broker) = 'team="a",job="tasks",instance="i",k8s_cluster="eu",broker="%s"' % broker,
      input_series: [
        { series: 'celery_exporter_build_info{%s}' % target('one'), values: '1x60' },
        { series: 'celery_exporter_build_info{%s}' % target('two'), values: '1x60' },
        { series: 'app_queue_length{%s,queue_name="emails"}' % target('one'), values: '2x60' },
        { series: 'app_queue_length{%s,queue_name="emails"}' % target('two'), values: '1x60' },
        { series: 'app_queue_length{%s,queue_name="tmp-1"}' % target('two'), values: '2x60' },
        { series: 'app_queue_length{team="b",job="tasks",instance="i",queue_name="emails"}', values: '2x60' },
        { series: 'celery_queue_length{%s,queue_name="emails"}' % target('two'), values: '2x60' },
        { series: 'app_task_failed_total{%s,name="send",exception="E"}' % target('two'), values: '0x10 1x50' },
        { series: 'app_task_failed_total{%s,name="debug.send",exception="E"}' % target('two'), values: '0x10 1x50' },
        { series: 'app_worker_lost_total{%s,hostname="h"}' % target('two'), values: '0x10 1x50' },
      ],
      alert_rule_test: [
        {
          eval_time: '12m',
          alertname: 'CeleryQueueBacklog',
          exp_alerts: [{
            exp_labels: {
              area: 'queues',
              broker: 'one',
              job: 'tasks',
              k8s_cluster: 'eu',
              owner: 'payments',
              queue_name: 'emails',
              severity: 'warning',
            },
            exp_annotations: {
              summary: 'A Celery queue is long.',
              description: 'Celery tasks of cluster eu: 2 tasks wait in the queue emails.',
              runbook_url: 'https://wiki.example/CeleryQueueBacklog',
              dashboard_url: 'https://grafana.example/d/celery-queues',
            },
          }],
        },
        {
          eval_time: '12m',
          alertname: 'CeleryTaskFailures',
          exp_alerts: [{
            exp_labels: {
              area: 'tasks',
              broker: 'two',
              job: 'tasks',
              k8s_cluster: 'eu',
              name: 'send',
              owner: 'payments',
              severity: 'critical',
            },
            exp_annotations: {
              summary: 'A Celery task fails too often.',
              description: 'Celery tasks of cluster eu: send failed 1 times in 10m.',
              runbook_url: 'https://wiki.example/CeleryTaskFailures',
              dashboard_url: 'https://grafana.example/d/celery-task',
            },
          }],
        },
        { eval_time: '12m', alertname: 'CeleryWorkerLost', exp_alerts: [] },
      ],
    },
    {
      name: 'an exporter that was never there',
      interval: '1m',
      input_series: [{ series: 'up{job="node"}', values: '0x60' }],
      alert_rule_test: [
        { eval_time: '4m', alertname: 'CeleryExporterDown', exp_alerts: [] },
        {
          eval_time: '6m',
          alertname: 'CeleryExporterDown',
          exp_alerts: [{
            exp_labels: { area: 'exporter', job: 'tasks', owner: 'payments', severity: 'critical' },
            exp_annotations: {
              summary: 'The Celery exporter cannot be scraped.',
              description: 'Celery tasks: no exporter is a target. Nothing is known of tasks, queues and workers.',
              runbook_url: 'https://wiki.example/CeleryExporterDown',
              dashboard_url: 'https://grafana.example/d/celery-exporter',
            },
          }],
        },
      ],
    },
  ],
}
