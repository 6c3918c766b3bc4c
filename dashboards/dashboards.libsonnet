// All dashboards, by the name of their file. Use it beside the mixin of alerts:
//   (import 'alerts-mixin/mixin.libsonnet') + (import 'dashboards/dashboards.libsonnet')
(import 'config.libsonnet') +
{
  grafanaDashboards+:: {
    'celery-overview.json': (import 'overview.libsonnet')($._config),
    'celery-task.json': (import 'task.libsonnet')($._config),
    'celery-queues.json': (import 'queues.libsonnet')($._config),
    'celery-workers.json': (import 'workers.libsonnet')($._config),
    'celery-exporter.json': (import 'exporter.libsonnet')($._config),
  },
}
