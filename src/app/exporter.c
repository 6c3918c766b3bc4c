#include "app/exporter.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "app/broker_url.h"
#include "app/configs.h"
#include "app/feed.h"
#include "app/pages.h"
#include "app/routes.h"
#include "app/self.h"
#include "base/log.h"
#include "io/broker.h"
#include "io/clock.h"
#include "io/http.h"
#include "model/metrics.h"

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
    struct broker_config broker_config;
    struct feed *feed;
    struct pages *pages;
    struct routes *routes;
    struct http *http;
    uv_timer_t tick;
    uv_timer_t drain;
    uv_signal_t sigterm;
    uv_signal_t sigint;
    double start_s;
    bool stopping;
    uint64_t drain_until_ms;
    int status;
    int nclosing; /* parts that have not yet closed their handles */
};

static void
on_refresh(void *ctx)
{
    struct exporter *e = ctx;
    self_show_process(metrics_registry(e->metrics), e->start_s);
    metrics_refresh(e->metrics, clock_now(&e->loop));
}

static void
on_tick(uv_timer_t *timer)
{
    struct exporter *e = timer->data;
    metrics_tick(e->metrics, clock_now(&e->loop));
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
    e->nclosing += 2; /* the feed, and the wait for responses */
    feed_free(e->feed, on_part_closed, e);
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
    e->broker_config = configs_broker(e->options);
    if (e->options->broker_url_file != NULL)
        e->broker_config.load_urls = on_load_urls;
    e->broker_config.load_ctx = e;
}

static bool
make_metrics(struct exporter *e)
{
    struct buf err;
    buf_init(&err, 0);
    const struct metrics_config config =
        configs_metrics(e->options, e->start_s);
    e->metrics =
        metrics_new(&config, hash_key_random(), clock_now(&e->loop), &err);
    buf_add_byte(&err, '\0');
    if (e->metrics == NULL)
        LOG(LOG_ERROR, "An option is wrong", "err", err.ptr, NULL);
    buf_close(&err);
    if (e->metrics == NULL)
        return false;
    self_show_build(metrics_registry(e->metrics));
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
    uv_timer_init(&e->loop, &e->drain);
    uv_signal_init(&e->loop, &e->sigterm);
    uv_signal_init(&e->loop, &e->sigint);
    e->tick.data = e->drain.data = e;
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
                                         .start_s = e->start_s,
                                     });
    struct http_config http = http_defaults;
    http.refused = routes_refused;
    e->http = http_new(&e->loop, &http, routes_handle, e->routes);
    routes_set_http(e->routes, e->http);
    return listen_everywhere(e);
}

static void
on_lost(void *ctx)
{
    struct exporter *e = ctx;
    if (e->stopping)
        return;
    LOG(LOG_ERROR, "The broker is lost and --retry-interval is 0: exiting",
        NULL);
    stop(e, EXIT_FAILURE);
}

static void
make_feed(struct exporter *e)
{
    e->feed = feed_new(&e->loop, &(struct feed_config){
                                     .options = e->options,
                                     .broker = &e->broker_config,
                                     .metrics = e->metrics,
                                     .lost = on_lost,
                                     .ctx = e,
                                 });
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
    routes_free(e->routes);
    metrics_free(e->metrics);
    url_list_free(&e->broker_config.urls);
    uv_loop_close(&e->loop);
}

int
exporter_run(const struct options *options)
{
    struct exporter e = {
        .options = options, .start_s = clock_wall(), .status = EXIT_FAILURE};
    uv_loop_init(&e.loop);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* there is nothing to read anew */
    init_handles(&e);
    set_broker_config(&e);
    if (!load_urls(&e, &e.broker_config.urls) || !make_metrics(&e) ||
        !make_web(&e))
        goto err;
    make_feed(&e);
    routes_set_feed(e.routes, e.feed);
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
    struct exporter e = {.options = options, .start_s = clock_wall()};
    uv_loop_init(&e.loop);
    const bool ok = load_urls(&e, &e.broker_config.urls) && make_metrics(&e);
    destroy(&e);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
