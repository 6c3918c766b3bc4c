local group = import '../lib/group.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),

  prometheusRules+:: {
    groups+: group(c, 'celery-exporter.rules', [
      {
        // The exporters, ours and the Python one, as long as they are scraped.
        record: 'instance:celery_exporter:present',
        expr: |||
          group by %s (
            %s
            or %s
            or %s
          )
        ||| % [q.target, q.exporter('build_info'), q.celery('queue_length'), q.celery('worker_up')],
      },
      {
        record: 'instance:celery_exporter_start_time_seconds:max',
        expr: q.started,
      },
      {
        record: 'job:celery_exporter_events:rate' + c.rateWindow,
        expr: 'sum by %s (rate(%s[%s]))' % [q.job, q.exporter('events_total'), c.rateWindow],
      },
    ]),
  },
}
