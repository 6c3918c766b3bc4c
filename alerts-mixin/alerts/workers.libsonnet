local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),
  local s = c.alerts,

  local make(name, expr, summary, description) =
    a.make(name, 'workers', expr, summary, description, 'workers'),

  // Celerys that may be without workers, while no task waits for as long as `grace`.
  local mayRest = if c.scaleToZero == false then '' else |||

    unless on %(job)s (
      group by %(job)s (%(present)s)
      unless on %(job)s group by %(job)s (min_over_time(%(length)s[%(grace)s]) > 0)
    )
  ||| % {
    job: q.job,
    present: q.recorded(
      'instance:celery_exporter:present',
      if c.scaleToZero == true then [] else [c.scaleToZero]
    ),
    length: q.recorded('job_queue:celery_queue_length:max', q.watchedQueues),
    grace: s.CeleryAllWorkersDown.grace,
  },

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-workers',
      rules:
        // Pages soon when the last ones were lost, and after `grace` when they all
        // said goodbye: a deploy is over by then. The series of workers are
        // purged after a while, those of queues may be, and a restarted exporter has
        // none; what was there within `memory` is missed then, if the exporter can see.
        // The counts of the lost go down with a purge or a restart of the exporter: what
        // they were while a worker was alive is no news.
        make(
          'CeleryAllWorkersDown',
          |||
            (
              job:celery_active_worker_count:max == 0
              or job:celery_worker_up:sum == 0
              or (
                0 * (
                  max_over_time(job:celery_active_worker_count:max[%(memory)s])
                  or max_over_time(job:celery_worker_up:sum[%(memory)s])
                )
                unless on %(job)s max by %(job)s (%(broker)s) == 0
              )
            )
            unless on %(job)s job:celery_active_worker_count:max > 0
            unless on %(job)s job:celery_worker_up:sum > 0
            and on %(job)s (
              (
                max_over_time(job:celery_worker_lost:sum[%(grace)s])
                > (
                  max_over_time(job:celery_worker_lost_while_up:sum[%(grace)s])
                  or last_over_time(job:celery_worker_lost_while_up:sum[%(window)s])
                )
              )
              or (
                group by %(job)s (instance:celery_exporter:present offset %(grace)s)
                unless on %(job)s max_over_time(job:celery_active_worker_count:max[%(grace)s]) > 0
                unless on %(job)s max_over_time(job:celery_worker_up:sum[%(grace)s]) > 0%(mayRest)s
              )
            )
            and on %(job)s group by %(job)s (instance:celery_exporter:present)
          ||| % {
            job: q.job,
            grace: s.CeleryAllWorkersDown.grace,
            window: s.CeleryAllWorkersDown.window,
            memory: s.CeleryAllWorkersDown.memory,
            broker: q.exporter('broker_up'),
            mayRest: std.rstripChars(q.indent(mayRest, '    '), '\n '),
          },
          'All Celery workers are down.',
          a.where + ': no worker is alive. Tasks wait, and nothing runs.'
        )
        + make(
          'CeleryWorkerLost',
          q.sumGrown(q.labels(['hostname']), q.celery('worker_lost_total'), s.CeleryWorkerLost.window)
          + ' > ' + q.number(s.CeleryWorkerLost.threshold),
          'A Celery worker disappeared without saying goodbye.',
          a.where + ': the host {{ $labels.hostname }} lost {{ $value | printf "%%.0f" }} worker(s) in %s: they fell silent without saying goodbye. What they were running is lost or will run again.' % s.CeleryWorkerLost.window
        )
        + make(
          'CeleryWorkerEventsDisabled',
          'max by %s (%s) == 0' % [q.labels(['worker']), q.celery('worker_task_events_enabled')],
          'A Celery worker runs tasks without sending events.',
          a.where + ': the worker {{ $labels.worker }} runs tasks, but lacks -E. Its tasks are in no metric and no alert.'
        )
        + make(
          'CeleryWorkersSaturated',
          |||
            job:celery_worker_busy:ratio > %(threshold)s
            and on %(job)s sum by %(job)s (%(length)s) > 0
          ||| % {
            threshold: q.number(s.CeleryWorkersSaturated.threshold),
            job: q.job,
            length: q.recorded('job_queue:celery_queue_length:max', q.watchedQueues),
          },
          'All Celery workers are busy and tasks wait.',
          a.where + ': {{ $value | humanizePercentage }} of all places in the pools are taken while tasks wait.'
        ),
    }],
  },
}
