#pragma once

/* The reply queue of control commands: a binding in a set, so that workers
 * find the list, and the list, which is looked at without ever blocking. */

#include "io/redis_session.h"
#include "io/refusals.h"
#include "io/uuid.h"

struct redis_replies {
    const struct broker_config *config;
    const struct redis_deadlines *deadlines;
    const struct broker_handler *handler;
    struct refusals *refusals;
    struct redis_session *session; /* NULL while there is none */
    uv_timer_t timer;
    char key[UUID_LEN + 1];
    bool wanted;
    bool bound;    /* something of ours may be on the broker */
    size_t nasked; /* RPOPs under way, */
    size_t burst;  /* of so many that were sent at once, */
    size_t nfound; /* and those of them that had something */
    bool warned;
    struct buf scratch;
    /* Told once, when nothing is left on the broker or nobody can say. */
    void (*gone)(void *ctx);
    void *gone_ctx;
};

void redis_replies_init(struct redis_replies *replies, uv_loop_t *loop,
                        const struct broker_config *config,
                        const struct redis_deadlines *deadlines,
                        const struct broker_handler *handler,
                        struct refusals *refusals);
/* A session is ready, or (NULL) is lost. */
void redis_replies_attach(struct redis_replies *replies,
                          struct redis_session *session);
void redis_replies_collect(struct redis_replies *replies, bool on);
/* Stops collecting; calls `gone` once nothing is left, which may be at once.
 */
void redis_replies_leave(struct redis_replies *replies, void (*gone)(void *ctx),
                         void *ctx);
/* After that; gone_ctx stays readable for the callback of the timer. */
void redis_replies_close(struct redis_replies *replies,
                         uv_close_cb on_timer_closed);
