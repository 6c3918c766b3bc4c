// The alerts and their limits; see `alerts` in config.libsonnet.
local alert(severity, duration, more={}) =
  { enabled: true, severity: severity, 'for': duration } + more;

{
  // The exporter and its view of the broker.
  // memory: how long a target that is gone is still missed.
  CeleryExporterDown: alert('critical', '5m', { memory: '1d' }),
  CeleryBrokerUnreachable: alert('critical', '3m'),
  CeleryEventStreamBlind: alert('warning', '1m', { threshold: 60, window: '30m' }),
  CeleryEventStreamStalled: alert('critical', '2m', { threshold: 300 }),
  CeleryUnwatched: alert('info', '1m'),
  CeleryEventsRejected: alert('warning', '1m', { threshold: 10, window: '15m' }),
  CeleryTasksMissed: alert('warning', '1m', { threshold: 10, window: '15m' }),
  CeleryTasksForgotten: alert('warning', '1m', { threshold: 0, window: '15m' }),
  CeleryPollFailing: alert('warning', '10m'),
  CelerySeriesLimitNear: alert('warning', '10m', { threshold: 0.9 }),
  CeleryLabelLimitNear: alert('warning', '10m', { threshold: 0.9 }),
  CeleryTableLimitNear: alert('warning', '10m', { threshold: 0.9 }),
  CelerySeriesOverflow: alert('warning', '1m', { threshold: 0, window: '15m' }),
  CeleryBrokerCertificateExpiring: alert('warning', '10m', { threshold: 14 * 86400 }),
  // Fires while all is well, for a dead man's switch: off, since it has to be routed
  // first; prometheus_watchdog.yaml has it.
  CeleryWatchdog: alert('info', '0m', { enabled: false }),

  // Workers. grace: how long all may be away unless the last of them was lost, for
  // a deploy; window: how long before the last sign of life may lie then; memory:
  // how long workers that are gone are missed.
  CeleryAllWorkersDown: alert('critical', '1m', { grace: '10m', window: '30m', memory: '1d' }),
  CeleryWorkerLost: alert('warning', '1m', { threshold: 0, window: '15m' }),
  CeleryWorkerEventsDisabled: alert('warning', '10m'),
  CeleryWorkersSaturated: alert('warning', '30m', { threshold: 0.95 }),

  // Queues.
  CeleryQueueWithoutConsumers: alert('critical', '10m'),
  CeleryQueueBacklog: alert('warning', '15m', { threshold: 1000 }),
  CeleryQueueWaitTimeHigh: alert('warning', '10m', { threshold: 300 }),
  CeleryQueueOldestTask: alert('warning', '5m', { threshold: 1800 }),
  CeleryQueueNotDraining: alert('warning', '15m', { threshold: 10, window: '30m' }),
  // Seconds without acknowledgement: four fifths of kombu's visibility timeout.
  CeleryUnackedTaskOld: alert('warning', '5m', { threshold: 2880 }),

  // Tasks.
  CeleryTaskFailures: alert('warning', '1m', { threshold: 10, window: '10m' }),
  CeleryTaskFailureRateHigh: alert('warning', '5m', { threshold: 0.05, window: '15m', atLeast: 20 }),
  // memory: a failure is the first when there was none for that long.
  CeleryTaskFirstFailure: alert('info', '0m', { window: '10m', memory: '1d' }),
  CeleryTaskNewException: alert('info', '0m', { window: '10m', memory: '1d' }),
  CeleryTaskErrorBudgetBurn: { enabled: true },
  CeleryTaskRetryStorm: alert('warning', '5m', { threshold: 0.5, window: '10m', atLeast: 20 }),
  // threshold: times the mean of the day before; minimum: seconds.
  CeleryTaskRuntimeRegression: alert('warning', '15m', {
    threshold: 2,
    window: '30m',
    reference: '1d',
    atLeast: 20,
    minimum: 1,
  }),
  CeleryTaskNotSucceeded: alert('warning', '1m'),
  CeleryTaskRedelivered: alert('warning', '1m', { threshold: 0, window: '90m' }),
  CeleryTasksExpired: alert('warning', '1m', { threshold: 0, window: '15m' }),
  CeleryTasksRevoked: alert('warning', '1m', { threshold: 10, window: '15m' }),
}
