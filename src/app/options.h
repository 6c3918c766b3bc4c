#pragma once

/* The command line and the environment: one table gives the parser, --help,
 * docs/options.md, the README's list and the man page. The command line
 * beats CE_* variables; an empty variable counts as unset. */

#include <stdint.h>

#include "base/log.h"
#include "wire/url.h"

/* A list of texts, NUL-terminated copies. */
struct texts {
    char **items;
    size_t n;
};

/* Ascending upper bounds in seconds, +Inf left out: it is always there. */
struct bounds {
    double *values;
    size_t n;
};

/* Where to listen; an empty host is every address. */
struct listen_address {
    char *host; /* without brackets */
    uint16_t port;
};

struct options {
    /* broker */
    char *broker_url;      /* --broker-url */
    char *broker_url_file; /* --broker-url-file, read at each connect */
    struct texts transport_options; /* --broker-transport-option, key=value */
    struct texts ssl_options;       /* --broker-ssl-option */
    struct tls_options tls;         /* read out of those */
    char *accept_content;
    int64_t retry_interval_s; /* -1 = not given */
    char *event_exchange;
    char *control_exchange;
    int64_t burst_buffer;    /* bytes */
    int64_t event_max_bytes; /* bytes */
    int64_t event_queue_ttl_ms;
    int64_t event_queue_max_bytes;
    /* read out of transport_options */
    char *global_keyprefix;
    char *fanout_prefix; /* "" = off */
    bool fanout_patterns;
    char *sep; /* between a queue's name and its priority step */
    int64_t *priority_steps;
    size_t npriority_steps;
    char *unacked_key;           /* "unacked" */
    char *unacked_index_key;     /* "unacked_index" */
    char *master_name;           /* of sentinel:// URLs; NULL = not given */
    int64_t min_other_sentinels; /* 0 = any number */
    struct texts master_hosts;   /* that Sentinels may name; empty = any */
    char *sentinel_user;         /* of the Sentinels themselves, or NULL */
    char *sentinel_password;
    struct tls_options sentinel_tls;
    /* web */
    char *host;
    int64_t port;
    struct texts listen_addresses; /* --web.listen-address, as given */
    struct listen_address *listen; /* those, else host and port: at least 1 */
    size_t nlisten;
    char *telemetry_path;
    int64_t max_requests; /* parallel scrapes, 0 = no limit */
    bool scrape_fails_without_broker;
    /* metrics */
    char *metric_prefix;
    struct bounds buckets;
    struct bounds queue_wait_buckets;
    struct texts static_labels; /* name=value, names valid and unique */
    bool generic_hostname_task_sent;
    bool generic_hostname_worker_task;
    bool hostname_is_worker;        /* --hostname-label=worker */
    struct texts hostname_rewrites; /* REGEX=REPLACEMENT, checked */
    struct texts task_include;      /* shell patterns */
    struct texts task_exclude;
    int64_t enable_events_s; /* --enable-events: how often; 0 = never */
    struct texts queues;     /* -Q, trimmed, without empty ones */
    char *default_queue_name;
    struct texts collect; /* family names, checked by the model */
    struct texts no_collect;
    bool created_series;
    int64_t worker_timeout_s;
    int64_t purge_offline_worker_s;
    int64_t purge_client_s;
    int64_t name_grace_ms;
    int64_t poll_interval_s;
    int64_t max_tracked_tasks;
    int64_t max_series;
    int64_t max_names, max_hostnames, max_queue_names, max_exceptions;
    int64_t label_max_length; /* bytes */
    /* log */
    enum log_level log_level;
    enum log_format log_format;
    /* modes */
    bool config_check;
    /* What is worth a word once the log is set up. */
    struct texts warnings;
    struct texts remarks;
};

enum options_verdict {
    OPTIONS_RUN,   /* *out is filled */
    OPTIONS_DONE,  /* --help, --version and the like were printed: exit 0 */
    OPTIONS_USAGE, /* wrong usage, said on stderr: exit 2 */
    OPTIONS_WRONG, /* a value that cannot work, said on stderr: exit 1 */
};

/* env as in environ(7). Every problem is one line on stderr that names the
 * option and its variable; all of them are shown, not only the first. A
 * password in argv is overwritten there, so that ps does not show it. Call
 * options_free whatever the verdict. */
enum options_verdict options_parse(struct options *out, int argc, char **argv,
                                   char **env);
/* The same, with what would be printed added to the buffers instead. */
enum options_verdict options_parse_to(struct options *out, int argc,
                                      char **argv, char **env,
                                      struct buf *print, struct buf *errors);
/* Logs the warnings, and the remarks at debug level: after log_setup. */
void options_report(const struct options *o);
/* Wipes what may hold a password. */
void options_free(struct options *o);
