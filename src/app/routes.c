#include "app/routes.h"

#include <stdlib.h>

#include "app/feed.h"
#include "app/index_page.h"
#include "app/worker_check.h"
#include "base/xalloc.h"
#include "io/clock.h"

/* Handlers and codes of celery_exporter_http_requests_total, a fixed set. */
enum handler {
    HANDLER_METRICS,
    HANDLER_HEALTH,
    HANDLER_HEALTHY,
    HANDLER_READY,
    HANDLER_WORKERS,
    HANDLER_INDEX,
    HANDLER_OTHER,
    HANDLER_COUNT
};
enum code {
    CODE_200,
    CODE_400,
    CODE_404,
    CODE_405,
    CODE_414,
    CODE_431,
    CODE_500,
    CODE_503,
    CODE_505,
    CODE_COUNT
};

static const struct str handler_names[HANDLER_COUNT] = {
    [HANDLER_METRICS] = STR_INIT("metrics"),
    [HANDLER_HEALTH] = STR_INIT("health"),
    [HANDLER_HEALTHY] = STR_INIT("healthy"),
    [HANDLER_READY] = STR_INIT("ready"),
    [HANDLER_WORKERS] = STR_INIT("workers"),
    [HANDLER_INDEX] = STR_INIT("index"),
    [HANDLER_OTHER] = STR_INIT("other"),
};

static const struct {
    unsigned status;
    struct str name;
} codes[CODE_COUNT] = {
    [CODE_200] = {200, STR_INIT("200")}, [CODE_400] = {400, STR_INIT("400")},
    [CODE_404] = {404, STR_INIT("404")}, [CODE_405] = {405, STR_INIT("405")},
    [CODE_414] = {414, STR_INIT("414")}, [CODE_431] = {431, STR_INIT("431")},
    [CODE_500] = {500, STR_INIT("500")}, [CODE_503] = {503, STR_INIT("503")},
    [CODE_505] = {505, STR_INIT("505")},
};

static const bool possible[HANDLER_COUNT][CODE_COUNT] = {
    [HANDLER_METRICS] =
        {[CODE_200] = true, [CODE_500] = true, [CODE_503] = true},
    [HANDLER_HEALTH] = {[CODE_200] = true, [CODE_500] = true},
    [HANDLER_HEALTHY] = {[CODE_200] = true},
    [HANDLER_READY] = {[CODE_200] = true, [CODE_503] = true},
    [HANDLER_WORKERS] =
        {[CODE_200] = true, [CODE_400] = true, [CODE_503] = true},
    [HANDLER_INDEX] = {[CODE_200] = true},
    /* All but 404 are answers of the HTTP server itself. */
    [HANDLER_OTHER] = {[CODE_400] = true,
                       [CODE_404] = true,
                       [CODE_405] = true,
                       [CODE_414] = true,
                       [CODE_431] = true,
                       [CODE_505] = true},
};

enum { MAX_NAMES = 200 }; /* name[] parameters of one request */

static const char plain_text[] = "text/plain; charset=utf-8";
static const char html[] = "text/html; charset=utf-8";

/* A request that waits for its page, or for the broker's answer. */
struct pending {
    struct pending *next;
    struct routes *routes;
    struct http_request *request;
    enum format format;
    enum escaping escaping;
    bool gzip;
};

struct routes {
    uv_loop_t *loop;
    struct routes_config config;
    const struct http *http;
    const struct feed *feed;
    struct series *counters[HANDLER_COUNT][CODE_COUNT];
    char *start_time;        /* Process-Start-Time-Unix */
    struct pending *probing; /* share one probe of the broker */
    bool stopping;
};

static void
count(struct routes *routes, enum handler handler, enum code code)
{
    struct group *group =
        registry_group(metrics_registry(routes->config.metrics), GROUP_HTTP);
    group_count(group, routes->counters[handler][code], HTTP_COL, 1);
}

static void
reply(struct routes *routes, struct http_request *request, enum handler handler,
      enum code code, const char *content_type,
      const struct http_header_line *headers, struct blob *body)
{
    count(routes, handler, code);
    http_reply(request, codes[code].status, content_type, headers, body);
}

static void
reply_text(struct routes *routes, struct http_request *request,
           enum handler handler, enum code code, struct str text)
{
    reply(routes, request, handler, code, plain_text, NULL, blob_copy(text));
}

/* ---- /metrics ---- */

