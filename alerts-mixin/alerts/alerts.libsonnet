(import 'exporter.libsonnet') +
(import 'workers.libsonnet') +
(import 'queues.libsonnet') +
(import 'tasks.libsonnet') +
(import 'failures.libsonnet') +
(import 'slo.libsonnet')
