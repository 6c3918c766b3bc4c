local mixin = (import '../mixin.libsonnet') + {
  _config+:: { alerts+: { CeleryWatchdog+: { enabled: true } } },
};

(import 'yaml.libsonnet')({
  groups: std.filter(
    function(group) group.name == 'celery-watchdog',
    mixin.prometheusAlerts.groups
  ),
})