static void
on_page(void *ctx, struct blob *page)
{
    struct pending *pending = ctx;
    struct routes *routes = pending->routes;
    const struct http_header_line headers[] = {
        {"Vary", "Accept, Accept-Encoding"},
        {"Process-Start-Time-Unix", routes->start_time},
        {pending->gzip ? "Content-Encoding" : NULL, "gzip"},
        {NULL, NULL},
    };
    if (page == NULL)
        reply_text(routes, pending->request, HANDLER_METRICS, CODE_503,
                   STR("There is no memory for another page now: too many are "
                       "being sent, or the exporter is stopping.\n"));
    else
        reply(routes, pending->request, HANDLER_METRICS, CODE_200,
              negotiate_content_type(pending->format, pending->escaping),
              headers, page);
    free(pending);
}

struct names {
    struct str items[MAX_NAMES];
    size_t n;
};

static void
add_name(void *ctx, struct str key, struct str value)
{
    struct names *names = ctx;
    if (str_eq(key, STR("name[]")) && names->n < MAX_NAMES)
        names->items[names->n++] = (struct str){str_dup(value), value.len};
}

static bool
too_many(const struct routes *routes)
{
    const int64_t max = routes->config.options->max_requests;
    return max > 0 && http_nbusy(routes->http) > (size_t)max;
}

static void
refuse_scrape(struct routes *routes, struct http_request *request)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text,
               "Limit of concurrent requests reached (%lld), try again "
               "later.\n",
               (long long)routes->config.options->max_requests);
    reply_text(routes, request, HANDLER_METRICS, CODE_503, buf_str(&text));
    buf_close(&text);
}

static void
handle_metrics(struct routes *routes, struct http_request *request)
{
    if (too_many(routes)) {
        refuse_scrape(routes, request);
        return;
    }
    if (routes->config.options->scrape_fails_without_broker &&
        !metrics_broker_is_up(routes->config.metrics)) {
        reply(routes, request, HANDLER_METRICS, CODE_500, html, NULL,
              blob_copy(STR("Failed to scrape metrics: the broker is not "
                            "connected")));
        return;
    }
    struct pending *pending = xmalloc(sizeof(*pending));
    *pending = (struct pending){.routes = routes, .request = request};
    pending->format =
        negotiate_format(http_header(request, "Accept"), &pending->escaping);
    pending->gzip = negotiate_gzip(http_header(request, "Accept-Encoding"));
    struct names names = {.n = 0};
    http_each_parameter(request, add_name, &names);
    pages_get(routes->config.pages, pending->format, pending->gzip, names.items,
              names.n, on_page, pending);
    for (size_t i = 0; i < names.n; i++)
        free((char *)(uintptr_t)names.items[i].ptr);
}

/* ---- /health ---- */

/* The texts are those of the Python exporter. */
static void
on_probe(void *ctx, bool ok, enum broker_reason reason)
{
    (void)reason; /* the log has it */
    struct routes *routes = ctx;
    struct buf text;
    buf_init(&text, 0);
    buf_add_str(&text, ok ? STR("Connected to the broker ")
                          : STR("Failed to connect to broker: '"));
    url_redacted(&routes->config.broker->urls.urls[0], &text);
    if (!ok)
        buf_add_byte(&text, '\'');
    while (routes->probing != NULL) {
        struct pending *pending = routes->probing;
        routes->probing = pending->next;
        reply(routes, pending->request, HANDLER_HEALTH,
              ok ? CODE_200 : CODE_500, html, NULL, blob_copy(buf_str(&text)));
        free(pending);
    }
    buf_close(&text);
}

static void
handle_health(struct routes *routes, struct http_request *request)
{
    const bool running = routes->probing != NULL;
    struct pending *pending = xmalloc(sizeof(*pending));
    *pending = (struct pending){
        .next = routes->probing, .routes = routes, .request = request};
    routes->probing = pending;
    if (!running)
        broker_probe(routes->loop, routes->config.broker, on_probe, routes);
}

/* ---- the others ---- */

static void
handle_ready(struct routes *routes, struct http_request *request)
{
    static const struct http_header_line stopping[] = {
        {"X-Prometheus-Stopping", "true"},
        {NULL, NULL},
    };
    if (!routes->stopping)
        reply_text(routes, request, HANDLER_READY, CODE_200,
                   STR("celery-exporter is Ready.\n"));
    else
        reply(routes, request, HANDLER_READY, CODE_503, plain_text, stopping,
              blob_copy(STR("celery-exporter is stopping.\n")));
}

