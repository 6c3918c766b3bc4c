(import 'exporter.libsonnet') +
(import 'tasks.libsonnet') +
(import 'queues.libsonnet') +
(import 'workers.libsonnet') +
{ prometheusRules+:: { groups+: [] } }
