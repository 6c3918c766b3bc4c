#include "io/redis_queue.h"

#include <stdlib.h>

#include "base/xalloc.h"

void
redis_queue_close(struct redis_queue *queue)
{
    free(queue->waiters);
    *queue = (struct redis_queue){0};
}

static void
grow(struct redis_queue *queue)
{
    const size_t cap = queue->cap == 0 ? 16 : 2 * queue->cap;
    struct redis_waiter *waiters = xcalloc(cap, sizeof(waiters[0]));
    for (size_t i = 0; i < queue->n; i++)
        waiters[i] = queue->waiters[(queue->first + i) & (queue->cap - 1)];
    free(queue->waiters);
    queue->waiters = waiters;
    queue->cap = cap;
    queue->first = 0;
}

bool
redis_queue_add(struct redis_queue *queue, redis_reply_fn fn, void *ctx)
{
    if (queue->n == REDIS_QUEUE_MAX)
        return false;
    if (queue->n == queue->cap)
        grow(queue);
    queue->waiters[(queue->first + queue->n++) & (queue->cap - 1)] =
        (struct redis_waiter){fn, ctx};
    return true;
}

bool
redis_queue_take(struct redis_queue *queue, struct redis_waiter *out)
{
    if (queue->n == 0)
        return false;
    *out = queue->waiters[queue->first];
    queue->first = (queue->first + 1) & (queue->cap - 1);
    queue->n--;
    return true;
}
