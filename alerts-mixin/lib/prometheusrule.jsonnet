// For the Prometheus Operator: alerts and recording rules in one object. The label
// is the one that kube-prometheus-stack selects on by default.
local mixin = import '../mixin.libsonnet';
local yaml = import 'yaml.libsonnet';

yaml({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: {
    name: 'celery-exporter',
    labels: {
      'app.kubernetes.io/name': 'celery-exporter',
      release: 'kube-prometheus-stack',
    },
  },
  spec: { groups: mixin.prometheusRules.groups + mixin.prometheusAlerts.groups },
})
