(import 'yaml.libsonnet')((import '../mixin.libsonnet').prometheusAlerts)
