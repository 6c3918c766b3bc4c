#include "app/exporter.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "app/broker_url.h"
#include "app/inspect.h"
#include "app/pages.h"
#include "app/routes.h"
#include "app/version.h"
#include "io/broker.h"
#include "io/http.h"
#include "io/process.h"
#include "model/metrics.h"
#include "wire/event.h"
#include "wire/pidbox.h"

enum {
    TICK_MS = 1000,
    /* Responses under way get this long when the exporter stops. */
    DRAIN_MS = 2000,
    DRAIN_STEP_MS = 20,
};

struct exporter {
    const struct options *options;
    uv_loop_t loop;
    struct metrics *metrics;
    struct event_decoder *decoder;
    struct event_handler events;
    struct broker_config broker_config;
    struct broker *broker;
    struct inspect *inspect;
    struct pages *pages;
    struct routes *routes;
    struct http *http;
    uv_timer_t tick;
    uv_timer_t deadline; /* of events that wait for a name */
    uv_timer_t drain;
    uv_signal_t sigterm;
    uv_signal_t sigint;
    double start_s;
    bool broker_up;
    bool stopping;
    uint64_t drain_until_ms;
    int status;
    int nclosing; /* parts that have not yet closed their handles */
    struct series *connect_errors[BROKER_REASON_COUNT];
    struct series *disconnects[BROKER_REASON_COUNT];
};

static double
wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct now
now_of(struct exporter *e)
{
    return (struct now){
        .mono_ms = (int64_t)uv_now(&e->loop),
        .wall_s = wall_clock(),
    };
}

static void stop(struct exporter *e, int status);

/* ---- the event stream ---- */

static void
on_event(void *ctx, const struct event *ev)
{
    struct exporter *e = ctx;
    metrics_event(e->metrics, ev, now_of(e));
    if (ev->type == EVENT_WORKER_ONLINE || ev->type == EVENT_WORKER_OFFLINE)
        inspect_soon(e->inspect);
}

static void
on_reject(void *ctx, enum reject reason)
{
    struct exporter *e = ctx;
    metrics_reject(e->metrics, reason);
    const struct str name = reject_name(reason);
    LOG_LIMITED(LOG_WARN, name.ptr, "Event stream: something was refused",
                "reason", name.ptr, NULL);
}

static void on_deadline(uv_timer_t *timer);

