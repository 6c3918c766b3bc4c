// Can the exporter see? If not, all other alerts are blind.
local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),
  local s = c.alerts,

  local make(name, expr, summary, description, area='exporter') =
    a.make(
      name,
      area,
      expr,
      summary,
      if c.instanceLabel == '' then description
      else std.strReplace(description, '$labels.instance', '$labels.' + c.instanceLabel),
      'exporter'
    ),

  // How far something bounded is used; a limit of 0 is none.
  local use(name, limit, by, matchers=[]) =
    'max by %s (%s / (%s > 0))'
    % [by, q.exporter(name, matchers), q.exporter(limit, matchers)],

  // Workers answer, so that there are some, and nothing comes of what they send.
  local stalled = |||
    time() - max by %(target)s (%(last)s) > %(threshold)s
    and on %(target)s max by %(target)s (%(broker)s) == 1
    and on %(target)s max by %(target)s (%(workers)s) > 0
    and on %(target)s (
      count by %(target)s (%(heartbeats)s)
      or sum by %(target)s (%(events)s) == 0
    )
  ||| % {
    target: q.target,
    last: q.exporter('last_event_timestamp_seconds'),
    threshold: q.number(s.CeleryEventStreamStalled.threshold),
    broker: q.exporter('broker_up'),
    workers: q.celery('active_worker_count'),
    heartbeats: q.celery('worker_last_heartbeat_timestamp_seconds'),
    events: q.exporter('events_total'),
  },

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-exporter',
      rules:
        make(
          'CeleryExporterDown',
          |||
            (
              %(up)s == 0
              and on %(target)s present_over_time(instance:celery_exporter:present[%(memory)s])
            )
            or (
              group by %(job)s (present_over_time(instance:celery_exporter:present[%(memory)s]))
              unless on %(job)s group by %(job)s (%(up)s)
            )
          ||| % {
            up: q.select('up', []),
            target: q.target,
            job: q.job,
            memory: s.CeleryExporterDown.memory,
          } + (if c.upSelector == '' then '' else |||
                 or %(up)s == 0
                 or absent(%(up)s)
               ||| % { up: 'up{%s}' % c.upSelector }),
          'The Celery exporter cannot be scraped.',
          a.where + ': {{ with $labels.instance }}the exporter {{ . }} does not answer{{ else }}no exporter is a target{{ end }}. Nothing is known of tasks, queues and workers.'
        )
        + make(
          'CeleryBrokerUnreachable',
          'max by %s (%s) == 0' % [q.target, q.exporter('broker_up')],
          'The Celery exporter has no connection to the broker.',
          a.where + ': the exporter {{ $labels.instance }} is not subscribed to the event stream. Workers and clients may have lost the broker too.'
        )
        + make(
          'CeleryEventStreamBlind',
          'sum by %s (increase(%s[%s])) > %s' % [
            q.target,
            q.exporter('blind_seconds_total'),
            s.CeleryEventStreamBlind.window,
            q.number(s.CeleryEventStreamBlind.threshold),
          ],
          'The Celery exporter was without the event stream for too long.',
          a.where + ': the exporter {{ $labels.instance }} could not see events for {{ $value | humanizeDuration }} of the last %s. What happened meanwhile is in no counter.' % s.CeleryEventStreamBlind.window
        )
        + make(
          'CeleryEventStreamStalled',
          stalled,
          'Celery workers answer, but no events arrive.',
          a.where + ': workers answer the exporter {{ $labels.instance }}, but their heartbeats and task events do not reach it. Task metrics stand still.'
        )
        // For Alertmanager: what is about tasks, queues and workers cannot be judged while
        // no exporter sees. One that is well is enough.
        + make(
          'CeleryUnwatched',
          |||
            group by %(job)s (present_over_time(instance:celery_exporter:present[%(memory)s]))
            unless on %(job)s (
              instance:celery_exporter:present
              unless on %(target)s max by %(target)s (%(broker)s) == 0
              unless on %(target)s (
                %(stalled)s
              )
            )
          ||| % {
            job: q.job,
            target: q.target,
            memory: s.CeleryExporterDown.memory,
            broker: q.exporter('broker_up'),
            stalled: std.rstripChars(q.nested(stalled, '    '), '\n '),
          },
          'No exporter sees this Celery.',
          a.where + ': no exporter answers, is subscribed and gets events. What is said of tasks, queues and workers is old.'
        )
        + make(
          'CeleryEventsRejected',
          'sum by %s (increase(%s[%s])) > %s' % [
            q.labels([c.instanceLabel, 'reason']),
            q.exporter('events_rejected_total'),
            s.CeleryEventsRejected.window,
            q.number(s.CeleryEventsRejected.threshold),
          ],
          'The Celery exporter cannot read some events.',
          a.where + ': the exporter {{ $labels.instance }} rejected {{ $value | printf "%%.0f" }} messages, events or fields in %s, reason {{ $labels.reason }}.' % s.CeleryEventsRejected.window
        )
        + make(
          'CeleryTasksMissed',
          q.sumGrown(q.target, q.exporter('missed_tasks_total'), s.CeleryTasksMissed.window)
          + ' > ' + q.number(s.CeleryTasksMissed.threshold),
          'The Celery exporter has not seen all tasks.',
          a.where + ': workers ran {{ $value | printf "%%.0f" }} tasks in %s whose events the exporter {{ $labels.instance }} did not see. Task counters are too low by that.' % s.CeleryTasksMissed.window
        )
        + make(
          'CeleryTasksForgotten',
          'sum by %s (increase(%s[%s])) > %s' % [
            q.target,
            q.exporter('evicted_tasks_total'),
            s.CeleryTasksForgotten.window,
            q.number(s.CeleryTasksForgotten.threshold),
          ],
          'The task table of the Celery exporter is full.',
          a.where + ': the exporter {{ $labels.instance }} forgot {{ $value | printf "%%.0f" }} tasks in %s to make room. Their later events have no name and no queue.' % s.CeleryTasksForgotten.window
        )
        + make(
          'CeleryPollFailing',
          |||
            max by %(labels)s (%(success)s) == 0
            and on %(target)s max by %(target)s (%(broker)s) == 1
            and on %(target)s max by %(target)s (%(workers)s) == 1
          ||| % {
            labels: q.labels([c.instanceLabel, 'source']),
            target: q.target,
            success: q.exporter('poll_success'),
            broker: q.exporter('broker_up'),
            workers: q.celery('worker_up'),
          },
          'The Celery exporter gets no answers about queues or workers.',
          a.where + ': the poll {{ $labels.source }} of the exporter {{ $labels.instance }} is not answered. Its figures are old or missing.'
        )
        + make(
          'CelerySeriesLimitNear',
          use('series', 'series_limit', q.target)
          + ' > ' + q.number(s.CelerySeriesLimitNear.threshold),
          'The Celery exporter has almost as many series as it may.',
          a.where + ': {{ $value | humanizePercentage }} of the series limit of the exporter {{ $labels.instance }} are used. Beyond it new tasks, hosts and queues share the label value __other__.'
        )
        + make(
          'CeleryLabelLimitNear',
          use('label_values', 'label_values_limit', q.labels([c.instanceLabel, 'label']))
          + ' > ' + q.number(s.CeleryLabelLimitNear.threshold),
          'A label of the Celery exporter has almost as many values as it may.',
          a.where + ': {{ $value | humanizePercentage }} of the values that the label {{ $labels.label }} may have on the exporter {{ $labels.instance }} are used. New ones beyond it become __other__.'
        )
        + make(
          'CeleryTableLimitNear',
          // That of senders keeps whoever was heard last, and is full sooner or later.
          use(
            'table_entries',
            'table_entries_limit',
            q.labels([c.instanceLabel, 'table']),
            [q.differs('table', 'senders')]
          )
          + ' > ' + q.number(s.CeleryTableLimitNear.threshold),
          'A table of the Celery exporter is almost full.',
          a.where + ': the table {{ $labels.table }} of the exporter {{ $labels.instance }} is filled to {{ $value | humanizePercentage }}.'
        )
        + make(
          'CelerySeriesOverflow',
          'sum by %s (increase(%s[%s])) > %s' % [
            q.labels([c.instanceLabel, 'label']),
            q.exporter('series_overflow_total'),
            s.CelerySeriesOverflow.window,
            q.number(s.CelerySeriesOverflow.threshold),
          ],
          'The Celery exporter sums up under __other__ what has no room.',
          a.where + ': in %s the exporter {{ $labels.instance }} put {{ $value | printf "%%.0f" }} new label sets under __other__, because of the limit of {{ $labels.label }}.' % s.CelerySeriesOverflow.window
        )
        + make(
          'CeleryBrokerCertificateExpiring',
          'min by %s (%s) - time() < %s' % [
            q.target,
            q.exporter('broker_tls_not_after_timestamp_seconds'),
            q.number(s.CeleryBrokerCertificateExpiring.threshold),
          ],
          'The certificate of the Celery broker expires soon.',
          a.where + ': the certificate that the broker shows to the exporter {{ $labels.instance }} {{ if gt $value 0.0 }}ends in {{ $value | humanizeDuration }}{{ else }}has expired{{ end }}.'
        ),
    }] + (
      // Of itself: it says that all goes well.
      if !s.CeleryWatchdog.enabled then [] else [{
        name: 'celery-watchdog',
        rules: make(
          'CeleryWatchdog',
          'count(instance:celery_exporter:present) > 0',
          'The alerts on Celery are evaluated and delivered.',
          'Celery: {{ $value }} exporter(s) are scraped. This alert fires all the time; what has to page is its absence.',
          'watchdog'
        ),
      }]
    ),
  },
}
