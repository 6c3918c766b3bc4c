local task = { area: 'tasks', severity: 'warning', name: 'send' };
local info = { area: 'tasks', severity: 'info', name: 'send' };

local of(family, extra='') = 'celery_task_%s{TARGET,hostname="h",name="send",queue_name="celery"%s}' % [family, extra];
local failed(exception) = of('failed_total', if exception == '' then '' else ',exception="%s"' % exception);

local rate = {
  alert: 'CeleryTaskFailureRateHigh',
  labels: task,
  summary: 'A large share of the runs of a Celery task fails.',
};
local first = {
  alert: 'CeleryTaskFirstFailure',
  labels: info,
  summary: 'A Celery task failed for the first time.',
  description: 'send failed, and had not within 1d before.',
};
local exception = {
  alert: 'CeleryTaskNewException',
  labels: info { exception: 'KeyError' },
  summary: 'A Celery task failed in a new way.',
  description: 'send raised KeyError, and had not within 1d before.',
};

[
  // Each step comes at once and not at a rate, so that all figures are whole.
  rate {
    title: 'at the threshold, above it, and too few to tell',
    broken: [
      [of('succeeded_total'), '0x10 19x10 37x80'],
      [failed('KeyError'), '0x10 1x10 3x80'],
      [failed(''), '0x120'],
    ],
    // Each of the few runs fails.
    other: [
      [of('succeeded_total'), '0x120'],
      [failed('KeyError'), '0x10 19x120'],
    ],
    // No run at all.
    idle: [[of('succeeded_total'), '5x120'], [failed('KeyError'), '5x120']],
    quiet: ['10m', '20m', '60m'],
    pending: ['22m', '25m'],
    fires: ['27m'],
    description: '10% of the runs of send failed in 15m.',
  },
  rate {
    title: 'the first runs ever, all within one scrape',
    broken: [
      [of('succeeded_total'), '_x20 0x60'],
      [failed('KeyError'), '_x20 20x60'],
    ],
    quiet: ['19m', '40m'],
    pending: ['20m', '24m'],
    fires: ['25m'],
    description: '100% of the runs of send failed in 15m.',
  },
  first {
    title: 'of an exception that makes its series',
    broken: [
      [failed(''), '0x2000'],
      [failed('KeyError'), '_x20 1x2000'],
    ],
    // It fails all the time, also in a new way.
    other: [
      [failed('ValueError'), '0+1x2000'],
      [failed('KeyError'), '_x20 1x2000'],
    ],
    idle: [[failed('ValueError'), '7x2000']],
    quiet: ['19m', '31m', '60m'],
    fires: ['20m', '29m'],
  },
  exception {
    broken: [
      [failed('ValueError'), '0+1x120'],
      [failed('KeyError'), '_x20 1x20 2x120'],
    ],
    other: [[failed('ValueError'), '0+1x120'], [failed('KeyError'), '7x120']],
    quiet: ['19m', '31m', '43m'],
    fires: ['20m', '29m'],
  },
  exception {
    title: 'known from before a restart of the exporter',
    broken: [[failed('KeyError'), '1x20 stale _x60 1x20']],
    quiet: ['20m', '82m', '90m'],
  },
  exception {
    title: 'an exporter that ran long before it was first scraped',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '_x20 1x120'],
      ['celery_exporter_build_info{TARGET,version="1"}', '_x20 1x120'],
      ['process_start_time_seconds{TARGET}', '_x20 -86400x120'],
      [failed('KeyError'), '_x20 70x120'],
    ],
    quiet: ['20m', '25m', '30m', '40m'],
  },
  exception {
    title: 'soon after the start of a new exporter',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '_x20 1x120'],
      ['celery_exporter_build_info{TARGET,version="1"}', '_x20 1x120'],
      // It started at 20 minutes.
      ['process_start_time_seconds{TARGET}', '_x20 1200x120'],
      [failed('KeyError'), '_x22 1x120'],
    ],
    quiet: ['20m', '33m'],
    fires: ['22m', '29m'],
  },
  {
    alert: 'CeleryTaskRetryStorm',
    broken: [
      [of('started_total'), '0x10 40x10 80x80'],
      [of('retried_total'), '0x10 20x10 41x80'],
    ],
    // Many retries of more starts; few retries of fewer starts.
    other: [
      [of('started_total'), '0x10 400x120'],
      [of('retried_total'), '0x10 200x120'],
    ],
    idle: [
      [of('started_total'), '0x10 1x120'],
      [of('retried_total'), '0x10 19x120'],
    ],
    quiet: ['10m', '21m', '60m'],
    pending: ['22m', '26m'],
    fires: [],
    labels: task,
    summary: 'A Celery task is retried again and again.',
  },
  {
    alert: 'CeleryTaskRetryStorm',
    title: 'goes on',
    broken: [
      [of('started_total'), '0x10 100x80'],
      [of('retried_total'), '0x10 60x80'],
    ],
    quiet: ['10m', '40m'],
    pending: ['11m', '15m'],
    fires: ['16m'],
    labels: task,
    summary: 'A Celery task is retried again and again.',
    description: '60% of the starts of send ended in a retry in 10m.',
  },
  {
    alert: 'CeleryTaskRuntimeRegression',
    // 60 runs a minute of 2 s; from two hours on of 4 s, later of 8 s; then of 2 s.
    broken: [
      [of('runtime_count'), '0+60x420'],
      [of('runtime_sum'), '0+120x120 14640+240x59 29280+480x119 86520+120x119'],
    ],
    // Twice as long and more, but short.
    other: [
      [of('runtime_count'), '0+60x420'],
      [of('runtime_sum'), '0+6x180 1128+48x240'],
    ],
    // Long, but seldom.
    idle: [
      [of('runtime_count'), '0x420'],
      [of('runtime_sum'), '0x420'],
    ],
    quiet: ['120m', '150m', '175m', '400m'],
    pending: ['195m'],
    fires: [{ time: '215m', alerts: [{ description: 'send takes 2.9 times as long as in 1d before.' }] }],
    labels: task,
    summary: 'A Celery task takes much longer than it used to.',
    minutes: 420,
  },
  {
    alert: 'CeleryTaskRedelivered',
    broken: [[of('redelivered_total'), '0x10 2x120']],
    other: [[of('redelivered_total'), '0x120']],
    quiet: ['10m', '102m'],
    pending: ['11m'],
    fires: ['12m', '90m'],
    labels: task,
    summary: 'A Celery task was started more than once.',
    description: 'send was started again 2 times in 90m without being sent again: its visibility timeout passed, or its worker died.',
  },
  {
    alert: 'CeleryTasksExpired',
    broken: [
      [of('revocations_total', ',reason="expired"'), '0x10 3x60'],
      [of('revocations_total', ',reason="revoked"'), '0x10 7x60'],
    ],
    other: [[of('revocations_total', ',reason="revoked"'), '0x10 7x60']],
    quiet: ['10m', '30m'],
    pending: ['11m'],
    fires: ['12m'],
    labels: task,
    summary: 'Celery tasks expired before they ran.',
    description: '3 runs of send expired in 15m. They will not run.',
  },
  {
    alert: 'CeleryTasksRevoked',
    broken: [
      [of('revocations_total', ',reason="terminated"'), '0x10 5x10 6x60'],
      [of('revocations_total', ',reason="revoked"'), '0x10 5x60'],
    ],
    other: [
      [of('revocations_total', ',reason="revoked"'), '0x10 10x60'],
      [of('revocations_total', ',reason="expired"'), '0x10 90x60'],
    ],
    quiet: ['10m', '20m', '40m'],
    pending: ['22m'],
    fires: ['23m'],
    labels: task,
    summary: 'Many Celery tasks were revoked.',
    description: '11 runs of send were revoked or terminated in 15m.',
  },
  {
    alert: 'CeleryTaskFailures',
    broken: [
      // Two hosts, two exceptions; that of the second is born at 4.
      [failed('KeyError'), '0x10 6x5 7x60'],
      [failed('ValueError'), '_x11 4x60'],
    ],
    other: [[failed('KeyError'), '0x10 10x60'], [failed('ValueError'), '500x120']],
    quiet: ['10m', '16m', '40m'],
    pending: ['17m'],
    fires: ['18m', '19m'],
    labels: task,
    summary: 'A Celery task fails too often.',
    description: 'send failed 11 times in 10m.',
  },
  {
    alert: 'CeleryTaskFailures',
    title: 'a restart of the exporter counts nothing twice',
    ownExporter: true,
    broken: [
      ['up{TARGET}', '1x20 0x2 1x60'],
      ['celery_exporter_build_info{TARGET,version="1"}', '1x20 stale _x2 1x60'],
      ['process_start_time_seconds{TARGET}', '-86400x20 stale _x2 1380x60'],
      [failed('KeyError'), '900x20 stale _x2 3x60'],
    ],
    quiet: ['20m', '24m', '30m', '40m'],
  },
]
