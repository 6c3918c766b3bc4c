#include "io/broker.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "io/broker_amqp.h"
#include "io/broker_redis.h"

struct str
broker_reason_name(enum broker_reason reason)
{
    static const struct str names[BROKER_REASON_COUNT] = {
        [BROKER_RESOLVE] = STR_INIT("resolve"),
        [BROKER_REFUSED] = STR_INIT("refused"),
        [BROKER_TIMEOUT] = STR_INIT("timeout"),
        [BROKER_UNREACHABLE] = STR_INIT("unreachable"),
        [BROKER_CLOSED] = STR_INIT("closed"),
        [BROKER_RESET] = STR_INIT("reset"),
        [BROKER_SILENT] = STR_INIT("silent"),
        [BROKER_PROTOCOL] = STR_INIT("protocol"),
        [BROKER_TLS] = STR_INIT("tls"),
        [BROKER_AUTH] = STR_INIT("auth"),
        [BROKER_PERMISSION] = STR_INIT("permission"),
        [BROKER_LOADING] = STR_INIT("loading"),
        [BROKER_BUSY] = STR_INIT("busy"),
        [BROKER_SENTINEL] = STR_INIT("sentinel"),
        [BROKER_MASTER] = STR_INIT("master"),
        [BROKER_ERROR] = STR_INIT("error"),
    };
    return names[reason];
}

static const struct broker_transport *
transport_of(const struct broker_config *config)
{
    return config->urls.urls[0].scheme == URL_AMQP ? &broker_amqp
                                                   : &broker_redis;
}

struct broker *
broker_new(uv_loop_t *loop, const struct broker_config *config,
           const struct broker_handler *handler)
{
    return transport_of(config)->new (loop, config, handler);
}

bool
broker_broadcast(struct broker *broker, struct str command)
{
    return broker->transport->broadcast(broker, command);
}

struct str
broker_reply_key(const struct broker *broker)
{
    return broker->transport->reply_key(broker);
}

void
broker_collect_replies(struct broker *broker, bool on)
{
    broker->transport->collect_replies(broker, on);
}

bool
broker_ask_queue(struct broker *broker, struct str name)
{
    return broker->transport->ask_queue(broker, name);
}

bool
broker_ask_unacked(struct broker *broker)
{
    return broker->transport->ask_unacked != NULL &&
           broker->transport->ask_unacked(broker);
}

bool
broker_ask_bindings(struct broker *broker)
{
    return broker->transport->ask_bindings != NULL &&
           broker->transport->ask_bindings(broker);
}

void
broker_free(struct broker *broker, void (*done)(void *ctx), void *ctx)
{
    broker->transport->free(broker, done, ctx);
}

struct probe {
    struct broker_config config; /* with URLs of its own */
    broker_probe_fn fn;
    void *ctx;
};

static void
on_probe(void *ctx, bool ok, enum broker_reason reason)
{
    struct probe *probe = ctx;
    probe->fn(probe->ctx, ok, reason);
    url_list_free(&probe->config.urls);
    free(probe);
}

void
broker_probe(uv_loop_t *loop, const struct broker_config *config,
             broker_probe_fn fn, void *ctx)
{
    struct probe *probe = xcalloc(1, sizeof(*probe));
    *probe = (struct probe){.config = *config, .fn = fn, .ctx = ctx};
    if (config->load_urls == NULL ||
        !config->load_urls(config->load_ctx, &probe->config.urls))
        url_list_copy(&probe->config.urls, &config->urls);
    transport_of(config)->probe(loop, &probe->config, on_probe, probe);
}
