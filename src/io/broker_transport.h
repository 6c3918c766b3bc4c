#pragma once

/* What a transport provides; io/broker.c chooses one by the URL's scheme. */

#include "io/broker.h"

/* As the functions of io/broker.h without that name. */
struct broker_transport {
    struct broker *(*new)(uv_loop_t *loop, const struct broker_config *config,
                          const struct broker_handler *handler);
    bool (*broadcast)(struct broker *broker, struct str command);
    struct str (*reply_key)(const struct broker *broker);
    void (*collect_replies)(struct broker *broker, bool on);
    bool (*ask_queue)(struct broker *broker, struct str name);
    /* NULL where the broker does not tell. */
    bool (*ask_unacked)(struct broker *broker);
    bool (*ask_bindings)(struct broker *broker);
    void (*free)(struct broker *broker, void (*done)(void *ctx), void *ctx);
    void (*probe)(uv_loop_t *loop, const struct broker_config *config,
                  broker_probe_fn fn, void *ctx);
};

/* For `down`. What a peer sent before it ended a connection has come before
 * the end: nothing can be missing, however long it had had nothing to say. */
static inline int64_t
broker_unheard_ms(enum broker_reason reason, int64_t unheard_ms)
{
    return reason == BROKER_CLOSED ? 0 : unheard_ms;
}

/* The first member of a transport's own broker. */
struct broker {
    const struct broker_transport *transport;
};