static void
count_workers(const struct routes *routes, const struct worker_check *check,
              struct worker_counts *counts)
{
    const struct metrics *metrics = routes->config.metrics;
    *counts = (struct worker_counts){
        .nworkers = metrics_nworkers_up(metrics),
        .away_ms = metrics_blind_ms(metrics, clock_now(routes->loop)),
    };
    if (check->by_queue)
        counts->is_known = feed_queue_workers(
            routes->feed, buf_str(&check->queue), &counts->nworkers);
}

static void
handle_workers(struct routes *routes, struct http_request *request)
{
    static const enum code verdicts[] = {
        [WORKER_CHECK_OK] = CODE_200,
        [WORKER_CHECK_TOO_FEW] = CODE_503,
        [WORKER_CHECK_WRONG] = CODE_400,
    };
    if (routes->stopping) {
        reply_text(routes, request, HANDLER_WORKERS, CODE_503,
                   STR("celery-exporter is stopping.\n"));
        return;
    }
    struct worker_check check;
    struct worker_counts counts;
    struct buf line;
    worker_check_init(&check);
    buf_init(&line, 0);
    http_each_parameter(request, worker_check_parameter, &check);
    count_workers(routes, &check, &counts);
    const enum worker_verdict verdict =
        worker_check_answer(&check, &counts, &line);
    reply_text(routes, request, HANDLER_WORKERS, verdicts[verdict],
               buf_str(&line));
    buf_close(&line);
    worker_check_close(&check);
}

static void
handle_index(struct routes *routes, struct http_request *request)
{
    static const struct http_header_line headers[] = {
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'unsafe-inline'"},
        {NULL, NULL},
    };
    struct buf page;
    buf_init(&page, 0);
    index_page(&page, routes->config.options->telemetry_path);
    reply(routes, request, HANDLER_INDEX, CODE_200, html, headers,
          blob_new(&page));
}

void
routes_handle(void *ctx, struct http_request *request)
{
    struct routes *routes = ctx;
    const struct str path = http_path(request);
    if (str_eq(path, str_from(routes->config.options->telemetry_path)))
        handle_metrics(routes, request);
    else if (str_eq(path, STR("/health")))
        handle_health(routes, request);
    else if (str_eq(path, STR("/-/healthy")))
        reply_text(routes, request, HANDLER_HEALTHY, CODE_200,
                   STR("celery-exporter is Healthy.\n"));
    else if (str_eq(path, STR("/-/ready")))
        handle_ready(routes, request);
    else if (str_eq(path, STR("/-/workers")))
        handle_workers(routes, request);
    else if (str_eq(path, STR("/")))
        handle_index(routes, request);
    else
        reply_text(routes, request, HANDLER_OTHER, CODE_404,
                   STR("404 page not found\n"));
}

void
routes_refused(void *ctx, unsigned status)
{
    for (size_t c = 0; c < CODE_COUNT; c++)
        if (codes[c].status == status && possible[HANDLER_OTHER][c])
            count(ctx, HANDLER_OTHER, (enum code)c);
}

struct routes *
routes_new(uv_loop_t *loop, const struct routes_config *config)
{
    struct routes *routes = xcalloc(1, sizeof(*routes));
    routes->loop = loop;
    routes->config = *config;
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%.0f", config->start_s);
    routes->start_time = str_dup(buf_str(&text));
    buf_close(&text);
    struct registry *registry = metrics_registry(config->metrics);
    for (size_t h = 0; h < HANDLER_COUNT; h++)
        for (size_t c = 0; c < CODE_COUNT; c++) {
            if (!possible[h][c])
                continue;
            routes->counters[h][c] = registry_fixed(
                registry, GROUP_HTTP,
                (const struct str[]){codes[c].name, handler_names[h]});
            group_touch(registry_group(registry, GROUP_HTTP),
                        routes->counters[h][c], HTTP_COL);
        }
    return routes;
}

void
routes_free(struct routes *routes)
{
    if (routes == NULL)
        return;
    free(routes->start_time);
    free(routes);
}

void
routes_set_http(struct routes *routes, const struct http *http)
{
    routes->http = http;
}

void
routes_set_feed(struct routes *routes, const struct feed *feed)
{
    routes->feed = feed;
}

void
routes_stopping(struct routes *routes)
{
    routes->stopping = true;
}
