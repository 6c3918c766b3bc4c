// One scrape fails, between two evaluations of the rules: every series is stale
// for that moment. Ten minutes and forty seconds later they seem to be new.
local page(target, labels) = [
  { series: each[0] % target, values: each[1] }
  for each in labels
];

{
  config: {
    alerts+: { CeleryTaskFailures+: { window: '10m40s', 'for': '0m' } },
  },

  tests: [
    {
      name: name,
      interval: '20s',
      input_series: page('job="shop",instance="a"', series + [
        ['celery_task_failed_total{%s,name="send",exception="KeyError"}', '900x60 stale 900x100'],
      ]),
      alert_rule_test: [
        { eval_time: time, alertname: 'CeleryTaskFailures', exp_alerts: [] }
        for time in ['20m', '21m', '30m', '31m', '32m']
      ],
    }
    for name in ['ours', 'python']
    for series in [{
      ours: [['celery_exporter_build_info{%s,version="1"}', '1x60 stale 1x100']],
      python: [['celery_worker_up{%s,hostname="h"}', '1x60 stale 1x100']],
    }[name]]
  ],
}
