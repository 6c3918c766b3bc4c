// What may be changed without touching a dashboard:
//   (import 'dashboards.libsonnet') + { _config+:: { metricPrefix: 'acme_' } }
{
  _config+:: {
    // As the exporter's --metric-prefix.
    metricPrefix: 'celery_',

    // Which jobs the variable `job` offers; without braces.
    celerySelector: '',

    // With several clusters in one Prometheus there is a variable for them, and
    // every query has its label.
    showMultiCluster: false,
    clusterLabel: 'cluster',

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

    // Where you have put the pages of alerts-mixin/runbooks; %s is the alert's name.
    runbookURLPattern: 'https://celery-exporter.example/runbooks/%s.md',
  },
}
