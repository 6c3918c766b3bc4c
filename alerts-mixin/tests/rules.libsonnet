// What the recording rules make of a page, in figures that can be checked by hand.
local target = 'job="shop",instance="a"';
local twin = 'job="shop",instance="b"';
local other = 'job="other",instance="c"';
local of(family, target, more='hostname="h"') =
  'celery_%s{%s,name="send",queue_name="emails",%s}' % [family, target, more];
local series(name, values) = { series: name, values: values };
local record(time, expr, samples) = {
  eval_time: time,
  // The releases differ in the last digit.
  expr: 'round(%s, 0.000001)' % expr,
  exp_samples: [
    { labels: labels, value: samples[labels] }
    for labels in std.objectFields(samples)
  ],
};

{
  tests: [
    {
      name: 'rates, shares and runtimes',
      interval: '1m',
      // 60 successes of 2 s and 20 failures a minute, on two hosts.
      input_series: [
        series(of('task_succeeded_total', target), '0+30x60'),
        series(of('task_succeeded_total', target, 'hostname="g"'), '0+30x60'),
        series(of('task_failed_total', target, 'hostname="h",exception="KeyError"'), '0+15x60'),
        series(of('task_failed_total', target, 'hostname="h",exception="ValueError"'), '0+5x60'),
        series(of('task_failed_total', target), '0x60'),
        series(of('task_runtime_sum', target), '0+120x60'),
        series(of('task_runtime_count', target), '0+60x60'),
        series(of('task_runtime_bucket', target, 'hostname="h",le="1.0"'), '0x60'),
        series(of('task_runtime_bucket', target, 'hostname="h",le="2.0"'), '0+60x60'),
        series(of('task_runtime_bucket', target, 'hostname="h",le="+Inf"'), '0+60x60'),
        // Nothing runs.
        series(of('task_succeeded_total', other), '7x60'),
        series(of('task_failed_total', other), '7x60'),
        series(of('task_runtime_sum', other), '7x60'),
        series(of('task_runtime_count', other), '7x60'),
      ],
      promql_expr_test: [
        record('30m', 'job_name_queue:celery_task_succeeded:rate5m', {
          '{job="shop",name="send",queue_name="emails"}': 1,
          '{job="other",name="send",queue_name="emails"}': 0,
        }),
        record('30m', 'job_name:celery_task_succeeded_per_finished:ratio_rate5m', {
          '{job="shop",name="send"}': 0.75,
        }),
        record('30m', 'job_queue:celery_task_succeeded_per_finished:ratio_rate5m', {
          '{job="shop",queue_name="emails"}': 0.75,
        }),
        record('30m', 'job:celery_task_succeeded_per_finished:ratio_rate5m', { '{job="shop"}': 0.75 }),
        record('30m', 'job_name:celery_task_runtime:mean5m', { '{job="shop",name="send"}': 2 }),
        record('30m', 'job_name:celery_task_runtime:p50_rate5m', { '{job="shop",name="send"}': 1.5 }),
      ],
    },
    {
      name: 'two exporters of one broker see one queue and the same workers',
      interval: '1m',
      input_series: [
        series('celery_queue_length{%s,queue_name="emails"}' % each, '120x30')
        for each in [target, twin]
      ] + [
        series('celery_worker_up{%s,hostname="h"}' % each, '1x30')
        for each in [target, twin]
      ] + [
        series('celery_worker_tasks_active{%s,hostname="h"}' % each, '3x30')
        for each in [target, twin]
      ] + [
        series('celery_worker_pool_size{%s,hostname="h",worker="w@h"}' % each, '4x30')
        for each in [target, twin]
      ] + [
        series(of('task_started_total', target), '0+60x30'),
        series('celery_queue_oldest_task_timestamp_seconds{%s,queue_name="emails"}' % target, '600x30'),
        series('celery_queue_oldest_task_timestamp_seconds{%s,queue_name="emails"}' % twin, '900x30'),
      ],
      promql_expr_test: [
        record('20m', 'job_queue:celery_queue_length:max', { '{job="shop",queue_name="emails"}': 120 }),
        record('20m', 'job_queue:celery_queue_drain_seconds:rate5m', { '{job="shop",queue_name="emails"}': 120 }),
        record('20m', 'job_queue:celery_queue_oldest_task_age_seconds:max', { '{job="shop",queue_name="emails"}': 600 }),
        record('20m', 'job:celery_worker_up:sum', { '{job="shop"}': 1 }),
        record('20m', 'job:celery_worker_busy:ratio', { '{job="shop"}': 0.75 }),
      ],
    },
  ],

  days: [
    {
      name: 'totals of a day count series that begin above 0, and not what was before',
      interval: '10m',
      input_series: [
        series('celery_exporter_build_info{%s}' % target, '1x300'),
        series('process_start_time_seconds{%s}' % target, '0x300'),
        // 3 + 2 on a host that is there all the time, one run on each of two pods.
        series(of('task_succeeded_total', target), '0x200 3x20 5x80'),
        series(of('task_succeeded_total', target, 'hostname="pod-1"'), '_x200 1x20'),
        series(of('task_succeeded_total', target, 'hostname="pod-2"'), '_x230 1x70'),
        series(of('task_failed_total', target), '0x300'),
        // Scraped for the first time, long after its start.
        series('celery_exporter_build_info{%s}' % other, '_x200 1x100'),
        series('process_start_time_seconds{%s}' % other, '_x200 0x100'),
        series(of('task_succeeded_total', other), '_x200 5000x100'),
      ],
      promql_expr_test: [
        record('2500m', 'job_name:celery_task_succeeded:increase1d', {
          '{job="shop",name="send"}': 7,
          '{job="other",name="send"}': 0,
        }),
        record('2500m', 'job_name:celery_task_succeeded_per_finished:ratio_increase1d', {
          '{job="shop",name="send"}': 1,
        }),
      ],
    },
  ],
}
