#pragma once

/* Subscribes a session to the channels of events. */

#include "io/redis_session.h"

struct redis_subscription {
    const struct broker_config *config;
    struct redis_session *session;
    int db;
    size_t attempt; /* index into what is tried in turn */
    bool told;
    void (*done)(void *ctx);
    void *ctx;
};

void redis_subscription_init(struct redis_subscription *subscription,
                             const struct broker_config *config,
                             void (*done)(void *ctx), void *ctx);
/* Calls done with the confirmation; else the session ends. */
void redis_subscribe(struct redis_subscription *subscription,
                     struct redis_session *session, int db);
