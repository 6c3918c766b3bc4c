#include "app/option_rows.h"

#include "app/option_rules.h"

#define RUNTIME_BUCKETS \
    "0.005,0.01,0.025,0.05,0.075,0.1,0.25,0.5,0.75,1.0,2.5,5.0,7.5,10.0,inf"
#define QUEUE_WAIT_BUCKETS \
    "0.05,0.1,0.25,0.5,1,2.5,5,10,30,60,120,300,600,1800,inf"

const struct option_row option_rows_metrics[] = {
    {.name = "metric-prefix",
     .group = OPTION_METRICS,
     .common = true,
     .type = OPTION_TEXT,
     FIELD(metric_prefix),
     .metavar = "PREFIX",
     .preset = "celery_",
     .check = check_metric_prefix,
     .help = "What the names of the Celery metrics begin with. It may be "
             "empty, on the command line. Metrics of the exporter itself keep "
             "their names."},
    {.name = "static-label",
     .group = OPTION_METRICS,
     .common = true,
     .type = OPTION_TEXTS,
     FIELD(static_labels),
     .metavar = "NAME=VALUE",
     .check = check_static_labels,
     .help = "A label on every metric; repeatable. Labels that belong "
             "to the target are better set in Prometheus."},
    {.name = "buckets",
     .group = OPTION_METRICS,
     .common = true,
     .type = OPTION_BOUNDS,
     FIELD(buckets),
     .metavar = "LIST",
     .preset = RUNTIME_BUCKETS,
     .help = "Upper bounds of the runtime histogram, in seconds, ascending. "
             "+Inf is always there."},
    {.name = "queue-wait-buckets",
     .group = OPTION_METRICS,
     .type = OPTION_BOUNDS,
     FIELD(queue_wait_buckets),
     .metavar = "LIST",
     .preset = QUEUE_WAIT_BUCKETS,
     .help = "Upper bounds of the queue wait histogram, in seconds, "
             "ascending."},
    {.name = "queues",
     .letter = 'Q',
     .group = OPTION_METRICS,
     .common = true,
     .type = OPTION_NAMES,
     FIELD(queues),
     .metavar = "LIST",
     .help = "Queues to show before any worker or task has named them, "
             "separated by commas."},
    {.name = "default-queue-name",
     .group = OPTION_METRICS,
     .common = true,
     .type = OPTION_TEXT,
     FIELD(default_queue_name),
     .metavar = "NAME",
     .preset = "celery",
     .help = "The queue of tasks whose queue is not known."},
    {.name = "generic-hostname-task-sent-metric",
     .group = OPTION_METRICS,
     .type = OPTION_FLAG,
     FIELD(generic_hostname_task_sent),
     .preset = "false",
     .help = "Count sent tasks under the host name \"generic\": senders that "
             "come and go, such as pods, then make no series of their own."},
    {.name = "generic-hostname-worker-task-metric",
     .group = OPTION_METRICS,
     .type = OPTION_FLAG,
     FIELD(generic_hostname_worker_task),
     .preset = "false",
     .help = "Count what workers do with tasks under the host name "
             "\"generic\"."},
    {.name = "hostname-label",
     .group = OPTION_METRICS,
     .type = OPTION_HOST_LABEL,
     FIELD(hostname_is_worker),
     .metavar = "WHAT",
     .preset = "host",
     .help = "What the label hostname holds of a worker: host is what follows "
             "the @ of its nodename, worker the whole nodename, so that "
             "workers on one host are told apart. Hosts that only send tasks "
             "stay hosts."},
    {.name = "hostname-rewrite",
     .group = OPTION_METRICS,
     .type = OPTION_TEXTS,
     FIELD(hostname_rewrites),
     .metavar = "REGEX=REPLACEMENT",
     .check = check_hostname_rewrites,
     .help = "Rewrite the values of the label hostname; repeatable, the first "
             "that matches is applied, once. REGEX is a POSIX extended "
             "regular expression, and the part of the host that it matches is "
             "replaced; \\1 to \\9 in REPLACEMENT are its groups. The last "
             "equals sign without a backslash divides the two. Numbers of "
             "hosts that become one add up. Hosts of more than 255 bytes, "
             "and those of which nothing would be left, stay as they are."},
    {.name = "task-include",
     .group = OPTION_METRICS,
     .type = OPTION_TEXTS,
     FIELD(task_include),
     .metavar = "PATTERN",
     .help = "Count only tasks whose name fits a shell pattern, such as "
             "billing.*; repeatable, one of them has to fit. Others make no "
             "series."},
    {.name = "task-exclude",
     .group = OPTION_METRICS,
     .type = OPTION_TEXTS,
     FIELD(task_exclude),
     .metavar = "PATTERN",
     .help = "Do not count tasks whose name fits a shell pattern; repeatable, "
             "and stronger than --task-include."},
    {.name = "collect",
     .group = OPTION_METRICS,
     .type = OPTION_TEXTS,
     FIELD(collect),
     .check = check_families,
     .metavar = "NAME",
     .help = "Turn on a metric that is off by default, named without prefix "
             "and suffix; repeatable."},
    {.name = "no-collect",
     .group = OPTION_METRICS,
     .type = OPTION_TEXTS,
     FIELD(no_collect),
     .check = check_families,
     .metavar = "NAME",
     .help = "Turn off a metric, named without prefix and suffix; "
             "repeatable."},
    {.name = "created-series",
     .group = OPTION_METRICS,
     .type = OPTION_FLAG,
     FIELD(created_series),
     .preset = "false",
     .help = "Add the _created series to the text formats. Prometheus stores "
             "them as series of their own."},
    {0},
};
