local burn = {
  alert: 'CeleryTaskErrorBudgetBurn',
  labels: { area: 'tasks' },
  summary: 'Celery tasks fail faster than their error budget allows.',
  minutes: 420,
};
local of(family, name) = 'celery_task_%s_total{TARGET,hostname="h",name="%s",queue_name="celery"}' % [family, name];
local window(severity, long, short, share) = {
  labels: { severity: severity, long: long, short: short },
  description: '%s of all task runs failed in %s; the objective is 99%% success.' % [share, long],
};
local hour(share) = window('critical', '1h', '5m', share);
local hours(share) = window('critical', '6h', '30m', share);
local day(share) = window('warning', '1d', '2h', share);
local days(share) = window('warning', '3d', '6h', share);

[
  burn {
    title: 'one in five fails, over all tasks, for three and a half hours',
    broken: [
      [of('succeeded', 'send'), '0+36x600'],
      [of('failed', 'send'), '0+24x210 5040x390'],
      [of('succeeded', 'read'), '0+60x600'],
      [of('failed', 'read'), '0x600'],
    ],
    // Exactly the objective.
    other: [
      [of('succeeded', 'send'), '0+99x600'],
      [of('failed', 'send'), '0+1x600'],
    ],
    // All of a few runs fail.
    idle: [[of('failed', 'send'), '0+1x60 60x540']],
    minutes: 600,
    fires: [
      { time: '6m', alerts: [hour('20%')] },
      { time: '30m', alerts: [hour('20%'), hours('20%')] },
      { time: '90m', alerts: [hour('20%'), hours('20%'), day('20%')] },
      { time: '200m', alerts: [hour('20%'), hours('20%'), day('20%'), days('20%')] },
    ],
    quiet: ['0m', '600m'],
    pending: ['4m'],
  },
  burn {
    title: 'each range at its threshold',
    broken: [
      [of('succeeded', 'send'), '0+856x240'],
      [of('failed', 'send'), '0+144x240'],
    ],
    other: [
      [of('succeeded', 'send'), '0+1x240'],
      [of('failed', 'send'), '0x240'],
    ],
    fires: [
      { time: '10m', alerts: [] },
      { time: '30m', alerts: [hours('14.4%')] },
      { time: '90m', alerts: [hours('14.4%'), day('14.4%')] },
    ],
  },
  burn {
    title: 'at the threshold of six hours',
    broken: [
      [of('succeeded', 'send'), '0+940x240'],
      [of('failed', 'send'), '0+60x240'],
    ],
    fires: [
      { time: '50m', alerts: [] },
      { time: '90m', alerts: [day('6%')] },
    ],
  },
  burn {
    title: 'at the threshold of a day',
    broken: [
      [of('succeeded', 'send'), '0+970x240'],
      [of('failed', 'send'), '0+30x240'],
    ],
    fires: [
      { time: '100m', alerts: [] },
      { time: '200m', alerts: [days('3%')] },
    ],
  },
]
