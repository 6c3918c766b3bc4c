#pragma once

/* Who waits for which answer: Redis answers commands in their order. */

#include "io/redis_session.h"

enum { REDIS_QUEUE_MAX = 8192 };

struct redis_waiter {
    redis_reply_fn fn;
    void *ctx;
};

/* A ring, all zero when empty. */
struct redis_queue {
    struct redis_waiter *waiters;
    size_t cap; /* power of two */
    size_t first;
    size_t n;
};

void redis_queue_close(struct redis_queue *queue);
/* False when REDIS_QUEUE_MAX wait already. */
bool redis_queue_add(struct redis_queue *queue, redis_reply_fn fn, void *ctx);
bool redis_queue_take(struct redis_queue *queue, struct redis_waiter *out);
