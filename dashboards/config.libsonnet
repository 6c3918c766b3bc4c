// What may be changed without touching a dashboard:
//   (import 'dashboards.libsonnet') + { _config+:: { metricPrefix: 'acme_' } }
{
  _config+:: {
    // ---- which series; the alerts of alerts-mixin have knobs of the same names ----

    // Matchers for every metric of the exporter, without braces, of labels that
    // its targets have. Empty: whatever is called celery_*.
    celerySelector: '',
    // As the exporter's --metric-prefix.
    metricPrefix: 'celery_',
    // Labels that tell one Celery from another. Each has a variable, whose All also
    // fits series that lack the label; '' leaves a variable out.
    clusterLabel: 'cluster',
    namespaceLabel: 'namespace',
    jobLabel: 'job',
    instanceLabel: 'instance',
    // More of them, each with a variable of its name: ['broker'], for example.
    extraLabels: [],

    // ---- recording rules ----

    // Asks the recording rules of alerts-mixin for rates and for totals of 24 hours
    // instead of adding them up anew at each look. Worth it from some ten thousand
    // series on; without the rules these panels stay empty.
    useRecordingRules: false,
    // As the mixin's knob.
    rateWindow: '5m',

    // ---- how they look, and where they lead ----

    dashboardNamePrefix: 'Celery / ',
    dashboardTags: ['celery'],
    dashboardRefresh: '1m',
    dashboardTimezone: 'browser',
    dashboardFrom: 'now-6h',

    // Stable, at most 40 characters: links and bookmarks go by them.
    dashboardIds: {
      overview: 'celery-overview',
      task: 'celery-task',
      queues: 'celery-queues',
      workers: 'celery-workers',
      exporter: 'celery-exporter',
    },

    // Where you have put the pages of alerts-mixin/runbooks; %s is the alert's name. ''
    // for no links: nothing is at the address below.
    runbookURLPattern: 'https://celery-exporter.example/runbooks/%s.md',
  },
}
