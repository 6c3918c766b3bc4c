#include <stdlib.h>

#include "base/xalloc.h"
#include "io/amqp_session.h"
#include "io/broker_amqp.h"

enum { PROBE_MS = 3000, BURST = 64 * 1024 };

struct probe {
    uv_loop_t *loop;
    struct url_list urls;
    size_t url_index;
    struct amqp_session *session;
    uv_timer_t timer;
    unsigned nopen;
    broker_probe_fn fn;
    void *ctx;
};

static void try_url(struct probe *probe);

static void
forget_handle(void *ctx)
{
    struct probe *probe = ctx;
    if (--probe->nopen == 0)
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
    amqp_session_close(probe->session);
    probe->session = NULL;
    uv_close((uv_handle_t *)&probe->timer, on_timer_closed);
    probe->fn(probe->ctx, ok, reason);
}

/* Logged in, and the virtual host is there. */
static void
on_ready(void *ctx)
{
    finish(ctx, true, BROKER_ERROR);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    (void)ctx;
    (void)frame;
    return false;
}

static bool
is_pending(void *ctx)
{
    (void)ctx;
    return false;
}

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    (void)why;
    struct probe *probe = ctx;
    probe->session = NULL;
    if (++probe->url_index < probe->urls.n)
        try_url(probe);
    else
        finish(probe, false, reason);
}

static void
try_url(struct probe *probe)
{
    probe->nopen++;
    probe->session = amqp_session_new(
        probe->loop, &probe->urls.urls[probe->url_index], BURST,
        &(struct amqp_session_handler){
            .ready = on_ready,
            .frame = on_frame,
            .pending = is_pending,
            .ended = on_ended,
            .closed = forget_handle,
            .ctx = probe,
        });
}

static void
on_timeout(uv_timer_t *timer)
{
    finish(timer->data, false, BROKER_TIMEOUT);
}

void
amqp_probe(uv_loop_t *loop, const struct broker_config *config,
           broker_probe_fn fn, void *ctx)
{
    struct probe *probe = xcalloc(1, sizeof(*probe));
    *probe = (struct probe){
        .loop = loop,
        .urls = config->urls,
        .nopen = 1,
        .fn = fn,
        .ctx = ctx,
    };
    uv_timer_init(loop, &probe->timer);
    probe->timer.data = probe;
    uv_timer_start(&probe->timer, on_timeout, PROBE_MS, 0);
    try_url(probe);
}
