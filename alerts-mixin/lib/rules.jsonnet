(import 'yaml.libsonnet')((import '../mixin.libsonnet').prometheusRules)
