#include "app/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../suite.h"
#include "app/broker_url.h"
#include "app/option_table.h"

const char suite_name[] = "options";

#define URL "redis://localhost"
#define BROKER "--broker-url=" URL

enum { MAX_WORDS = 16 };

static struct options o;
static struct buf print;
static struct buf errors;
/* The words of the last command line: parsing may overwrite them. */
static char *argv[MAX_WORDS + 2];

static void
set_up(void)
{
    o = (struct options){0};
    buf_init(&print, 0);
    buf_init(&errors, 0);
}

static void
forget(void)
{
    options_free(&o);
    buf_close(&print);
    buf_close(&errors);
    for (size_t i = 0; i < COUNT_OF(argv); i++) {
        free(argv[i]);
        argv[i] = NULL;
    }
}

/* Both lists end with NULL; env may be NULL. */
static enum options_verdict
parse(const char *const *words, const char *const *env)
{
    forget();
    set_up();
    int argc = 0;
    argv[argc++] = strdup("celery-exporter");
    for (size_t i = 0; words[i] != NULL; i++)
        argv[argc++] = strdup(words[i]);
    char *none[] = {NULL};
    const enum options_verdict verdict = options_parse_to(
        &o, argc, argv, env == NULL ? none : (char **)(uintptr_t)env, &print,
        &errors);
    buf_add_byte(&print, '\0');
    buf_add_byte(&errors, '\0');
    return verdict;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static enum options_verdict
parse_words(const char *a, const char *b)
{
    return b == NULL ? parse(WORDS(BROKER, a), NULL)
                     : parse(WORDS(BROKER, a, b), NULL);
}

static void
expect_said(const char *text)
{
    ck_assert_msg(strstr(errors.ptr, text) != NULL, "wanted: %s\nsaid: %s",
                  text, errors.ptr);
}

/* --- a value by its row, as text --- */

static void
show_texts(struct buf *out, const struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        buf_printf(out, "%s%s", i > 0 ? "|" : "", t->items[i]);
}

static void
show_bounds(struct buf *out, const struct bounds *b)
{
    for (size_t i = 0; i < b->n; i++)
        buf_printf(out, "%s%g", i > 0 ? "|" : "", b->values[i]);
}

/* The field of the option, NUL-terminated, to be freed. */
static char *
show(const char *name)
{
    const struct option_row *row = NULL;
    for (size_t i = 0; i < option_count(); i++)
        if (strcmp(option_at(i)->name, name) == 0)
            row = option_at(i);
    ck_assert_msg(row != NULL, "%s", name);
    const void *field = (const char *)&o + row->field;
    struct buf out;
    buf_init(&out, 0);
    if (row->type == OPTION_FLAG || row->type == OPTION_HOST_LABEL)
        buf_printf(&out, "%d", *(const bool *)field);
    else if (row->type == OPTION_TEXT)
        buf_printf(&out, "%s",
                   *(char *const *)field == NULL ? "(none)"
                                                 : *(char *const *)field);
    else if (row->type == OPTION_TEXTS || row->type == OPTION_NAMES)
        show_texts(&out, field);
    else if (row->type == OPTION_BOUNDS)
        show_bounds(&out, field);
    else if (row->type == OPTION_LEVEL)
        buf_printf(&out, "%d", (int)*(const enum log_level *)field);
    else if (row->type == OPTION_FORMAT)
        buf_printf(&out, "%d", (int)*(const enum log_format *)field);
    else if (row->type == OPTION_LABEL_CAPS)
        buf_printf(&out, "%d|%d|%d|%d", (int)o.max_names, (int)o.max_hostnames,
                   (int)o.max_queue_names, (int)o.max_exceptions);
    else
        buf_add_i64(&out, *(const int64_t *)field);
    buf_add_byte(&out, '\0');
    size_t len;
    return buf_take(&out, &len);
}

static void
expect_value(const char *name, const char *want)
{
    char *got = show(name);
    ck_assert_msg(strcmp(got, want) == 0, "--%s: wanted %s, got %s", name, want,
                  got);
    free(got);
}

/* Every option: the text of a value, what it becomes, and its default. */
static const struct {
    const char *name;
    const char *variable;
    const char *text;
    const char *value;
    const char *preset;
} every[] = {
    {"broker-url-file", "CE_BROKER_URL_FILE", NULL, NULL, "(none)"},
    {"broker-transport-option", "CE_BROKER_TRANSPORT_OPTION", "a=1", "a=1", ""},
    {"event-exchange", "CE_EVENT_EXCHANGE", "ev", "ev", "celeryev"},
    {"control-exchange", "CE_CONTROL_EXCHANGE", "ct", "ct", "celery"},
    {"accept-content", "CE_ACCEPT_CONTENT", "json", "json", "(none)"},
    {"retry-interval", "CE_RETRY_INTERVAL", "5", "5", "-1"},
    {"burst-buffer", "CE_BURST_BUFFER", "2MiB", "2097152", "67108864"},
    {"event-max-bytes", "CE_EVENT_MAX_BYTES", "64KB", "64000", "1048576"},
    {"event-queue-ttl", "CE_EVENT_QUEUE_TTL", "5m", "300000", "60000"},
    {"event-queue-max-bytes", "CE_EVENT_QUEUE_MAX_BYTES", "2MiB", "2097152",
     "67108864"},
    {"host", "CE_HOST", "::1", "::1", "0.0.0.0"},
    {"port", "CE_PORT", "9999", "9999", "9808"},
    {"web.listen-address", "CE_WEB_LISTEN_ADDRESS", ":9100", ":9100", ""},
    {"web.telemetry-path", "CE_WEB_TELEMETRY_PATH", "/", "/", "/metrics"},
    {"web.max-requests", "CE_WEB_MAX_REQUESTS", "0", "0", "40"},
    {"scrape-fails-without-broker", "CE_SCRAPE_FAILS_WITHOUT_BROKER", "true",
     "1", "0"},
    {"metric-prefix", "CE_METRIC_PREFIX", "my:app_", "my:app_", "celery_"},
    {"static-label", "CE_STATIC_LABEL", "env=prod", "env=prod", ""},
    {"buckets", "CE_BUCKETS", "1, 2.5,inf", "1|2.5",
     "0.005|0.01|0.025|0.05|0.075|0.1|0.25|0.5|0.75|1|2.5|5|7.5|10"},
    {"queue-wait-buckets", "CE_QUEUE_WAIT_BUCKETS", "3", "3",
     "0.05|0.1|0.25|0.5|1|2.5|5|10|30|60|120|300|600|1800"},
    {"queues", "CE_QUEUES", "a, b,,c ", "a|b|c", ""},
    {"default-queue-name", "CE_DEFAULT_QUEUE_NAME", "q", "q", "celery"},
    {"generic-hostname-task-sent-metric",
     "CE_GENERIC_HOSTNAME_TASK_SENT_METRIC", "true", "1", "0"},
    {"generic-hostname-worker-task-metric",
     "CE_GENERIC_HOSTNAME_WORKER_TASK_METRIC", "true", "1", "0"},
    {"hostname-label", "CE_HOSTNAME_LABEL", "Worker", "1", "0"},
    {"hostname-rewrite", "CE_HOSTNAME_REWRITE", "^(.*)-[0-9]+$=\\1",
     "^(.*)-[0-9]+$=\\1", ""},
    {"task-include", "CE_TASK_INCLUDE", "billing.*", "billing.*", ""},
    {"task-exclude", "CE_TASK_EXCLUDE", "*.[a-c]?", "*.[a-c]?", ""},
    {"collect", "CE_COLLECT", "task_runtime", "task_runtime", ""},
    {"no-collect", "CE_NO_COLLECT", "task_sent", "task_sent", ""},
    {"created-series", "CE_CREATED_SERIES", "true", "1", "0"},
    {"worker-timeout", "CE_WORKER_TIMEOUT", "0", "0", "300"},
    {"purge-offline-worker-metrics", "CE_PURGE_OFFLINE_WORKER_METRICS", "1h30m",
     "5400", "600"},
    {"purge-client-metrics", "CE_PURGE_CLIENT_METRICS", "1d", "86400",
     "604800"},
    {"name-grace", "CE_NAME_GRACE", "0.25", "250", "2000"},
    {"poll-interval", "CE_POLL_INTERVAL", "1m", "60", "15"},
    {"enable-events", "CE_ENABLE_EVENTS", "true", "60", "0"},
    {"max-tracked-tasks", "CE_MAX_TRACKED_TASKS", "10", "10", "1000000"},
    {"max-series", "CE_MAX_SERIES", "1000", "1000", "500000"},
    {"max-label-values", "CE_MAX_LABEL_VALUES", "hostname=3,name=7",
     "7|3|1000|1000", "5000|2000|1000|1000"},
    {"label-max-length", "CE_LABEL_MAX_LENGTH", "64", "64", "256"},
    {"log.level", "CE_LOG_LEVEL", "WARNING", "2", "1"},
    {"log.format", "CE_LOG_FORMAT", "json", "1", "0"},
    {"config-check", "CE_CONFIG_CHECK", "true", "1", "0"},
};

static bool
is_flag(const char *name)
{
    for (size_t i = 0; i < option_count(); i++)
        if (strcmp(option_at(i)->name, name) == 0)
            return option_is_switch(option_at(i));
    return false;
}

START_TEST(option_has_its_default)
{
    ck_assert_int_eq(parse(WORDS(BROKER), NULL), OPTIONS_RUN);

    expect_value(every[_i].name, every[_i].preset);
    ck_assert_str_eq(errors.ptr, "");
    ck_assert_uint_eq(o.warnings.n, 0);
}
END_TEST

START_TEST(option_is_set_by_the_command_line)
{
    char word[200];
    char option[200];
    if (every[_i].text == NULL)
        return;
    snprintf(option, sizeof(option), "--%s", every[_i].name);
    snprintf(word, sizeof(word), "--%s=%s", every[_i].name, every[_i].text);

    if (is_flag(every[_i].name)) {
        ck_assert_int_eq(parse_words(option, NULL), OPTIONS_RUN);
        expect_value(every[_i].name, every[_i].value);
        return;
    }
    ck_assert_int_eq(parse_words(word, NULL), OPTIONS_RUN);
    expect_value(every[_i].name, every[_i].value);
    ck_assert_int_eq(parse_words(option, every[_i].text), OPTIONS_RUN);
    expect_value(every[_i].name, every[_i].value);
}
END_TEST

START_TEST(option_is_set_by_its_variable_and_empty_is_unset)
{
    char set[200];
    char empty[200];
    if (every[_i].text == NULL)
        return;
    snprintf(set, sizeof(set), "%s=%s", every[_i].variable, every[_i].text);
    snprintf(empty, sizeof(empty), "%s=", every[_i].variable);

    ck_assert_int_eq(parse(WORDS(BROKER), WORDS("A=b", set, "CE_X=y")),
                     OPTIONS_RUN);
    /* A repeatable option is split on blanks, the comma lists are not. */
    expect_value(every[_i].name, every[_i].value);

    ck_assert_int_eq(parse(WORDS(BROKER), WORDS(empty)), OPTIONS_RUN);
    expect_value(every[_i].name, every[_i].preset);
}
END_TEST

START_TEST(no_option_is_left_out_of_these_tests)
{
    size_t nvalues = 0;
    for (size_t i = 0; i < option_count(); i++)
        nvalues += option_at(i)->type < OPTION_HELP;

    /* broker-url and broker-ssl-option have tests of their own. */
    ck_assert_uint_eq(COUNT_OF(every) + 2, nvalues);
}
END_TEST

/* --- sources --- */

START_TEST(command_line_beats_environment)
{
    const char *const env[] = {"CE_PORT=1", "CE_CREATED_SERIES=1",
                               "CE_STATIC_LABEL=a=1 b=2", NULL};

    ck_assert_int_eq(parse(WORDS(BROKER, "--port", "2", "--no-created-series",
                                 "--static-label", "c=3"),
                           env),
                     OPTIONS_RUN);

    expect_value("port", "2");
    expect_value("created-series", "0");
    expect_value("static-label", "c=3");
}
END_TEST

START_TEST(last_of_a_repeated_option_wins)
{
    ck_assert_int_eq(parse(WORDS(BROKER, "--port", "2", "--port=3",
                                 "--created-series", "--no-created-series"),
                           NULL),
                     OPTIONS_RUN);

    expect_value("port", "3");
    expect_value("created-series", "0");
}
END_TEST

START_TEST(repeatable_variable_is_split_on_blanks)
{
    ck_assert_int_eq(
        parse(WORDS(BROKER), WORDS("CE_STATIC_LABEL= env=prod \t team=a\n")),
        OPTIONS_RUN);

    expect_value("static-label", "env=prod|team=a");
}
END_TEST

START_TEST(repeatable_option_keeps_blanks_on_the_command_line)
{
    ck_assert_int_eq(parse_words("--static-label", "team=a b"), OPTIONS_RUN);

    expect_value("static-label", "team=a b");
}
END_TEST

static const struct {
    const char *text;
    int value; /* -1 = refused */
} booleans[] = {
    {"1", 1},  {"true", 1}, {"t", 1},  {"yes", 1},  {"y", 1},
    {"on", 1}, {"TRUE", 1}, {"On", 1}, {"0", 0},    {"false", 0},
    {"f", 0},  {"no", 0},   {"n", 0},  {"off", 0},  {"No", 0},
    {"2", -1}, {"ja", -1},  {"-", -1}, {"tru", -1}, {"01", -1},
};

START_TEST(variable_of_a_flag_is_a_boolean)
{
    char set[100];
    snprintf(set, sizeof(set), "CE_GENERIC_HOSTNAME_TASK_SENT_METRIC=%s",
             booleans[_i].text);

    const enum options_verdict verdict = parse(WORDS(BROKER), WORDS(set));

    if (booleans[_i].value < 0) {
        ck_assert_int_eq(verdict, OPTIONS_USAGE);
        expect_said("'--generic-hostname-task-sent-metric' "
                    "(CE_GENERIC_HOSTNAME_TASK_SENT_METRIC)");
    } else {
        ck_assert_int_eq(verdict, OPTIONS_RUN);
        ck_assert_int_eq(o.generic_hostname_task_sent, booleans[_i].value);
    }
}
END_TEST

START_TEST(short_queues_take_all_forms)
{
    ck_assert_int_eq(parse_words("-Qa,b", NULL), OPTIONS_RUN);
    expect_value("queues", "a|b");
    ck_assert_int_eq(parse_words("-Q", "a,b"), OPTIONS_RUN);
    expect_value("queues", "a|b");
}
END_TEST

/* --- broker URL --- */

START_TEST(broker_url_is_required)
{
    ck_assert_int_eq(parse(WORDS("--port=1"), NULL), OPTIONS_USAGE);

    expect_said("Usage: celery-exporter [OPTIONS]\n"
                "Try 'celery-exporter --help' for help.\n\n"
                "Error: Missing option '--broker-url'");
}
END_TEST

static const struct {
    const char *word; /* on the command line, or NULL */
    const char *env[3];
    const char *url;
} url_sources[] = {
    {"--broker-url=redis://a", {"CE_BROKER_URL=redis://b"}, "redis://a"},
    {NULL, {"CE_BROKER_URL=redis://b"}, "redis://b"},
    {NULL, {"CELERY_BROKER_URL=redis://c"}, "redis://c"},
    {NULL,
     {"CELERY_BROKER_URL=redis://c", "CE_BROKER_URL=redis://b"},
     "redis://b"},
    {NULL, {"CE_BROKER_URL=", "CELERY_BROKER_URL=redis://c"}, "redis://c"},
};

START_TEST(nearest_broker_url_wins)
{
    const char *const none[] = {NULL};
    const enum options_verdict verdict =
        parse(url_sources[_i].word == NULL ? none : WORDS(url_sources[_i].word),
              url_sources[_i].env);

    ck_assert_int_eq(verdict, OPTIONS_RUN);
    ck_assert_str_eq(o.broker_url, url_sources[_i].url);
}
END_TEST

static void
write_url_file(char path[64], const char *text)
{
    snprintf(path, 64, "%s", "/tmp/broker-url-XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(broker_url_file_is_read_each_time)
{
    char path[64];
    write_url_file(path, "  redis://:pw@one/1\n");
    struct url_list urls;
    struct buf err;
    buf_init(&err, 0);

    ck_assert_int_eq(parse(WORDS("--broker-url-file", path),
                           WORDS("CE_BROKER_URL=redis://far")),
                     OPTIONS_RUN);
    ck_assert(broker_url_list(&o, &urls, &err));
    ck_assert_str_eq(urls.urls[0].host, "one");
    url_list_free(&urls);
    FILE *file = fopen(path, "w");
    fputs("redis://two", file);
    fclose(file);
    ck_assert(broker_url_list(&o, &urls, &err));
    ck_assert_str_eq(urls.urls[0].host, "two");
    url_list_free(&urls);
    unlink(path);
    ck_assert(!broker_url_list(&o, &urls, &err));
    ck_assert_uint_gt(err.len, 0);

    buf_close(&err);
}
END_TEST

static const struct {
    const char *text;
    enum options_verdict verdict;
} url_files[] = {
    {"", OPTIONS_WRONG},
    {" \n", OPTIONS_WRONG},
    {"memory://", OPTIONS_USAGE},
};

START_TEST(broker_url_file_must_hold_a_url)
{
    char path[64];
    write_url_file(path, url_files[_i].text);

    ck_assert_int_eq(parse(WORDS("--broker-url-file", path), NULL),
                     url_files[_i].verdict);

    expect_said("'--broker-url-file' (CE_BROKER_URL_FILE)");
    unlink(path);
}
END_TEST

START_TEST(broker_url_and_its_file_exclude_each_other)
{
    ck_assert_int_eq(
        parse(WORDS(BROKER, "--broker-url-file=/etc/hostname"), NULL),
        OPTIONS_USAGE);

    expect_said("exclude each other");
}
END_TEST

/* --- wrong usage --- */

static const struct {
    const char *word;
    const char *next; /* or NULL */
    enum options_verdict verdict;
    const char *said;
} wrong[] = {
    /* the command line itself */
    {"--bogus", NULL, OPTIONS_USAGE, "No such option: --bogus\n"},
    {"--bogus=x", NULL, OPTIONS_USAGE, "No such option: --bogus\n"},
    {"-x", NULL, OPTIONS_USAGE, "No such option: -x\n"},
    {"--por", "1", OPTIONS_USAGE, "No such option: --por\n"},
    {"--no-port", NULL, OPTIONS_USAGE, "No such option: --no-port\n"},
    {"--port", NULL, OPTIONS_USAGE, "Option '--port' requires an argument"},
    {"-Q", NULL, OPTIONS_USAGE, "Option '--queues' requires an argument"},
    {"--created-series=1", NULL, OPTIONS_USAGE, "does not take a value"},
    {"word", NULL, OPTIONS_USAGE, "unexpected extra argument (word)"},
    {"sp ace", NULL, OPTIONS_USAGE, "unexpected extra argument (not shown)"},
    {"--", "--port=1", OPTIONS_USAGE, "unexpected extra argument"},
    {"-", NULL, OPTIONS_USAGE, "unexpected extra argument"},
    /* types and ranges */
    {"--port", "abc", OPTIONS_USAGE,
     "Invalid value for '--port' (CE_PORT): 'abc' is not a valid integer"},
    {"--port", "", OPTIONS_USAGE, "'' is not a valid integer"},
    {"--port", "1.5", OPTIONS_USAGE, "'1.5' is not a valid integer"},
    {"--port", "0", OPTIONS_USAGE, "'0' is not in the range 1 to 65535"},
    {"--port", "65536", OPTIONS_USAGE, "range 1 to 65535"},
    {"--port", "-1", OPTIONS_USAGE, "range 1 to 65535"},
    {"--port", "99999999999999999999", OPTIONS_USAGE, "integer"},
    {"--worker-timeout", "abc", OPTIONS_USAGE, "duration in whole seconds"},
    {"--worker-timeout", "1.5", OPTIONS_USAGE, "duration in whole seconds"},
    {"--worker-timeout", "-1", OPTIONS_USAGE, "range 0 to 3650d"},
    {"--retry-interval", "-1", OPTIONS_USAGE, "range 0 to 1d"},
    {"--poll-interval", "0", OPTIONS_USAGE, "range 1s to 1d"},
    {"--name-grace", "61", OPTIONS_USAGE, "range 0 to 1m"},
    {"--name-grace", "-1", OPTIONS_USAGE, "not a valid duration"},
    {"--name-grace", "nan", OPTIONS_USAGE, "not a valid duration"},
    {"--name-grace", "2 s", OPTIONS_USAGE, "not a valid duration"},
    {"--name-grace", "0.0001", OPTIONS_USAGE, "not a valid duration"},
    {"--burst-buffer", "64Mi", OPTIONS_USAGE, "not a valid size"},
    {"--burst-buffer", "1KiB", OPTIONS_USAGE, "range 64KiB to 16GiB"},
    {"--burst-buffer", "17GiB", OPTIONS_USAGE, "range 64KiB to 16GiB"},
    {"--event-max-bytes", "0", OPTIONS_USAGE, "range 1KiB to 512MiB"},
    {"--event-queue-ttl", "0", OPTIONS_USAGE, "range"},
    {"--event-queue-max-bytes", "1KiB", OPTIONS_USAGE, "range"},
    {"--max-tracked-tasks", "0", OPTIONS_USAGE, "range"},
    {"--max-series", "0", OPTIONS_USAGE, "range"},
    {"--label-max-length", "1", OPTIONS_USAGE, "range"},
    {"--web.max-requests", "-1", OPTIONS_USAGE, "range"},
    /* values that cannot work */
    {"--burst-buffer", "512KiB", OPTIONS_WRONG, "--event-max-bytes"},
    {"--buckets", "1,3,2", OPTIONS_WRONG,
     "Invalid value for '--buckets' (CE_BUCKETS): the buckets are not in "
     "ascending order at '2'"},
    {"--buckets", "1,1", OPTIONS_WRONG, "ascending order"},
    {"--buckets", "inf,1", OPTIONS_WRONG, "ascending order"},
    {"--buckets", "1,inf,inf", OPTIONS_WRONG, "ascending order"},
    {"--buckets", "-inf,1", OPTIONS_WRONG, "ascending order"},
    {"--buckets", "nan", OPTIONS_WRONG, "'nan' is not a number"},
    {"--buckets", "1,,2", OPTIONS_WRONG, "'' is not a number"},
    {"--buckets", "", OPTIONS_WRONG, "'' is not a number"},
    {"--buckets", "1;2", OPTIONS_WRONG, "'1;2' is not a number"},
    {"--queue-wait-buckets", "2,1", OPTIONS_WRONG, "(CE_QUEUE_WAIT_BUCKETS)"},
    {"--log.level", "loud", OPTIONS_WRONG, "'loud' is not one of"},
    {"--log-level", "loud", OPTIONS_WRONG,
     "'--log.level' / '--log-level' (CE_LOG_LEVEL)"},
    {"--log.format", "xml", OPTIONS_WRONG, "'xml' is not one of"},
    {"--metric-prefix", "1a", OPTIONS_WRONG, "metric name"},
    {"--metric-prefix", "a-b", OPTIONS_WRONG, "metric name"},
    {"--metric-prefix", "\xc3\xa4", OPTIONS_WRONG, "'\\xc3\\xa4'"},
    {"--collect", "celery_task_runtime", OPTIONS_WRONG, "no metric family"},
    {"--no-collect", "task", OPTIONS_WRONG, "no metric family"},
    {"--static-label", "a", OPTIONS_WRONG, "exactly one equals sign"},
    {"--static-label", "a=b=c", OPTIONS_WRONG, "exactly one equals sign"},
    {"--static-label", "=b", OPTIONS_WRONG, "no legal label name"},
    {"--static-label", "1a=b", OPTIONS_WRONG, "no legal label name"},
    {"--static-label", "a:b=c", OPTIONS_WRONG, "no legal label name"},
    {"--static-label", "__a=c", OPTIONS_WRONG, "no legal label name"},
    {"--static-label", "le=1", OPTIONS_WRONG, "exporter sets itself"},
    {"--static-label", "queue_name=1", OPTIONS_WRONG, "exporter sets itself"},
    {"--static-label", "a=\xff", OPTIONS_WRONG, "not UTF-8"},
    {"--web.telemetry-path", "", OPTIONS_WRONG, "begins with /"},
    {"--web.telemetry-path", "metrics", OPTIONS_WRONG, "begins with /"},
    {"--web.telemetry-path", "/a b", OPTIONS_WRONG, "begins with /"},
    {"--web.telemetry-path", "/a?b", OPTIONS_WRONG, "begins with /"},
    {"--web.telemetry-path", "/health", OPTIONS_WRONG, "another endpoint"},
    {"--web.listen-address", "9808", OPTIONS_WRONG, "host:port"},
    {"--web.listen-address", "::1:9808", OPTIONS_WRONG, "host:port"},
    {"--web.listen-address", ":0", OPTIONS_WRONG, "host:port"},
    {"--web.listen-address", ":70000", OPTIONS_WRONG, "host:port"},
    {"--web.listen-address", "[::1]", OPTIONS_WRONG, "host:port"},
    {"--event-exchange", "", OPTIONS_WRONG, "it is empty"},
    {"--control-exchange", "", OPTIONS_WRONG, "it is empty"},
    {"--max-label-values", "name", OPTIONS_WRONG, "'name' is not LABEL=N"},
    {"--max-label-values", "x=1", OPTIONS_WRONG, "'x=1' is not LABEL=N"},
    {"--max-label-values", "name=0", OPTIONS_WRONG, "from 1 to 10000000"},
    {"--broker-ssl-option", "a=b", OPTIONS_WRONG, "number 1 is unknown"},
    {"--broker-ssl-option", "ssl_cert_reqs=maybe", OPTIONS_WRONG,
     "ssl_cert_reqs must be required"},
    {"--broker-ssl-option", "ssl_check_hostname=maybe", OPTIONS_WRONG,
     "ssl_check_hostname must be true or false"},
    {"--broker-ssl-option", "ssl_ca_certs=/none.pem", OPTIONS_WRONG,
     "/none.pem: No such file or directory"},
    {"--broker-ssl-option", "keyfile=/none.pem", OPTIONS_WRONG,
     "without ssl_certfile"},
    {"--broker-ssl-option", "a", OPTIONS_WRONG, "number 1 is not KEY=VALUE"},
    /* transport options */
    {"--broker-transport-option", "a", OPTIONS_WRONG, "not KEY=VALUE"},
    {"--broker-transport-option", "=a", OPTIONS_WRONG, "not KEY=VALUE"},
    {"--broker-transport-option", "global_keyprefix=7", OPTIONS_WRONG,
     "global_keyprefix must be text"},
    {"--broker-transport-option", "fanout_prefix=[1]", OPTIONS_WRONG,
     "fanout_prefix must be true, false or text"},
    {"--broker-transport-option", "fanout_patterns=maybe", OPTIONS_WRONG,
     "fanout_patterns must be true or false"},
    {"--broker-transport-option", "sep=", OPTIONS_WRONG, "sep must be text"},
    {"--broker-transport-option", "master_name=", OPTIONS_WRONG,
     "master_name must be text"},
    {"--broker-transport-option", "master_name=7", OPTIONS_WRONG,
     "master_name must be text"},
    {"--broker-transport-option", "min_other_sentinels=-1", OPTIONS_WRONG,
     "min_other_sentinels must be a number"},
    {"--broker-transport-option", "master_hosts=[]", OPTIONS_WRONG,
     "master_hosts must be a name or an address"},
    {"--broker-transport-option", "master_hosts=[\"a\", 7]", OPTIONS_WRONG,
     "master_hosts must be a name or an address"},
    {"--broker-transport-option", "sentinel_kwargs=pw", OPTIONS_WRONG,
     "sentinel_kwargs must be a JSON object"},
    {"--broker-transport-option", "sentinel_kwargs={\"password\": 7}",
     OPTIONS_WRONG, "sentinel_kwargs must be a JSON object"},
    {"--broker-transport-option", "unacked_key=", OPTIONS_WRONG,
     "unacked_key must be text"},
    {"--broker-transport-option", "unacked_index_key=7", OPTIONS_WRONG,
     "digits alone need quotes"},
    {"--broker-transport-option", "priority_steps=3", OPTIONS_WRONG,
     "priority_steps must be a list"},
    {"--broker-transport-option", "priority_steps=[]", OPTIONS_WRONG, "list"},
    {"--broker-transport-option", "priority_steps=[1,-1]", OPTIONS_WRONG,
     "list"},
    {"--broker-transport-option", "priority_steps=[\"a\"]", OPTIONS_WRONG,
     "list"},
};

START_TEST(wrong_value_is_said_with_its_option)
{
    ck_assert_int_eq(parse_words(wrong[_i].word, wrong[_i].next),
                     wrong[_i].verdict);

    expect_said(wrong[_i].said);
    ck_assert((strncmp(errors.ptr, "Usage: ", 7) == 0) ==
              (wrong[_i].verdict == OPTIONS_USAGE));
    ck_assert_uint_eq(print.len, 1);
}
END_TEST

START_TEST(all_problems_are_said_a_line_each)
{
    ck_assert_int_eq(
        parse(WORDS("--bogus", "--port=x", "--buckets=2,1", "--static-label=a"),
              WORDS("CE_LOG_LEVEL=loud")),
        OPTIONS_USAGE);

    size_t nlines = 0;
    for (const char *at = errors.ptr; (at = strstr(at, "Error: ")) != NULL;
         at++) {
        ck_assert(at[-1] == '\n');
        nlines++;
    }
    ck_assert_uint_eq(nlines, 6); /* and the broker URL is missing */
}
END_TEST

START_TEST(no_arguments_at_all_is_wrong_usage)
{
    char *none[] = {NULL};
    ck_assert_int_eq(options_parse_to(&o, 0, none, none, &print, &errors),
                     OPTIONS_USAGE);
}
END_TEST

/* --- secrets --- */

static const char *const leaky[][4] = {
    {"--broker-url=redis://:Canary@h/x"},
    {"--broker-url=amqp://u:Canary@h:x"},
    {"--broker-url=redis://u:p@ss/Canary@h:port"},
    {"--broker-url=Canary@h"},
    {"--broker-url", "redis://h?password=Canary"},
    {"--broker-transport-option=Canary"},
    {"--broker-transport-option=sentinel_kwargs={\"password\":\"Canary\"}",
     "--bogus"},
    {"--broker-transport-option=priority_steps=Canary"},
    {"--broker-ssl-option=Canary"},
    {"redis://:Canary@h"},
    {"--broker-url=redis://:x", "Canary", "y@h"},
    {"--port", "redis://:Canary@h"},
    {"--port", "redis://h?password=Canary"},
    {"--broker-rul=redis://:Canary@h"},
    {"--broker-url:redis://:Canary@h"},
    {"--static-label=a=redis://:Canary@h="},
};

START_TEST(no_problem_repeats_a_secret)
{
    const enum options_verdict verdict = parse(leaky[_i], NULL);

    ck_assert_int_ne(verdict, OPTIONS_RUN);
    ck_assert_msg(strstr(errors.ptr, "Canary") == NULL, "%s", errors.ptr);
    ck_assert_msg(strstr(errors.ptr, "p@ss") == NULL, "%s", errors.ptr);
}
END_TEST

static const struct {
    const char *word;
    const char *next;
    const char *left;
} masked[] = {
    {"--broker-url=redis://u:pw@h/1", NULL, "--broker-url=redis://****@h/1"},
    {"--broker-url", "redis://u:pw@h/1", "redis://****@h/1"},
    {"--broker-url", "redis://:a@b@h;redis://:x@i",
     "redis://*****************@i"},
    {"--broker-url", "redis://h/1", "redis://h/1"},
    {"--broker-url", "amqp://h?heartbeat=3", "amqp://h?heartbeat=3"},
    {"--broker-url", "rediss://h?ssl_password=p", "rediss://h?**************"},
    {"--broker-transport-option", "k={\"password\":\"pw\"}",
     "k=*****************"},
    {"--broker-transport-option=visibility_timeout=3", NULL,
     "--broker-transport-option=visibility_timeout=3"},
};

START_TEST(password_in_argv_is_overwritten)
{
    ck_assert_int_eq(parse_words(masked[_i].word, masked[_i].next),
                     OPTIONS_RUN);

    ck_assert_str_eq(argv[masked[_i].next == NULL ? 2 : 3], masked[_i].left);
    const bool changed = strchr(masked[_i].left, '*') != NULL;
    ck_assert_uint_eq(o.warnings.n, changed);
}
END_TEST

START_TEST(masked_url_is_kept_inside)
{
    ck_assert_int_eq(parse(WORDS("--broker-url=redis://u:pw@h/1"), NULL),
                     OPTIONS_RUN);

    ck_assert_str_eq(o.broker_url, "redis://u:pw@h/1");
}
END_TEST

/* --- transport options --- */

START_TEST(transport_options_have_kombus_defaults)
{
    ck_assert_int_eq(parse(WORDS(BROKER), NULL), OPTIONS_RUN);

    ck_assert_str_eq(o.global_keyprefix, "");
    ck_assert_str_eq(o.fanout_prefix, "/{db}.");
    ck_assert(o.fanout_patterns);
    ck_assert_str_eq(o.sep, "\x06\x16");
    ck_assert_uint_eq(o.npriority_steps, 4);
    ck_assert_int_eq(o.priority_steps[3], 9);
    ck_assert_str_eq(o.unacked_key, "unacked");
    ck_assert_str_eq(o.unacked_index_key, "unacked_index");
}
END_TEST

START_TEST(keys_of_the_unacknowledged_are_read)
{
    ck_assert_int_eq(
        parse(WORDS(BROKER, "--broker-transport-option", "unacked_key=held",
                    "--broker-transport-option", "unacked_index_key=\"7\""),
              NULL),
        OPTIONS_RUN);

    ck_assert_str_eq(o.unacked_key, "held");
    ck_assert_str_eq(o.unacked_index_key, "7");
}
END_TEST

static const struct {
    const char *text;
    const char *keyprefix, *fanout_prefix, *sep;
    int fanout_patterns;
    size_t nsteps;
} transports[] = {
    {"global_keyprefix=pfx:", "pfx:", "/{db}.", "\x06\x16", 1, 4},
    {"global_keyprefix=\"7\"", "7", "/{db}.", "\x06\x16", 1, 4},
    {"global_keyprefix={invalid_json: \"value\"}", "{invalid_json: \"value\"}",
     "/{db}.", "\x06\x16", 1, 4},
    {"global_keyprefix=a=b", "a=b", "/{db}.", "\x06\x16", 1, 4},
    {"fanout_prefix=true", "", "/{db}.", "\x06\x16", 1, 4},
    {"fanout_prefix=false", "", "", "\x06\x16", 1, 4},
    {"fanout_prefix=0", "", "", "\x06\x16", 1, 4},
    {"fanout_prefix=1", "", "/{db}.", "\x06\x16", 1, 4},
    {"fanout_prefix=", "", "", "\x06\x16", 1, 4},
    {"fanout_prefix=/team{db}.", "", "/team{db}.", "\x06\x16", 1, 4},
    /* Python's spelling is not JSON, so it is text, and text is a prefix. */
    {"fanout_prefix=False", "", "False", "\x06\x16", 1, 4},
    {"fanout_patterns=false", "", "/{db}.", "\x06\x16", 0, 4},
    {"sep=:", "", "/{db}.", ":", 1, 4},
    {"priority_steps=[0,1,2,3,4,5,6,7,8,9]", "", "/{db}.", "\x06\x16", 1, 10},
    {"priority_steps=[3,0,3]", "", "/{db}.", "\x06\x16", 1, 2},
    {"visibility_timeout=1423", "", "/{db}.", "\x06\x16", 1, 4},
    {"sentinel_kwargs={\"password\":\"x\"}", "", "/{db}.", "\x06\x16", 1, 4},
};

START_TEST(transport_option_is_read_as_kombu_reads_it)
{
    ck_assert_int_eq(
        parse_words("--broker-transport-option", transports[_i].text),
        OPTIONS_RUN);

    ck_assert_str_eq(o.global_keyprefix, transports[_i].keyprefix);
    ck_assert_str_eq(o.fanout_prefix, transports[_i].fanout_prefix);
    ck_assert_str_eq(o.sep, transports[_i].sep);
    ck_assert_int_eq(o.fanout_patterns, transports[_i].fanout_patterns);
    ck_assert_uint_eq(o.npriority_steps, transports[_i].nsteps);
    for (size_t i = 1; i < o.npriority_steps; i++)
        ck_assert_int_lt(o.priority_steps[i - 1], o.priority_steps[i]);
}
END_TEST

START_TEST(transport_options_of_sentinels_are_read)
{
    ck_assert_int_eq(
        parse(
            WORDS(BROKER, "--broker-transport-option", "master_name=m-1",
                  "--broker-transport-option", "min_other_sentinels=2",
                  "--broker-transport-option",
                  "master_hosts=[\"10.0.0.1\", \"r-2.test\"]",
                  "--broker-transport-option",
                  "sentinel_kwargs={\"username\": \"u\", \"password\": \"p\", "
                  "\"socket_timeout\": 1}"),
            NULL),
        OPTIONS_RUN);

    ck_assert_str_eq(o.master_name, "m-1");
    ck_assert_int_eq(o.min_other_sentinels, 2);
    ck_assert_uint_eq(o.master_hosts.n, 2);
    ck_assert_str_eq(o.master_hosts.items[0], "10.0.0.1");
    ck_assert_str_eq(o.master_hosts.items[1], "r-2.test");
    ck_assert_str_eq(o.sentinel_user, "u");
    ck_assert_str_eq(o.sentinel_password, "p");
    ck_assert_uint_eq(o.remarks.n, 1);
}
END_TEST

START_TEST(unknown_transport_option_is_only_a_remark)
{
    ck_assert_int_eq(
        parse_words("--broker-transport-option", "visibility_timeout=7200"),
        OPTIONS_RUN);

    ck_assert_uint_eq(o.warnings.n, 0);
    ck_assert_uint_eq(o.remarks.n, 1);
    ck_assert_ptr_nonnull(strstr(o.remarks.items[0], "visibility_timeout"));
}
END_TEST

/* --- others --- */

static const struct {
    const char *text;
    enum log_level level;
} level_names[] = {
    {"debug", LOG_DEBUG},    {"INFO", LOG_INFO},    {"Warn", LOG_WARN},
    {"error", LOG_ERROR},    {"TRACE", LOG_DEBUG},  {"DEBUG", LOG_DEBUG},
    {"SUCCESS", LOG_INFO},   {"WARNING", LOG_WARN}, {"ERROR", LOG_ERROR},
    {"CRITICAL", LOG_ERROR},
};

START_TEST(log_level_has_both_worlds_names)
{
    ck_assert_int_eq(parse_words("--log-level", level_names[_i].text),
                     OPTIONS_RUN);
    ck_assert_int_eq(o.log_level, level_names[_i].level);

    ck_assert_int_eq(parse_words("--log.level", level_names[_i].text),
                     OPTIONS_RUN);
    ck_assert_int_eq(o.log_level, level_names[_i].level);
}
END_TEST

static const struct {
    const char *word, *next;
    const char *host;
    int port;
} listens[] = {
    {"--port", "1", "0.0.0.0", 1},
    {"--host", "::", "::", 9808},
    {"--web.listen-address", ":9100", "", 9100},
    {"--web.listen-address", "[::1]:9100", "::1", 9100},
    {"--web.listen-address", "example.org:80", "example.org", 80},
    {"--web.listen-address", "127.0.0.1:65535", "127.0.0.1", 65535},
};

START_TEST(listen_address_is_taken_apart)
{
    ck_assert_int_eq(parse_words(listens[_i].word, listens[_i].next),
                     OPTIONS_RUN);

    ck_assert_uint_eq(o.nlisten, 1);
    ck_assert_str_eq(o.listen[0].host, listens[_i].host);
    ck_assert_int_eq(o.listen[0].port, listens[_i].port);
}
END_TEST

START_TEST(listen_addresses_replace_host_and_port)
{
    ck_assert_int_eq(parse(WORDS(BROKER, "--port=7", "--host=h"),
                           WORDS("CE_WEB_LISTEN_ADDRESS=:1 [::1]:2")),
                     OPTIONS_RUN);

    ck_assert_uint_eq(o.nlisten, 2);
    ck_assert_int_eq(o.listen[0].port, 1);
    ck_assert_str_eq(o.listen[1].host, "::1");
}
END_TEST

START_TEST(metric_prefix_may_be_empty)
{
    ck_assert_int_eq(parse_words("--metric-prefix", ""), OPTIONS_RUN);

    ck_assert_str_eq(o.metric_prefix, "");
}
END_TEST

START_TEST(buckets_may_be_infinity_alone)
{
    ck_assert_int_eq(parse_words("--buckets", "inf"), OPTIONS_RUN);

    ck_assert_uint_eq(o.buckets.n, 0);
}
END_TEST

static const struct {
    const char *text;
    size_t nwarnings;
} contents[] = {
    {"json", 0},         {"json,msgpack", 0},
    {"json, pickle", 1}, {"application/json", 0},
    {"yaml,pickle", 1},  {"", 0},
};

START_TEST(accepting_pickle_is_one_warning)
{
    ck_assert_int_eq(parse_words("--accept-content", contents[_i].text),
                     OPTIONS_RUN);

    ck_assert_uint_eq(o.warnings.n, contents[_i].nwarnings);
}
END_TEST

/* --- printing --- */

START_TEST(help_needs_nothing_else)
{
    ck_assert_int_eq(parse(WORDS("--help"), NULL), OPTIONS_DONE);
    ck_assert_ptr_nonnull(strstr(print.ptr, "Usage: celery-exporter"));
    ck_assert_str_eq(errors.ptr, "");

    ck_assert_int_eq(parse(WORDS("--port=x", "-h"), WORDS("CE_BUCKETS=x")),
                     OPTIONS_DONE);
    ck_assert_int_eq(parse(WORDS("--bogus", "-h"), NULL), OPTIONS_USAGE);
}
END_TEST

START_TEST(version_has_the_layout_that_tools_parse)
{
    ck_assert_int_eq(parse(WORDS("--version"), NULL), OPTIONS_DONE);

    char version[32], branch[128], revision[128], more[32];
    const int n = sscanf(print.ptr,
                         "celery_exporter, version %31s (branch: %127[^,], "
                         "revision: %127[^)])\n  build date: %31s",
                         version, branch, revision, more);
    ck_assert_int_eq(n, 4);
    ck_assert_ptr_nonnull(strstr(print.ptr, "\n  compiler:   "));
    ck_assert_ptr_nonnull(strstr(print.ptr, "\n  platform:   "));
    ck_assert_ptr_nonnull(strstr(print.ptr, "jansson 2."));
}
END_TEST

START_TEST(first_of_help_and_version_wins)
{
    ck_assert_int_eq(parse(WORDS("--version", "--help"), NULL), OPTIONS_DONE);

    ck_assert_int_eq(strncmp(print.ptr, "celery_exporter,", 16), 0);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, forget);
    tcase_add_loop_test(tc, option_has_its_default, 0, COUNT_OF(every));
    tcase_add_loop_test(tc, option_is_set_by_the_command_line, 0,
                        COUNT_OF(every));
    tcase_add_loop_test(tc, option_is_set_by_its_variable_and_empty_is_unset, 0,
                        COUNT_OF(every));
    tcase_add_test(tc, no_option_is_left_out_of_these_tests);
    tcase_add_test(tc, command_line_beats_environment);
    tcase_add_test(tc, last_of_a_repeated_option_wins);
    tcase_add_test(tc, repeatable_variable_is_split_on_blanks);
    tcase_add_test(tc, repeatable_option_keeps_blanks_on_the_command_line);
    tcase_add_loop_test(tc, variable_of_a_flag_is_a_boolean, 0,
                        COUNT_OF(booleans));
    tcase_add_test(tc, short_queues_take_all_forms);
    tcase_add_test(tc, broker_url_is_required);
    tcase_add_loop_test(tc, nearest_broker_url_wins, 0, COUNT_OF(url_sources));
    tcase_add_test(tc, broker_url_file_is_read_each_time);
    tcase_add_loop_test(tc, broker_url_file_must_hold_a_url, 0,
                        COUNT_OF(url_files));
    tcase_add_test(tc, broker_url_and_its_file_exclude_each_other);
    tcase_add_loop_test(tc, wrong_value_is_said_with_its_option, 0,
                        COUNT_OF(wrong));
    tcase_add_test(tc, all_problems_are_said_a_line_each);
    tcase_add_test(tc, no_arguments_at_all_is_wrong_usage);
    tcase_add_loop_test(tc, no_problem_repeats_a_secret, 0, COUNT_OF(leaky));
    tcase_add_loop_test(tc, password_in_argv_is_overwritten, 0,
                        COUNT_OF(masked));
    tcase_add_test(tc, masked_url_is_kept_inside);
    tcase_add_test(tc, transport_options_have_kombus_defaults);
    tcase_add_test(tc, keys_of_the_unacknowledged_are_read);
    tcase_add_loop_test(tc, transport_option_is_read_as_kombu_reads_it, 0,
                        COUNT_OF(transports));
    tcase_add_test(tc, transport_options_of_sentinels_are_read);
    tcase_add_test(tc, unknown_transport_option_is_only_a_remark);
    tcase_add_loop_test(tc, log_level_has_both_worlds_names, 0,
                        COUNT_OF(level_names));
    tcase_add_loop_test(tc, listen_address_is_taken_apart, 0,
                        COUNT_OF(listens));
    tcase_add_test(tc, listen_addresses_replace_host_and_port);
    tcase_add_test(tc, metric_prefix_may_be_empty);
    tcase_add_test(tc, buckets_may_be_infinity_alone);
    tcase_add_loop_test(tc, accepting_pickle_is_one_warning, 0,
                        COUNT_OF(contents));
    tcase_add_test(tc, help_needs_nothing_else);
    tcase_add_test(tc, version_has_the_layout_that_tools_parse);
    tcase_add_test(tc, first_of_help_and_version_wins);
}
