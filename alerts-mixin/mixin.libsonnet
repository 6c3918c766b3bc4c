(import 'config.libsonnet') +
(import 'checks.libsonnet') +
(import 'rules/rules.libsonnet') +
(import 'alerts/alerts.libsonnet')