static void
arm_deadline(struct exporter *e)
{
    const int64_t at_ms = metrics_deadline(e->metrics);
    if (at_ms == INT64_MAX || uv_is_active((uv_handle_t *)&e->deadline))
        return;
    const int64_t left_ms = at_ms - (int64_t)uv_now(&e->loop);
    uv_timer_start(&e->deadline, on_deadline,
                   left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

static void
on_deadline(uv_timer_t *timer)
{
    struct exporter *e = timer->data;
    metrics_expire(e->metrics, now_of(e));
    arm_deadline(e);
}

static void
on_message(void *ctx, const struct message *message)
{
    struct exporter *e = ctx;
    metrics_message(e->metrics, message->wire_bytes);
    event_decode(e->decoder, message->body, message->serializer, &e->events);
    arm_deadline(e);
}

static void
on_broker_reject(void *ctx, enum reject reason, size_t wire_bytes)
{
    struct exporter *e = ctx;
    metrics_message(e->metrics, wire_bytes);
    on_reject(e, reason);
}

/* ---- the broker ---- */

static void
ask_for_heartbeats(struct exporter *e)
{
    struct buf command;
    buf_init(&command, 0);
    pidbox_encode(&command, &(struct pidbox_command){.method = "heartbeat"});
    broker_broadcast(e->broker, buf_str(&command));
    buf_close(&command);
}

static void
on_up(void *ctx)
{
    struct exporter *e = ctx;
    e->broker_up = true;
    metrics_broker_up(e->metrics, true, now_of(e));
    ask_for_heartbeats(e);
    inspect_broker_up(e->inspect, true);
}

static void
count_reason(struct exporter *e, enum group_id group,
             struct series *const *series, enum broker_reason reason)
{
    group_count(registry_group(metrics_registry(e->metrics), group),
                series[reason], REASON_COL, 1);
}

static void
give_up(struct exporter *e)
{
    if (e->options->retry_interval_s != 0 || e->stopping)
        return;
    LOG(LOG_ERROR, "The broker is lost and --retry-interval is 0: exiting",
        NULL);
    stop(e, EXIT_FAILURE);
}

static void
on_down(void *ctx, enum broker_reason reason)
{
    struct exporter *e = ctx;
    e->broker_up = false;
    metrics_broker_up(e->metrics, false, now_of(e));
    inspect_broker_up(e->inspect, false);
    count_reason(e, GROUP_DISCONNECT, e->disconnects, reason);
    give_up(e);
}

static void
on_failed(void *ctx, enum broker_reason reason)
{
    struct exporter *e = ctx;
    count_reason(e, GROUP_CONNECT_ERROR, e->connect_errors, reason);
    give_up(e);
}

static void
on_certificate(void *ctx, int64_t not_after_s)
{
    struct exporter *e = ctx;
    struct registry *registry = metrics_registry(e->metrics);
    group_set(registry_group(registry, GROUP_EXPORTER),
              registry_fixed(registry, GROUP_EXPORTER, NULL),
              SELF_TLS_NOT_AFTER_COL, (double)not_after_s);
}

static void
on_reply(void *ctx, const struct message *message)
{
    struct exporter *e = ctx;
    inspect_reply(e->inspect, message);
}

static void
on_queue(void *ctx, struct str name, int64_t length, int64_t consumers)
{
    struct exporter *e = ctx;
    inspect_queue(e->inspect, name, length, consumers);
}

/* ---- pages ---- */

static void
set_unless_nan(struct group *group, struct series *series, size_t column,
               double value)
{
    if (!isnan(value))
        group_set(group, series, column, value);
}

static void
refresh_process(struct exporter *e)
{
    struct registry *registry = metrics_registry(e->metrics);
    struct group *group = registry_group(registry, GROUP_EXPORTER);
    struct series *self = registry_fixed(registry, GROUP_EXPORTER, NULL);
    struct process_stats stats;
    process_read(&stats);
    set_unless_nan(group, self, SELF_CPU_COL, stats.cpu_seconds);
    set_unless_nan(group, self, SELF_OPEN_FDS_COL, stats.open_fds);
    set_unless_nan(group, self, SELF_MAX_FDS_COL, stats.max_fds);
    set_unless_nan(group, self, SELF_VIRTUAL_COL, stats.virtual_bytes);
    set_unless_nan(group, self, SELF_VIRTUAL_MAX_COL, stats.virtual_max_bytes);
    set_unless_nan(group, self, SELF_RESIDENT_COL, stats.resident_bytes);
    set_unless_nan(group, self, SELF_THREADS_COL, stats.threads);
    set_unless_nan(group, self, SELF_NET_RECEIVE_COL,
                   stats.network_receive_bytes);
    set_unless_nan(group, self, SELF_NET_TRANSMIT_COL,
                   stats.network_transmit_bytes);
    group_set(group, self, SELF_START_TIME_COL, e->start_s);
}

static void
on_refresh(void *ctx)
{
    struct exporter *e = ctx;
    refresh_process(e);
    metrics_refresh(e->metrics, now_of(e));
}

static void
on_tick(uv_timer_t *timer)
{
    struct exporter *e = timer->data;
    metrics_tick(e->metrics, now_of(e));
    pages_trim(e->pages);
}

/* ---- the end ---- */

static void
on_part_closed(void *ctx)
{
    struct exporter *e = ctx;
    /* A look-up of a name cannot be ended and would keep the loop alive. */
    if (--e->nclosing == 0)
        uv_stop(&e->loop);
}

static void
on_handle_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void
close_handle(struct exporter *e, uv_handle_t *handle)
{
    if (uv_is_closing(handle))
        return;
    e->nclosing++;
    uv_close(handle, on_handle_closed);
}

/* What answers scrapes goes last, and whoever waits for a page first. */
static void
close_web(struct exporter *e)
{
    e->nclosing += 2;
    pages_free(e->pages, on_part_closed, e);
    http_free(e->http, on_part_closed, e);
    e->pages = NULL;
    e->http = NULL;
}

static void
close_handles(struct exporter *e)
{
    close_handle(e, (uv_handle_t *)&e->tick);
    close_handle(e, (uv_handle_t *)&e->deadline);
    close_handle(e, (uv_handle_t *)&e->drain);
    close_handle(e, (uv_handle_t *)&e->sigterm);
    close_handle(e, (uv_handle_t *)&e->sigint);
}

static void
on_drain(uv_timer_t *timer)
{
    struct exporter *e = timer->data;
    if (http_nbusy(e->http) > 0 && uv_now(&e->loop) < e->drain_until_ms)
        return;
    close_web(e);
    close_handles(e);
    on_part_closed(e);
}

static void
stop(struct exporter *e, int status)
{
    if (e->stopping)
        return;
    e->stopping = true;
    e->status = status;
    routes_stopping(e->routes);
    http_quiesce(e->http);
    uv_timer_stop(&e->tick);
    uv_timer_stop(&e->deadline);
    e->nclosing += 3; /* inspect, broker, and the wait for responses */
    inspect_free(e->inspect, on_part_closed, e);
    broker_free(e->broker, on_part_closed, e);
    e->inspect = NULL;
    e->broker = NULL;
    e->drain_until_ms = uv_now(&e->loop) + DRAIN_MS;
    uv_timer_start(&e->drain, on_drain, 0, DRAIN_STEP_MS);
}

static void
on_signal(uv_signal_t *signal, int number)
{
    struct exporter *e = signal->data;
    if (e->stopping) /* asked twice: somebody is in a hurry */
        _exit(EXIT_FAILURE);
    LOG(LOG_INFO, "Stopping", "signal",
        number == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
    stop(e, EXIT_SUCCESS);
}

/* ---- the beginning ---- */

static struct metrics_config
metrics_config_of(const struct options *o, double start_s)
{
    return (struct metrics_config){
        .registry =
            {
                .prefix = o->metric_prefix,
                .runtime_bounds = o->buckets.values,
                .nruntime_bounds = o->buckets.n,
                .queue_wait_bounds = o->queue_wait_buckets.values,
                .nqueue_wait_bounds = o->queue_wait_buckets.n,
                .static_labels = (const char *const *)o->static_labels.items,
                .nstatic_labels = o->static_labels.n,
                .collect = (const char *const *)o->collect.items,
                .ncollect = o->collect.n,
                .no_collect = (const char *const *)o->no_collect.items,
                .nno_collect = o->no_collect.n,
                .max_samples = (size_t)o->max_series,
                .max_names = (size_t)o->max_names,
                .max_hostnames = (size_t)o->max_hostnames,
                .max_queue_names = (size_t)o->max_queue_names,
                .max_exceptions = (size_t)o->max_exceptions,
                .label_max_len = (size_t)o->label_max_length,
                .start_s = start_s,
            },
        .default_queue_name = o->default_queue_name,
        .generic_hostname_task_sent = o->generic_hostname_task_sent,
        .generic_hostname_worker_task = o->generic_hostname_worker_task,
        .worker_timeout_ms = 1000 * o->worker_timeout_s,
        .purge_offline_worker_ms = 1000 * o->purge_offline_worker_s,
        .purge_client_ms = 1000 * o->purge_client_s,
        .name_grace_ms = o->name_grace_ms,
        .max_tracked_tasks = (size_t)o->max_tracked_tasks,
    };
}

/* The transports differ too much for one broker to turn into another. */
static bool
keeps_transport(const struct exporter *e, struct url_list *urls,
                struct buf *err)
{
    const struct url_list *before = &e->broker_config.urls;
    if (before->n == 0 || url_goes_with(&urls->urls[0], &before->urls[0]))
        return true;
    buf_add_str(err, STR("it is of another kind than at the start of the "
                         "exporter, which would have to be restarted"));
    url_list_free(urls);
    return false;
}

static bool
load_urls(struct exporter *e, struct url_list *out)
{
    struct buf err;
    buf_init(&err, 0);
    const bool ok =
        broker_url_list(e->options, out, &err) && keeps_transport(e, out, &err);
    buf_add_byte(&err, '\0');
    if (!ok)
        LOG_LIMITED(LOG_ERROR, "broker-url", "The broker URL cannot be used",
                    "err", err.ptr, NULL);
    buf_close(&err);
    return ok;
}

/* For a connect: what is in the file may have changed, a password mostly. */
static bool
on_load_urls(void *ctx, struct url_list *out)
{
    struct exporter *e = ctx;
    if (!load_urls(e, out))
        return false;
    url_list_free(&e->broker_config.urls);
    url_list_copy(&e->broker_config.urls, out);
    return true;
}

static void
set_broker_config(struct exporter *e)
{
    const struct options *o = e->options;
    if (o->broker_url_file != NULL)
        e->broker_config.load_urls = on_load_urls;
    e->broker_config.load_ctx = e;
    e->broker_config.event_exchange = o->event_exchange;
    e->broker_config.control_exchange = o->control_exchange;
    e->broker_config.global_keyprefix = o->global_keyprefix;
    e->broker_config.fanout_prefix = o->fanout_prefix;
    e->broker_config.fanout_patterns = o->fanout_patterns;
    e->broker_config.sep = o->sep;
    e->broker_config.priority_steps = o->priority_steps;
    e->broker_config.npriority_steps = o->npriority_steps;
    e->broker_config.master_name = o->master_name;
    e->broker_config.min_other_sentinels = o->min_other_sentinels;
    e->broker_config.sentinel_user = o->sentinel_user;
    e->broker_config.sentinel_password = o->sentinel_password;
    e->broker_config.sentinel_tls = o->sentinel_tls;
    e->broker_config.event_queue_ttl_ms = o->event_queue_ttl_ms;
    e->broker_config.event_queue_max_bytes = o->event_queue_max_bytes;
    e->broker_config.event_max_bytes = (size_t)o->event_max_bytes;
    e->broker_config.burst_buffer = (size_t)o->burst_buffer;
    e->broker_config.retry_interval_s =
        o->retry_interval_s > 0 ? o->retry_interval_s : 0;
}

/* Fixed sets are there at 0 from the start, so that a first one shows. */
static void
make_reasons(struct exporter *e)
{
    struct registry *registry = metrics_registry(e->metrics);
    for (size_t i = 0; i < BROKER_REASON_COUNT; i++) {
        const struct str name = broker_reason_name((enum broker_reason)i);
        e->connect_errors[i] =
            registry_fixed(registry, GROUP_CONNECT_ERROR, &name);
        e->disconnects[i] = registry_fixed(registry, GROUP_DISCONNECT, &name);
        group_touch(registry_group(registry, GROUP_CONNECT_ERROR),
                    e->connect_errors[i], REASON_COL);
        group_touch(registry_group(registry, GROUP_DISCONNECT),
                    e->disconnects[i], REASON_COL);
    }
}

static void
make_build_info(struct exporter *e)
{
    struct registry *registry = metrics_registry(e->metrics);
    const struct str platform = str_from(version.platform);
    const size_t slash = str_find(platform, '/');
    const struct str values[] = {
        str_slice(platform, slash + 1, platform.len),
        str_from(version.branch),
        str_from(version.compiler),
        str_slice(platform, 0, slash),
        str_from(version.revision),
        str_from(version.version),
    };
    group_set(registry_group(registry, GROUP_BUILD),
              registry_fixed(registry, GROUP_BUILD, values), BUILD_COL, 1);
}

static bool
make_metrics(struct exporter *e)
{
    struct buf err;
    buf_init(&err, 0);
    const struct metrics_config config =
        metrics_config_of(e->options, e->start_s);
    e->metrics = metrics_new(&config, hash_key_random(), now_of(e), &err);
    buf_add_byte(&err, '\0');
    if (e->metrics == NULL)
        LOG(LOG_ERROR, "An option is wrong", "err", err.ptr, NULL);
    buf_close(&err);
    if (e->metrics == NULL)
        return false;
    make_reasons(e);
    make_build_info(e);
    return true;
}

static bool
listen_everywhere(struct exporter *e)
{
    for (size_t i = 0; i < e->options->nlisten; i++)
        if (!http_listen(e->http, e->options->listen[i].host,
                         e->options->listen[i].port))
            return false;
    return true;
}

static void
init_handles(struct exporter *e)
{
    uv_timer_init(&e->loop, &e->tick);
    uv_timer_init(&e->loop, &e->deadline);
    uv_timer_init(&e->loop, &e->drain);
    uv_signal_init(&e->loop, &e->sigterm);
    uv_signal_init(&e->loop, &e->sigint);
    e->tick.data = e->deadline.data = e->drain.data = e;
    e->sigterm.data = e->sigint.data = e;
}

static bool
make_web(struct exporter *e)
{
    e->pages = pages_new(&e->loop, e->metrics,
                         &(struct pages_config){
                             .created_series = e->options->created_series,
                             .refresh = on_refresh,
                             .ctx = e,
                         });
    e->routes = routes_new(&e->loop, &(struct routes_config){
                                         .options = e->options,
                                         .broker = &e->broker_config,
                                         .metrics = e->metrics,
                                         .pages = e->pages,
                                         .broker_up = &e->broker_up,
                                         .start_s = e->start_s,
                                     });
    e->http = http_new(&e->loop, &http_defaults, routes_handle, e->routes);
    routes_set_http(e->routes, e->http);
    return listen_everywhere(e);
}

static void
make_broker(struct exporter *e)
{
    e->decoder = event_decoder_new();
    e->events = (struct event_handler){
        .event = on_event, .reject = on_reject, .ctx = e};
    e->broker = broker_new(&e->loop, &e->broker_config,
                           &(struct broker_handler){
                               .up = on_up,
                               .down = on_down,
                               .failed = on_failed,
                               .message = on_message,
                               .reject = on_broker_reject,
                               .reply = on_reply,
                               .queue = on_queue,
                               .certificate = on_certificate,
                               .ctx = e,
                           });
    e->inspect = inspect_new(&e->loop, e->options, e->broker, e->metrics);
}

static void
start_handles(struct exporter *e)
{
    uv_timer_start(&e->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_start(&e->sigterm, on_signal, SIGTERM);
    uv_signal_start(&e->sigint, on_signal, SIGINT);
}

static void
run_to_end(struct exporter *e)
{
    uv_run(&e->loop, UV_RUN_DEFAULT);
    assert(e->nclosing == 0);
}

/* Called once the loop has nothing left to do. */
static void
destroy(struct exporter *e)
{
    event_decoder_free(e->decoder);
    routes_free(e->routes);
    metrics_free(e->metrics);
    url_list_free(&e->broker_config.urls);
    uv_loop_close(&e->loop);
}

int
exporter_run(const struct options *options)
{
    struct exporter e = {
        .options = options, .start_s = wall_clock(), .status = EXIT_FAILURE};
    uv_loop_init(&e.loop);
    signal(SIGPIPE, SIG_IGN);
    init_handles(&e);
    set_broker_config(&e);
    if (!load_urls(&e, &e.broker_config.urls) || !make_metrics(&e) ||
        !make_web(&e))
        goto err;
    make_broker(&e);
    start_handles(&e);
    run_to_end(&e);
    destroy(&e);
    return e.status;
err:
    if (e.http != NULL)
        close_web(&e);
    close_handles(&e);
    run_to_end(&e);
    destroy(&e);
    return EXIT_FAILURE;
}

int
exporter_check(const struct options *options)
{
    struct exporter e = {.options = options, .start_s = wall_clock()};
    uv_loop_init(&e.loop);
    const bool ok = load_urls(&e, &e.broker_config.urls) && make_metrics(&e);
    destroy(&e);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
