#include "io/reconnect.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"

void
reconnect_name(struct reconnect *reconnect, const struct url *url)
{
    buf_clear(&reconnect->redacted);
    url_redacted(url, &reconnect->redacted);
    buf_add_byte(&reconnect->redacted, '\0');
}

static void
take_urls(struct reconnect *reconnect, struct url_list *urls)
{
    url_list_free(&reconnect->urls);
    reconnect->urls = reconnect->config->urls = *urls;
    reconnect->url_index = 0;
    reconnect->nrefused = 0;
}

static void
reload(struct reconnect *reconnect)
{
    const struct broker_config *config = reconnect->config;
    struct url_list urls;
    if (config->load_urls == NULL ||
        !config->load_urls(config->load_ctx, &urls))
        return;
    if (url_list_eq(&urls, &reconnect->urls))
        url_list_free(&urls);
    else
        take_urls(reconnect, &urls);
}

static void
on_timer(uv_timer_t *timer)
{
    struct reconnect *reconnect = timer->data;
    reload(reconnect);
    reconnect_name(reconnect, reconnect_url(reconnect));
    reconnect->attempt(reconnect->ctx);
}

void
reconnect_init(struct reconnect *reconnect, uv_loop_t *loop,
               struct broker_config *config, void (*attempt)(void *ctx),
               void *ctx)
{
    *reconnect = (struct reconnect){
        .loop = loop,
        .config = config,
        .backoff =
            {
                .fixed_ms = config->retry_interval_s * 1000,
                .most_ms = config->urls.urls[0].scheme == URL_SENTINEL
                               ? BACKOFF_SENTINEL_MS
                               : 0,
            },
        .attempt = attempt,
        .ctx = ctx,
    };
    url_list_copy(&reconnect->urls, &config->urls);
    config->urls = reconnect->urls;
    buf_init(&reconnect->redacted, 0);
    uv_timer_init(loop, &reconnect->timer);
    reconnect->timer.data = reconnect;
    uv_timer_start(&reconnect->timer, on_timer,
                   (uint64_t)backoff_next(&reconnect->backoff, 0), 0);
}

const struct url *
reconnect_url(const struct reconnect *reconnect)
{
    return &reconnect->urls.urls[reconnect->url_index];
}

void
reconnect_up(struct reconnect *reconnect)
{
    reconnect->up = true;
    reconnect->up_since = uv_now(reconnect->loop);
    reconnect->nrefused = 0;
    LOG(LOG_INFO, "Connected to the broker", "url", reconnect->redacted.ptr,
        NULL);
}

/* Behind Sentinels all URLs lead to the same one. */
static size_t
naccounts(const struct reconnect *reconnect)
{
    const struct url_list *urls = &reconnect->urls;
    return urls->urls[0].scheme == URL_SENTINEL ? 1 : urls->n;
}

/* The server that was lost is tried first; one that failed, last. */
static int64_t
next_delay(struct reconnect *reconnect, enum broker_reason reason, bool was_up)
{
    const uint64_t random = hash_key_random().seed;
    struct backoff *backoff = &reconnect->backoff;
    if (was_up)
        backoff_held(backoff,
                     (int64_t)(uv_now(reconnect->loop) - reconnect->up_since));
    else
        reconnect->url_index = (reconnect->url_index + 1) % reconnect->urls.n;
    reconnect->nrefused = reason == BROKER_AUTH ? reconnect->nrefused + 1 : 0;
    return reconnect->nrefused >= naccounts(reconnect)
               ? backoff_refused(backoff, random)
               : backoff_next(backoff, random);
}

bool
reconnect_later(struct reconnect *reconnect, enum broker_reason reason,
                const char *why)
{
    const bool was_up = reconnect->up;
    reconnect->up = false;
    const int64_t ms = next_delay(reconnect, reason, was_up);
    const char *name = broker_reason_name(reason).ptr;
    char retry[32];
    snprintf(retry, sizeof(retry), "%.1fs", (double)ms / 1000);
    const char *url = reconnect->redacted.ptr;
    if (was_up)
        LOG(LOG_WARN, "Lost the broker", "url", url, "reason", name, "err", why,
            "retry_in", retry, NULL);
    else
        LOG_LIMITED(LOG_WARN, name, "Cannot connect to the broker", "url", url,
                    "reason", name, "err", why, "retry_in", retry, NULL);
    uv_timer_start(&reconnect->timer, on_timer, (uint64_t)ms, 0);
    return was_up;
}

static void
on_timer_closed(uv_handle_t *handle)
{
    const struct reconnect *reconnect = handle->data;
    reconnect->closed(reconnect->ctx);
}

void
reconnect_close(struct reconnect *reconnect, void (*closed)(void *ctx))
{
    reconnect->closed = closed;
    uv_close((uv_handle_t *)&reconnect->timer, on_timer_closed);
}

void
reconnect_free(struct reconnect *reconnect)
{
    buf_close(&reconnect->redacted);
    url_list_free(&reconnect->urls);
}
