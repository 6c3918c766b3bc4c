#include "app/option_table.h"

#include <ctype.h>

#include "app/option_rules.h"

#define FIELD(name) .field = offsetof(struct options, name)

enum {
    YEAR_S = 365 * 24 * 3600,
    KIB = 1024,
    MIB = 1024 * 1024,
};
#define GIB INT64_C(1073741824)

#define RUNTIME_BUCKETS \
    "0.005,0.01,0.025,0.05,0.075,0.1,0.25,0.5,0.75,1.0,2.5,5.0,7.5,10.0,inf"
#define QUEUE_WAIT_BUCKETS \
    "0.05,0.1,0.25,0.5,1,2.5,5,10,30,60,120,300,600,1800,inf"

const char *const option_group_titles[] = {
    [OPTION_BROKER] = "Broker",   [OPTION_WEB] = "Web",
    [OPTION_METRICS] = "Metrics", [OPTION_TIMES] = "Times",
    [OPTION_LIMITS] = "Limits",   [OPTION_LOG] = "Log",
    [OPTION_OTHER] = "Other",     [OPTION_HIDDEN] = NULL,
};

const struct option_row option_table[] = {
    /* broker */
    {.name = "broker-url",
     .group = OPTION_BROKER,
     .common = true,
     .type = OPTION_TEXT,
     .secrecy = OPTION_SECRET_URL,
     FIELD(broker_url),
     .metavar = "URL",
     .fallback = "CELERY_BROKER_URL",
     .check = check_broker_url,
     .help = "The broker of the Celery application, written as for Celery: "
             "redis://[[user]:password@]host[:port][/db], rediss:// for TLS, "
             "redis+socket:///path or unix:///path; "
             "amqp://[user[:password]@]host[:port][/vhost] for RabbitMQ, "
             "amqps:// for TLS, with heartbeat, connect_timeout and "
             "login_method behind a '?'. Several, separated by "
             "semicolons, are tried in turn; or Sentinels, "
             "sentinel://host[:port][/db];sentinel://..., and the transport "
             "option master_name. This or --broker-url-file is "
             "required. CELERY_BROKER_URL is read when CE_BROKER_URL is not "
             "set. A password is better kept off the command line."},
    {.name = "broker-url-file",
     .group = OPTION_BROKER,
     .common = true,
     .type = OPTION_TEXT,
     FIELD(broker_url_file),
     .metavar = "FILE",
     .check = check_broker_url_file,
     .help = "A file with the broker URL instead. It is read again at each "
             "connect, so that a changed password needs no restart."},
    {.name = "broker-transport-option",
     .group = OPTION_BROKER,
     .common = true,
     .type = OPTION_TEXTS,
     .secrecy = OPTION_SECRET_PAIR,
     FIELD(transport_options),
     .metavar = "KEY=VALUE",
     .check = check_transport_options,
     .help = "One of Celery's broker_transport_options, as the workers have "
             "it; repeatable. Digits are a number, JSON is taken as JSON, "
             "anything else is text. global_keyprefix, fanout_prefix, "
             "fanout_patterns, sep and priority_steps are used, for "
             "sentinel:// also master_name (required), min_other_sentinels, "
             "and password and username in sentinel_kwargs; others are "
             "accepted."},
    {.name = "broker-ssl-option",
     .group = OPTION_BROKER,
     .type = OPTION_TEXTS,
     .secrecy = OPTION_SECRET_PAIR,
     FIELD(ssl_options),
     .metavar = "KEY=VALUE",
     .check = check_ssl_options,
     .help =
         "One of Celery's broker_use_ssl settings; repeatable, and switches "
         "TLS on. ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_password, "
         "ssl_cert_reqs (required or none) and ssl_check_hostname (true "
         "or false) of Redis, ca_certs, certfile, keyfile, cert_reqs and "
         "server_hostname of AMQP go with either. Files are PEM, and read "
         "again at each connect. Without ssl_ca_certs the system's CAs "
         "count; certificate and host name are verified unless told "
         "otherwise."},
    {.name = "event-exchange",
     .group = OPTION_BROKER,
     .type = OPTION_TEXT,
     FIELD(event_exchange),
     .metavar = "NAME",
     .preset = "celeryev",
     .check = check_not_empty,
     .help = "Celery's event_exchange setting."},
    {.name = "control-exchange",
     .group = OPTION_BROKER,
     .type = OPTION_TEXT,
     FIELD(control_exchange),
     .metavar = "NAME",
     .preset = "celery",
     .check = check_not_empty,
     .help = "Celery's control_exchange setting."},
    {.name = "accept-content",
     .group = OPTION_BROKER,
     .type = OPTION_TEXT,
     FIELD(accept_content),
     .metavar = "LIST",
     .check = check_accept_content,
     .help = "Kept for compatibility. Events in JSON and msgpack are always "
             "read; pickle and yaml are always refused, and naming them here "
             "is only a warning."},
    {.name = "retry-interval",
     .group = OPTION_BROKER,
     .type = OPTION_SECONDS,
     FIELD(retry_interval_s),
     .metavar = "DURATION",
     .min = 0,
     .max = 86400,
     .help = "A fixed time between attempts to connect; 0 exits with status 1 "
             "at the first failure. Without this option the exporter "
             "reconnects for ever, at once and then after 0.1 s doubling to "
             "10 s."},
    {.name = "burst-buffer",
     .group = OPTION_BROKER,
     .type = OPTION_SIZE,
     FIELD(burst_buffer),
     .metavar = "SIZE",
     .preset = "64MiB",
     .min = 64 * KIB,
     .max = 16 * GIB,
     .check = check_burst_buffer,
     .help = "How much may be read from the broker ahead of decoding. It must "
             "hold one message of --event-max-bytes."},
    {.name = "event-max-bytes",
     .group = OPTION_BROKER,
     .type = OPTION_SIZE,
     FIELD(event_max_bytes),
     .metavar = "SIZE",
     .preset = "1MiB",
     .min = KIB,
     .max = 512 * MIB,
     .help = "The largest message that is decoded. Larger ones are skipped "
             "and counted."},
    {.name = "event-queue-ttl",
     .group = OPTION_BROKER,
     .type = OPTION_MILLIS,
     FIELD(event_queue_ttl_ms),
     .metavar = "DURATION",
     .preset = "60",
     .min = 1000,
     .max = 86400000,
     .help = "How long RabbitMQ keeps an event that the exporter has not read "
             "yet. Celery's own receivers allow 5 s. A pause of several "
             "heartbeats ends the connection, and the queue with it."},
    {.name = "event-queue-max-bytes",
     .group = OPTION_BROKER,
     .type = OPTION_SIZE,
     FIELD(event_queue_max_bytes),
     .metavar = "SIZE",
     .preset = "64MiB",
     .min = MIB,
     .max = 16 * GIB,
     .help = "How much RabbitMQ keeps of such events. Beyond it, the oldest go "
             "first."},
    /* web */
    {.name = "host",
     .group = OPTION_WEB,
     .common = true,
     .type = OPTION_TEXT,
     FIELD(host),
     .metavar = "HOST",
     .preset = "0.0.0.0",
     .help = "The address to listen on."},
    {.name = "port",
     .group = OPTION_WEB,
     .common = true,
     .type = OPTION_INT,
     FIELD(port),
     .metavar = "PORT",
     .preset = "9808",
     .min = 1,
     .max = 65535,
     .help = "The port to listen on."},
    {.name = "web.listen-address",
     .group = OPTION_WEB,
     .type = OPTION_TEXTS,
     FIELD(listen_addresses),
     .metavar = "ADDRESS",
     .check = check_listen_addresses,
     .help = "Where to listen instead of --host and --port: host:port, "
             "[::1]:9808 or :9808 for every address; repeatable."},
    {.name = "web.telemetry-path",
     .group = OPTION_WEB,
     .type = OPTION_TEXT,
     FIELD(telemetry_path),
     .metavar = "PATH",
     .preset = "/metrics",
     .check = check_telemetry_path,
     .help = "The path of the metrics. With / there is no landing page."},
    {.name = "web.max-requests",
     .group = OPTION_WEB,
     .type = OPTION_INT,
     FIELD(max_requests),
     .metavar = "N",
     .preset = "40",
     .min = 0,
     .max = 10000,
     .help = "The largest number of scrapes at a time, others get 503; 0 is "
             "no limit."},
    {.name = "scrape-fails-without-broker",
     .group = OPTION_WEB,
     .type = OPTION_FLAG,
     FIELD(scrape_fails_without_broker),
     .preset = "false",
     .help = "Answer scrapes with 500 while the broker is away, instead of "
             "the last values and celery_exporter_broker_up 0."},
    /* metrics */
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
    /* times */
    {.name = "worker-timeout",
     .group = OPTION_TIMES,
     .common = true,
     .type = OPTION_SECONDS,
     FIELD(worker_timeout_s),
     .metavar = "DURATION",
     .preset = "300",
     .min = 0,
     .max = 10 * YEAR_S,
     .help = "A worker that has been silent this long is down; 0 is never."},
    {.name = "purge-offline-worker-metrics",
     .group = OPTION_TIMES,
     .common = true,
     .type = OPTION_SECONDS,
     FIELD(purge_offline_worker_s),
     .metavar = "DURATION",
     .preset = "600",
     .min = 0,
     .max = 10 * YEAR_S,
     .help = "The series of a worker that has been silent this long are "
             "removed; 0 is never."},
    {.name = "purge-client-metrics",
     .group = OPTION_TIMES,
     .type = OPTION_SECONDS,
     FIELD(purge_client_s),
     .metavar = "DURATION",
     .preset = "7d",
     .min = 0,
     .max = 10 * YEAR_S,
     .help = "The series of a host that sends tasks and has sent none for "
             "this long are removed; 0 is never."},
    {.name = "name-grace",
     .group = OPTION_TIMES,
     .type = OPTION_MILLIS,
     FIELD(name_grace_ms),
     .metavar = "DURATION",
     .preset = "2",
     .min = 0,
     .max = 60000,
     .help = "How long an event waits for its task's name or queue, which "
             "another event brings; 0 is not at all."},
    {.name = "poll-interval",
     .group = OPTION_TIMES,
     .common = true,
     .type = OPTION_SECONDS,
     FIELD(poll_interval_s),
     .metavar = "DURATION",
     .preset = "15",
     .min = 1,
     .max = 86400,
     .help = "How often queues and workers are asked. A scrape never waits "
             "for them."},
    /* limits */
    {.name = "max-tracked-tasks",
     .group = OPTION_LIMITS,
     .common = true,
     .type = OPTION_INT,
     FIELD(max_tracked_tasks),
     .metavar = "N",
     .preset = "1000000",
     .min = 1,
     .max = 100000000,
     .help = "Tasks whose name and queue are remembered. Memory grows only "
             "as they are used. When full, finished tasks are forgotten "
             "first."},
    {.name = "max-series",
     .group = OPTION_LIMITS,
     .common = true,
     .type = OPTION_INT,
     FIELD(max_series),
     .metavar = "N",
     .preset = "500000",
     .min = 100,
     .max = 100000000,
     .help = "Samples on the page. Beyond it new label sets are counted "
             "under __other__."},
    {.name = "max-label-values",
     .group = OPTION_LIMITS,
     .type = OPTION_LABEL_CAPS,
     .metavar = "LIST",
     .preset = "name=5000,hostname=2000,queue_name=1000,exception=1000",
     .min = 1,
     .max = 10000000,
     .help = "Different values of a label; beyond it __other__. A list may "
             "name only some of the labels, the others keep their default."},
    {.name = "label-max-length",
     .group = OPTION_LIMITS,
     .type = OPTION_INT,
     FIELD(label_max_length),
     .metavar = "BYTES",
     .preset = "256",
     .min = 32,
     .max = 65536,
     .help = "Longer label values are cut, and marked with a short hash."},
    /* log */
    {.name = "log.level",
     .alias = "log-level",
     .group = OPTION_LOG,
     .common = true,
     .type = OPTION_LEVEL,
     FIELD(log_level),
     .metavar = "LEVEL",
     .preset = "info",
     .help = "debug, info, warn or error, in any case. TRACE, SUCCESS, "
             "WARNING and CRITICAL are understood too."},
    {.name = "log.format",
     .group = OPTION_LOG,
     .common = true,
     .type = OPTION_FORMAT,
     FIELD(log_format),
     .metavar = "FORMAT",
     .preset = "logfmt",
     .help = "logfmt or json."},
    /* other */
    {.name = "config-check",
     .group = OPTION_OTHER,
     .type = OPTION_FLAG,
     FIELD(config_check),
     .preset = "false",
     .help = "Check everything that can be checked without a broker, and "
             "exit with status 0 or 1."},
    {.name = "version",
     .group = OPTION_OTHER,
     .type = OPTION_VERSION,
     .help = "Print the version and exit."},
    {.name = "help",
     .letter = 'h',
     .group = OPTION_OTHER,
     .type = OPTION_HELP,
     .help = "Print this text and exit."},
    {.name = "help-man",
     .group = OPTION_HIDDEN,
     .type = OPTION_MAN,
     .help = "Print the manual page."},
    {.name = "help-markdown",
     .group = OPTION_HIDDEN,
     .type = OPTION_MARKDOWN,
     .help = "Print docs/options.md."},
    {.name = "help-readme",
     .group = OPTION_HIDDEN,
     .type = OPTION_README,
     .help = "Print the README's list of options."},
    {.name = "help-metrics",
     .group = OPTION_HIDDEN,
     .type = OPTION_METRICS_PAGE,
     .help = "Print the tables of docs/metrics.md."},
    {.name = "help-metrics-readme",
     .group = OPTION_HIDDEN,
     .type = OPTION_METRICS_README,
     .help = "Print the README's list of metrics."},
};

const size_t option_count = COUNT_OF(option_table);

bool
option_takes_value(const struct option_row *row)
{
    return row->metavar != NULL;
}

bool
option_variable(const struct option_row *row, struct buf *out)
{
    if (row->type >= OPTION_HELP)
        return false;
    buf_add_str(out, STR("CE_"));
    for (const char *c = row->name; *c != '\0'; c++)
        buf_add_byte(out, *c == '.' || *c == '-'
                              ? '_'
                              : (char)toupper((unsigned char)*c));
    return true;
}
