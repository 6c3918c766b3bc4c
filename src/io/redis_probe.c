#include <stdlib.h>

#include "base/xalloc.h"
#include "io/broker_redis.h"
#include "io/redis_session.h"
#include "io/sentinel.h"

enum { MAX_ITEMS = 16, MAX_STRING = 4096, BURST = 64 * 1024 };

struct probe {
    uv_loop_t *loop;
    const struct broker_config *config;
    size_t url_index;
    struct sentinel *query; /* while it runs */
    struct url master;      /* as Sentinels say */
    struct redis_session *session;
    uv_timer_t timer;
    unsigned nopen;
    broker_probe_fn fn;
    void *ctx;
};

static void try_url(struct probe *probe, const struct url *url);

static void
forget_handle(void *ctx)
{
    struct probe *probe = ctx;
    if (--probe->nopen > 0)
        return;
    free(probe->master.host);
    free(probe);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

/* Says so and goes. */
static void
finish(struct probe *probe, bool ok, enum broker_reason reason)
{
    sentinel_close(probe->query);
    redis_session_close(probe->session);
    probe->query = NULL;
    probe->session = NULL;
    uv_close((uv_handle_t *)&probe->timer, on_timer_closed);
    probe->fn(probe->ctx, ok, reason);
}

static void
on_pong(void *ctx, const struct resp_reply *reply)
{
    /* Also an error is an answer: an account without PING is well. */
    struct probe *probe = ctx;
    if (reply != NULL)
        finish(probe, true, BROKER_ERROR);
}

static void
on_ready(void *ctx)
{
    struct probe *probe = ctx;
    redis_session_send(probe->session, &(const struct str)STR_INIT("PING"), 1,
                       on_pong, probe);
}

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    (void)why;
    struct probe *probe = ctx;
    probe->session = NULL;
    const struct broker_config *config = probe->config;
    if (!sentinel_wanted(config) && ++probe->url_index < config->urls.n)
        try_url(probe, &config->urls.urls[probe->url_index]);
    else
        finish(probe, false, reason);
}

static void
on_push(void *ctx, const struct resp_reply *reply)
{
    (void)ctx;
    (void)reply;
}

static void
try_url(struct probe *probe, const struct url *url)
{
    probe->nopen++;
    probe->session = redis_session_new(
        probe->loop,
        &(struct redis_session_config){
            .url = url,
            .deadlines = &redis_deadlines_default,
            .limits = {.max_string = MAX_STRING, .max_items = MAX_ITEMS},
            .burst_buffer = BURST,
        },
        &(struct redis_session_handler){
            .ready = on_ready,
            .push = on_push,
            .ended = on_ended,
            .closed = forget_handle,
            .ctx = probe,
        });
}

static void
on_found(void *ctx, const char *host, uint16_t port, size_t sentinel)
{
    (void)sentinel;
    struct probe *probe = ctx;
    probe->query = NULL;
    probe->master = sentinel_master_url(probe->config, host, port);
    try_url(probe, &probe->master);
}

static void
on_not_found(void *ctx, enum broker_reason reason, const char *why)
{
    (void)why;
    struct probe *probe = ctx;
    probe->query = NULL;
    finish(probe, false, reason);
}

static void
ask_sentinels(struct probe *probe)
{
    probe->nopen++;
    probe->query = sentinel_ask(probe->loop, probe->config, 0,
                                &(struct sentinel_handler){
                                    .found = on_found,
                                    .failed = on_not_found,
                                    .closed = forget_handle,
                                    .ctx = probe,
                                });
}

static void
on_timeout(uv_timer_t *timer)
{
    struct probe *probe = timer->data;
    finish(probe, false, BROKER_TIMEOUT);
}

void
redis_probe(uv_loop_t *loop, const struct broker_config *config,
            broker_probe_fn fn, void *ctx)
{
    struct probe *probe = xcalloc(1, sizeof(*probe));
    *probe = (struct probe){
        .loop = loop,
        .config = config,
        .nopen = 1,
        .fn = fn,
        .ctx = ctx,
    };
    uv_timer_init(loop, &probe->timer);
    probe->timer.data = probe;
    uv_timer_start(&probe->timer, on_timeout,
                   (uint64_t)redis_deadlines_default.probe_ms, 0);
    if (sentinel_wanted(config))
        ask_sentinels(probe);
    else
        try_url(probe, &config->urls.urls[0]);
}
