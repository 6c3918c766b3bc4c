#include "app/option_rows.h"

#include "app/option_rules.h"

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
};
#define GIB INT64_C(1073741824)

const struct option_row option_rows_broker[] = {
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
             "fanout_patterns, sep, priority_steps, unacked_key and "
             "unacked_index_key are used, for "
             "sentinel:// also master_name (required), min_other_sentinels, "
             "password and username in sentinel_kwargs, and master_hosts, "
             "the masters that Sentinels may name; others are accepted."},
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
    {0},
};
