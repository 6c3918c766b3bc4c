#include "io/redis_master.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { LOOK_MS = 1000 };

static void
forget_handle(void *ctx)
{
    struct redis_master *master = ctx;
    if (--master->nopen > 0)
        return;
    free(master->url.host);
    master->closed(master->handler.ctx);
}

void
redis_master_init(struct redis_master *master, uv_loop_t *loop,
                  const struct broker_config *config,
                  const struct redis_master_handler *handler)
{
    *master = (struct redis_master){
        .loop = loop,
        .config = config,
        .handler = *handler,
        .nopen = 1,
    };
    uv_timer_init(loop, &master->timer);
    master->timer.data = master;
}

static void
ask(struct redis_master *master,
    void (*found)(void *ctx, const char *host, uint16_t port, size_t sentinel),
    void (*failed)(void *ctx, enum broker_reason reason, const char *why))
{
    master->nopen++;
    master->query = sentinel_ask(master->loop, master->config, master->sentinel,
                                 &(struct sentinel_handler){
                                     .found = found,
                                     .failed = failed,
                                     .closed = forget_handle,
                                     .ctx = master,
                                 });
}

static void
on_found(void *ctx, const char *host, uint16_t port, size_t sentinel)
{
    struct redis_master *master = ctx;
    master->query = NULL;
    master->sentinel = sentinel;
    free(master->url.host);
    master->url = sentinel_master_url(master->config, host, port);
    master->handler.found(master->handler.ctx, &master->url);
}

static void
on_not_found(void *ctx, enum broker_reason reason, const char *why)
{
    struct redis_master *master = ctx;
    master->query = NULL;
    master->handler.failed(master->handler.ctx, reason, why);
}

void
redis_master_find(struct redis_master *master)
{
    ask(master, on_found, on_not_found);
}

static void
on_still(void *ctx, const char *host, uint16_t port, size_t sentinel)
{
    struct redis_master *master = ctx;
    master->query = NULL;
    master->sentinel = sentinel;
    if (port != master->url.port || strcmp(host, master->url.host) != 0)
        master->handler.moved(master->handler.ctx);
}

/* Without Sentinels everything goes on as it is. */
static void
on_unsure(void *ctx, enum broker_reason reason, const char *why)
{
    (void)reason;
    struct redis_master *master = ctx;
    master->query = NULL;
    LOG_LIMITED(LOG_DEBUG, "sentinel", "Cannot ask the Sentinels", "err", why,
                NULL);
}

static void
on_look(uv_timer_t *timer)
{
    struct redis_master *master = timer->data;
    if (master->query == NULL)
        ask(master, on_still, on_unsure);
}

/* A master that hangs, or that the Sentinels cannot reach, does not say that
 * it was replaced. */
void
redis_master_look_after(struct redis_master *master)
{
    uv_timer_start(&master->timer, on_look, LOOK_MS, LOOK_MS);
}

void
redis_master_rest(struct redis_master *master)
{
    uv_timer_stop(&master->timer);
    sentinel_close(master->query);
    master->query = NULL;
}

static void
on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

void
redis_master_close(struct redis_master *master, void (*closed)(void *ctx))
{
    master->closed = closed;
    redis_master_rest(master);
    uv_close((uv_handle_t *)&master->timer, on_timer_closed);
}
