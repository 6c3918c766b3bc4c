// What can be set. Nothing has to be: the defaults suit any job name, with and
// without namespace and cluster labels. Change a knob by adding to the mixin:
//
//   (import 'mixin.libsonnet') + {
//     _config+:: {
//       celerySelector: 'job="celery"',
//       alerts+: { CeleryQueueBacklog+: { threshold: 200 } },
//     },
//   }
{
  _config+:: {
    // ---- which series; the dashboards have knobs of the same names ----

    // Matchers for every metric of the exporter, without braces, of labels that
    // its targets have. Empty: whatever is called celery_*.
    celerySelector: '',
    // Matchers for `up` of the exporters. Only with them can an exporter be
    // missed that has never been scraped.
    upSelector: '',
    // What the exporter has as --metric-prefix.
    metricPrefix: 'celery_',
    // Labels that tell one Celery from another. What a series lacks of them is
    // simply not there; '' leaves one out.
    clusterLabel: 'cluster',
    namespaceLabel: 'namespace',
    jobLabel: 'job',
    instanceLabel: 'instance',
    // More of them: ['broker'] for several brokers below one job, for example.
    extraLabels: [],
    // Regular expressions: queues that no alert on queues is about, and tasks
    // that no alert on tasks is about. Celery keeps
    // tasks with an ETA in queues celery_delayed_N of RabbitMQ.
    ignoredQueues: 'celery_delayed_[0-9]+',
    ignoredTasks: '',

    // ---- links ----

    // %s is the name of the alert; '' for no links. Put the pages of runbooks/ where your
    // people can read them: nothing is at the address below.
    runbookURLPattern: 'https://celery-exporter.example/runbooks/%s.md',
    // The base of Grafana's URL; when it is set, alerts link to the dashboards.
    grafanaUrl: '',
    dashboardIds: {
      overview: 'celery-overview',
      task: 'celery-task',
      queues: 'celery-queues',
      workers: 'celery-workers',
      exporter: 'celery-exporter',
    },

    // ---- recording rules ----

    // How often they are evaluated; '' is as Prometheus's global setting says.
    rulesInterval: '',
    // The same for rates of tasks, never '': runs are counted from them.
    ratesInterval: '1m',
    // The range of the rates; at least four scrapes.
    rateWindow: '5m',
    // Totals of 24 hours read a day of raw samples each time: seldom, and not
    // at all where that is too much (the README has a measure).
    dayTotals: { enabled: true, interval: '5m' },

    // ---- alerts ----

    // Labels that every alert gets.
    alertLabels: {},
    // Each alert has enabled, severity and for; `for: '0m'` fires at once.
    // threshold is the last value that is still well.
    alerts: (import 'thresholds.libsonnet'),

    // ---- alerts on failures ----

    // Who failed more than `threshold` times within `window`. Each entry can
    // have threshold, window, severity and for; what it lacks is taken from
    // alerts.CeleryTaskFailures. A task has exactly one threshold: that of its
    // name, else of the first of the patterns that fits, else of its queue, else
    // of the first of the queue patterns, else the default.
    //   tasks: { 'billing.send_invoice': { threshold: 0, severity: 'critical', 'for': '0m' } },
    //   taskPatterns: [{ pattern: 'imports[.].*', threshold: 500, window: '1h', severity: 'info' }],
    //   queues: { payments: { threshold: 0 } },
    //   queuePatterns: [{ pattern: 'bulk-.*', threshold: 1000 }],
    taskFailures: {
      tasks: {},
      taskPatterns: [],
      queues: {},
      queuePatterns: [],
    },
    // The share of failures, likewise: threshold, window, atLeast, severity and for of
    // alerts.CeleryTaskFailureRateHigh.
    //   taskFailureRates: { 'imports.feed': { threshold: 0.5 } },
    //   taskFailureRatePatterns: [{ pattern: 'imports[.].*', threshold: 0.5, severity: 'info' }],
    taskFailureRates: {},
    taskFailureRatePatterns: [],

    // Queues whose limits differ: backlog (messages), waitTime and oldestTask
    // (seconds), and severity. What an entry lacks is as for all others.
    //   queues: { emails: { backlog: 100, waitTime: 30, severity: 'critical' } },
    queues: {},

    // Tasks that have to succeed every so often: maxAge, severity, for, and a selector
    // (matchers of job, namespace, cluster) where several Celerys know the task.
    //   periodicTasks: { 'reports.nightly': { maxAge: '26h', severity: 'critical' } },
    periodicTasks: {},
    // How long a success is remembered, beyond restarts of the exporter: longer than
    // each maxAge, and no longer than Prometheus keeps its series (15 days by default).
    periodicTaskMemory: '14d',

    // Workers may all stop while no task waits: false, true, or matchers of the
    // Celerys in which they may: 'job="batch"'.
    scaleToZero: false,

    // The share of tasks that should succeed. All tasks of a Celery share one error
    // budget, but for those that have an entry: each of these has a budget of its own
    // (its name's entry, else that of the first of the patterns that fits). An entry has an
    // objective, and can have atLeast, windows, a severity for all of its
    // windows, and enabled. Fewer than atLeast runs within the long range say too little.
    //   tasks: { 'billing.send_invoice': 0.999, 'mail.send': { objective: 0.95, severity: 'info' } },
    //   taskPatterns: [{ pattern: 'imports[.].*', enabled: false }],
    slo: {
      objective: 0.99,
      atLeast: 100,
      tasks: {},
      taskPatterns: [],
      windows: [
        { severity: 'critical', 'for': '2m', long: '1h', short: '5m', factor: 14.4 },
        { severity: 'critical', 'for': '15m', long: '6h', short: '30m', factor: 6 },
        { severity: 'warning', 'for': '1h', long: '1d', short: '2h', factor: 3 },
        { severity: 'warning', 'for': '3h', long: '3d', short: '6h', factor: 1 },
      ],
    },
  },
}
