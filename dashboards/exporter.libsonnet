// Who watches the watchman: what the exporter sees, and what it costs.
local dashboard = import 'lib/dashboard.libsonnet';
local panels = import 'lib/panels.libsonnet';

function(config)
  local q = (import 'lib/queries.libsonnet')(config);
  local perMinute(metric, by) =
    '60 * %s' % q.sum(q.rate(q.exporter(metric)), by);
  local used(use, limit) =
    'max(%s / %s)' % [q.exporter(use), q.exporter(limit)];

  dashboard.new(
    config,
    'exporter',
    'Exporter',
    'Whether the numbers can be trusted, and what the exporter costs.',
    [],
    [
      {
        title: null,
        panels: [
          [panels.stat(
            'Event stream',
            'Whether every exporter is subscribed to the events of its broker. BLIND: one is not. GONE: Prometheus does not reach one that was there within 6 hours, or there is none.',
            q.sight,
            'none',
            [[null, 'red'], [1, 'green']],
            panels.sightMappings,
            links=q.runbooks('CeleryBrokerUnreachable'),
          ), 4, 4],
          [panels.stat(
            'Blind',
            'Time without a subscription, in the time shown: events of it were not seen.',
            q.sum(q.increase(q.exporter('blind_seconds_total'))),
            's',
            [[null, 'green'], [1, 'yellow'], [60, 'red']],
            decimals=0,
          ), 4, 4],
          [panels.stat(
            'Missed tasks',
            'Tasks that workers say they started and whose start was never seen, in the time shown.',
            q.sum(q.increase(q.exporter('missed_tasks_total'))),
            'short',
            [[null, 'green'], [0.5, 'red']],
            decimals=0,
            links=q.runbooks('CeleryTasksMissed'),
          ), 4, 4],
          [panels.stat(
            'Refused',
            'Messages, events and fields that could not be used, in the time shown.',
            q.sum(q.increase(q.exporter('events_rejected_total'))),
            'short',
            [[null, 'green'], [0.5, 'red']],
            decimals=0,
            links=q.runbooks('CeleryEventsRejected'),
          ), 4, 4],
          [panels.stat(
            'Room for samples',
            'How much of --max-series is used. When it is full, new label sets go to __other__.',
            used('series', 'series_limit'),
            'percentunit',
            [[null, 'green'], [0.8, 'yellow'], [0.95, 'red']],
            decimals=1,
            links=q.runbooks('CelerySeriesLimitNear'),
          ), 4, 4],
          [panels.stat(
            'Room for tasks',
            'How much of --max-tracked-tasks is used. When it is full, the least recent tasks lose their names.',
            used('tracked_tasks', 'tracked_tasks_limit'),
            'percentunit',
            [[null, 'green'], [0.8, 'yellow'], [0.95, 'red']],
            decimals=1,
          ), 4, 4],
        ],
      },
      {
        title: 'What arrives',
        panels: [
          [panels.graph(
            'Events',
            'Events received a second, by type. Custom types are other.',
            [panels.query(q.sum(q.rate(q.exporter('events_total')), 'event') + ' > 0', '{{event}}')],
            { unit: 'ops', legend: 'list' },
          ), 12, 9],
          [panels.graph(
            'Delay of events',
            'From the time stamp of an event, by the clock of its sender, to its receipt.',
            [
              panels.query(
                'histogram_quantile(%g, sum by (le) (%s))' % [
                  quantile[0],
                  q.rate(q.exporter('event_delay_seconds_bucket')),
                ],
                quantile[1]
              )
              for quantile in [[0.5, 'p50'], [0.99, 'p99']]
            ],
            { unit: 's' },
          ), 12, 9],
          [panels.graph(
            'Bytes',
            'Bytes of the messages of the event stream, a second.',
            [panels.query(q.sum(q.rate(q.exporter('received_bytes_total')), 'instance'), '{{instance}}')],
            { unit: 'Bps' },
          ), 8, 8],
          [panels.graph(
            'Refused and repeated',
            'Events a minute that could not be used, by reason, and those that arrived twice and were counted once.',
            [
              panels.query(perMinute('events_rejected_total', 'reason') + ' > 0', '{{reason}}'),
              panels.query('60 * ' + q.sum(q.rate(q.exporter('events_duplicate_total'))), 'repeated'),
            ],
            { unit: 'opm', softMax: 1 },
          ), 8, 8],
          [panels.graph(
            'Missed tasks',
            'Tasks a minute that a worker started and whose start was never seen.',
            [panels.query(perMinute('missed_tasks_total', 'worker'), '{{worker}}')],
            { unit: 'opm', softMax: 1, legend: 'list' },
          ), 8, 8],
        ],
      },
      {
        title: 'Broker and polls',
        panels: [
          [panels.graph(
            'Subscriptions that ended, and failed attempts',
            'By reason: docs/reliability.md of the exporter says what each means. Empty is good.',
            [
              panels.query(
                q.sum(q.increase(q.exporter('broker_disconnects_total'), '$__rate_interval'), 'reason') + ' > 0',
                'lost: {{reason}}'
              ),
              panels.query(
                q.sum(q.increase(q.exporter('broker_connect_errors_total'), '$__rate_interval'), 'reason') + ' > 0',
                'failed: {{reason}}'
              ),
            ],
            { unit: 'short' },
          ), 8, 8],
          [panels.graph(
            'Age of what was asked',
            'How old the answers of workers and broker are, by what was asked. registered and bindings are asked at every twentieth poll only; others older than a minute: nobody answers, or the account may not ask.',
            [panels.query(
              'time() - min by (source) (%s)' % q.exporter('poll_timestamp_seconds'),
              '{{source}}'
            )],
            { unit: 's', legend: 'list' },
          ), 8, 8],
          [panels.graph(
            'Time that polls take',
            'Until every live worker had answered, or a second had passed.',
            [panels.query('max by (source) (%s)' % q.exporter('poll_duration_seconds'), '{{source}}')],
            { unit: 's', legend: 'list' },
          ), 8, 8],
          [panels.table(
            'Polls',
            'Whether the last poll of each source was answered. A red one: see the log of the exporter.',
            [
              'min by (source) (%s)' % q.exporter('poll_success'),
              'max by (source) (%s)' % q.exporter('poll_duration_seconds'),
            ],
            [
              { name: 'source', title: 'Source' },
              {
                name: 'Value #A',
                title: 'Answered',
                unit: 'none',
                width: 110,
                mappings: [{
                  type: 'value',
                  options: {
                    '0': { text: 'no', color: 'red', index: 0 },
                    '1': { text: 'yes', color: 'green', index: 1 },
                  },
                }],
              },
              { name: 'Value #B', title: 'Took', unit: 's', width: 110 },
            ],
            'Source',
          ), 9, 10],
          [panels.table(
            'Exporters',
            'Version of each exporter, and when the certificate of its broker ends (with TLS).',
            [
              'max by (%s, version) (%s)' % [q.target, q.exporter('build_info')],
              'time() - max by (%s) (%s)' % [q.target, q.process('start_time_seconds')],
              'max by (%s) (%s) - time()' % [q.target, q.exporter('broker_tls_not_after_timestamp_seconds')],
            ],
            [
              { name: config.instanceLabel, title: 'Instance' },
              { name: config.jobLabel, title: 'Job' },
            ] + [
              { name: v.label, title: v.title }
              for v in q.scope
              if v.name != 'job' && v.name != 'instance'
            ] + [
              { name: 'version', title: 'Version', width: 90 },
              { name: 'Value #B', title: 'Running for', unit: 's', decimals: 0, width: 120 },
              { name: 'Value #C', title: 'TLS ends in', unit: 's', decimals: 0, width: 110 },
            ],
            'Instance',
            ['Value #A'],
          ), 15, 10],
        ],
      },
      {
        title: 'Bounds and costs',
        panels: [
          [panels.graph(
            'Samples on the page',
            'Samples that a scrape gets. Room for samples, above, says how many it may get.',
            [
              panels.query('max by (instance) (%s)' % q.exporter('series'), '{{instance}}'),
            ],
            { unit: 'short' },
          ), 8, 8],
          [panels.graph(
            'Label values in use',
            'How much of the cap of each label is used. Beyond it new values go to __other__.',
            [panels.query(
              'max by (label) (%s / (%s > 0))' % [
                q.exporter('label_values'),
                q.exporter('label_values_limit'),
              ],
              '{{label}}'
            )],
            { unit: 'percentunit', legend: 'list' },
          ), 8, 8],
          [panels.graph(
            'Tracked tasks',
            'Tasks in the task table, and tasks that had to leave it early.',
            [
              panels.query('max by (instance) (%s)' % q.exporter('tracked_tasks'), '{{instance}}'),
              panels.query(
                'sum(%s)' % q.increase(q.exporter('evicted_tasks_total'), '$__rate_interval'),
                'evicted'
              ),
            ],
            { unit: 'short', overrides: [panels.fixed('evicted', 'red')] },
          ), 8, 8],
          [panels.graph(
            'CPU',
            'Processor time of the exporter. 1 is one core.',
            [panels.query(q.sum(q.processRate('cpu_seconds_total'), 'instance'), '{{instance}}')],
            { unit: 'percentunit' },
          ), 8, 8],
          [panels.graph(
            'Memory',
            'Resident memory of the exporter.',
            [panels.query('max by (instance) (%s)' % q.process('resident_memory_bytes'), '{{instance}}')],
            { unit: 'bytes' },
          ), 8, 8],
          [panels.graph(
            'Requests',
            'HTTP requests a second, by handler and status.',
            [panels.query(
              q.sum(q.rate(q.exporter('http_requests_total')), 'handler, code') + ' > 0',
              '{{handler}} {{code}}'
            )],
            { unit: 'reqps' },
          ), 8, 8],
        ],
      },
    ],
  )
