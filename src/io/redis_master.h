#pragma once

/* The master behind Sentinels: found for each attempt to connect, and looked
 * after while it is in use. */

#include "io/sentinel.h"

/* None of them may free the master. */
struct redis_master_handler {
    void (*found)(void *ctx, const struct url *url);
    void (*failed)(void *ctx, enum broker_reason reason, const char *why);
    void (*moved)(void *ctx); /* the Sentinels name another one now */
    void *ctx;
};

struct redis_master {
    uv_loop_t *loop;
    const struct broker_config *config;
    struct redis_master_handler handler;
    struct url url;         /* as they say; the account is borrowed */
    struct sentinel *query; /* while it runs */
    size_t sentinel;        /* the one that knew last */
    uv_timer_t timer;
    unsigned nopen; /* queries and the timer */
    void (*closed)(void *ctx);
};

/* The configuration is borrowed for its life. */
void redis_master_init(struct redis_master *master, uv_loop_t *loop,
                       const struct broker_config *config,
                       const struct redis_master_handler *handler);
/* Ends in found or failed. */
void redis_master_find(struct redis_master *master);
/* Asks again and again whether it still is that one. */
void redis_master_look_after(struct redis_master *master);
/* Neither of both any more. */
void redis_master_rest(struct redis_master *master);
/* Calls closed when its memory may go. */
void redis_master_close(struct redis_master *master, void (*closed)(void *ctx));
