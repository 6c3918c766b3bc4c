local alert = import '../lib/alert.libsonnet';
local promql = import '../lib/promql.libsonnet';

{
  local c = $._config,
  local q = promql.new(c),
  local a = alert.new(c),
  local s = c.alerts,
  local queue = q.labels(['queue_name']),

  local make(name, expr, summary, description, settings={}, labels={}) =
    a.make(name, 'queues', expr, summary, description, 'queues', settings, labels),

  local has(name, knob) = std.objectHas(c.queues[name], knob),

  // For all queues but those that have a limit of their own, and for each of these.
  local limited(name, knob, expr, summary, description) =
    local own = [queue for queue in std.objectFields(c.queues) if has(queue, knob)];
    make(
      name,
      expr(q.watchedQueues + [q.differs('queue_name', queue) for queue in own], s[name].threshold),
      summary,
      description,
    )
    + std.flattenArrays([
      make(
        name,
        expr([q.equals('queue_name', queue)], c.queues[queue][knob]),
        summary,
        description,
        {
          [setting]: c.queues[queue][setting]
          for setting in ['severity', 'for']
          if has(queue, setting)
        },
        { scope: 'queue ' + queue },
      )
      for queue in own
    ]),

  local above(record) = function(matchers, threshold)
    '%s > %s' % [q.recorded(record, matchers), q.number(threshold)],

  prometheusAlerts+:: {
    groups+: [{
      name: 'celery-queues',
      rules:
        make(
          'CeleryQueueWithoutConsumers',
          |||
            %(length)s > 0
            and on %(queue)s job_queue:celery_active_worker_count:max == 0
            unless on %(queue)s job_queue:celery_active_consumer_count:max > 0
          ||| % {
            length: q.recorded('job_queue:celery_queue_length:max', q.watchedQueues),
            queue: queue,
          },
          'Tasks wait in a Celery queue that no worker consumes.',
          a.where + ': {{ $value | printf "%.0f" }} tasks wait in the queue {{ $labels.queue_name }}, and no worker consumes it.'
        )
        + limited(
          'CeleryQueueBacklog',
          'backlog',
          above('job_queue:celery_queue_length:max'),
          'A Celery queue is long.',
          a.where + ': {{ $value | printf "%.0f" }} tasks wait in the queue {{ $labels.queue_name }}.'
        )
        + limited(
          'CeleryQueueWaitTimeHigh',
          'waitTime',
          above('job_queue:celery_task_queue_wait_time:p95_rate' + c.rateWindow),
          'Tasks wait too long in a Celery queue.',
          a.where + ': 5% of the tasks of the queue {{ $labels.queue_name }} waited longer than {{ $value | humanizeDuration }} for their start.'
        )
        + limited(
          'CeleryQueueOldestTask',
          'oldestTask',
          above('job_queue:celery_queue_oldest_task_age_seconds:max'),
          'A task has waited too long in a Celery queue.',
          a.where + ': the oldest task of the queue {{ $labels.queue_name }} has waited for {{ $value | humanizeDuration }}.'
        )
        // It grows by more than a fifth of itself, so that a ripple is none; or it stands
        // still to the message: where workers take and clients send, the length moves.
        + make(
          'CeleryQueueNotDraining',
          |||
            min_over_time(%(length)s[%(window)s]) > %(threshold)s
            and (
              deriv(%(length)s[%(window)s]) * %(seconds)s
                > 0.2 * avg_over_time(%(length)s[%(window)s])
              or changes(%(length)s[%(window)s]) == 0
            )
            and count_over_time(%(length)s[%(window)s]) > 1
            and %(length)s offset %(window)s
          ||| % {
            length: q.recorded('job_queue:celery_queue_length:max', q.watchedQueues),
            window: s.CeleryQueueNotDraining.window,
            seconds: q.seconds(s.CeleryQueueNotDraining.window),
            threshold: q.number(s.CeleryQueueNotDraining.threshold),
          },
          'A Celery queue does not drain.',
          a.where + ': the queue {{ $labels.queue_name }} grows or stands still, and held no fewer than {{ $value | printf "%%.0f" }} tasks for %s.' % s.CeleryQueueNotDraining.window
        )
        + make(
          'CeleryUnackedTaskOld',
          'time() - min by %s (%s) > %s' % [
            q.job,
            q.celery('broker_oldest_unacked_timestamp_seconds'),
            q.number(s.CeleryUnackedTaskOld.threshold),
          ],
          'A Celery task is close to the visibility timeout of Redis.',
          a.where + ': a worker has held a task for {{ $value | humanizeDuration }} without acknowledging it. After the visibility timeout it is delivered, and run, once more.'
        ),
    }],
  },
}
