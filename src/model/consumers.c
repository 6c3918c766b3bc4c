#include "model/consumers.h"

#include <stdlib.h>

#include "base/xalloc.h"

enum {
    MAX_LIST = 1000,            /* of one worker */
    MAX_PROCESSES = 1000000000, /* more than any worker has */
};

struct consumer {
    struct hash128 hash;
    char *node;
    size_t node_len;
    int64_t processes;
    bool answered; /* in this poll */
    bool gone;
    /* Replies of the nodename in this poll, at the first of its consumers. */
    uint32_t nprocesses;
    uint32_t nlists;
    uint64_t list; /* a running number */
    uint32_t *queues;
    size_t nqueues;
    size_t cap;
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct consumers *)owner)->items[number].hash;
}

/* The first consumer of a nodename goes by its plain hash. */
static struct hash128
hash_node(const struct consumers *consumers, struct str node, uint32_t nth)
{
    struct hash128 hash = hash_bytes(consumers->key, node);
    if (nth > 0)
        hash.low ^= hash_mix(consumers->key, nth, hash.high);
    return hash;
}

static struct str
node_of(const struct consumer *consumer)
{
    return (struct str){consumer->node, consumer->node_len};
}

void
consumers_init(struct consumers *consumers, struct hash_key key)
{
    *consumers = (struct consumers){.key = key};
    index_init(&consumers->index, hash_of, consumers);
}

static void
consumer_free(struct consumer *consumer)
{
    free(consumer->node);
    free(consumer->queues);
}

void
consumers_close(struct consumers *consumers)
{
    for (size_t i = 0; i < consumers->n; i++)
        consumer_free(&consumers->items[i]);
    free(consumers->items);
    index_close(&consumers->index);
}

void
consumers_poll_begin(struct consumers *consumers)
{
    for (size_t i = 0; i < consumers->n; i++) {
        struct consumer *consumer = &consumers->items[i];
        consumer->answered = false;
        consumer->nprocesses = consumer->nlists = 0;
    }
}

/* NULL when there are too many already. */
static struct consumer *
find_or_add(struct consumers *consumers, struct str node, uint32_t nth)
{
    const struct hash128 hash = hash_node(consumers, node, nth);
    const uint32_t found = index_find(&consumers->index, hash);
    if (found != INDEX_NONE)
        return &consumers->items[found];
    if (consumers->n >= CONSUMERS_MAX)
        return NULL;
    if (consumers->n == consumers->cap) {
        consumers->cap = consumers->cap == 0 ? 8 : 2 * consumers->cap;
        consumers->items = xrealloc(consumers->items, consumers->cap,
                                    sizeof(*consumers->items));
    }
    const uint32_t number = (uint32_t)consumers->n++;
    consumers->items[number] = (struct consumer){.hash = hash,
                                                 .node = str_dup(node),
                                                 .node_len = node.len,
                                                 .list = ++consumers->nlists};
    index_add(&consumers->index, hash, number);
    return &consumers->items[number];
}

void
consumers_set_processes(struct consumers *consumers, struct str node,
                        int64_t processes)
{
    struct consumer *consumer = find_or_add(consumers, node, 0);
    if (consumer != NULL)
        consumer = find_or_add(consumers, node, consumer->nprocesses++);
    if (consumer == NULL)
        return;
    consumer->answered = true;
    consumer->processes = processes < 0               ? 0
                          : processes > MAX_PROCESSES ? MAX_PROCESSES
                                                      : processes;
}

void
consumers_begin_list(struct consumers *consumers, struct str node)
{
    struct consumer *consumer = find_or_add(consumers, node, 0);
    if (consumer != NULL)
        consumer = find_or_add(consumers, node, consumer->nlists++);
    if (consumer == NULL)
        return;
    consumer->answered = true;
    consumer->nqueues = 0;
    consumer->list = ++consumers->nlists;
}

void
consumers_add(struct consumers *consumers, struct str node, uint32_t queue,
              uint64_t *last_list)
{
    struct consumer *consumer = find_or_add(consumers, node, 0);
    if (consumer != NULL && consumer->nlists > 1)
        consumer = find_or_add(consumers, node, consumer->nlists - 1);
    if (consumer == NULL || consumer->nqueues >= MAX_LIST ||
        *last_list == consumer->list)
        return;
    consumer->answered = true;
    *last_list = consumer->list;
    if (consumer->nqueues == consumer->cap) {
        consumer->cap = consumer->cap == 0 ? 4 : 2 * consumer->cap;
        consumer->queues = xrealloc(consumer->queues, consumer->cap,
                                    sizeof(*consumer->queues));
    }
    consumer->queues[consumer->nqueues++] = queue;
}

/* The nodename alone says nothing of those behind the first: another process
 * may keep it alive. */
static bool
is_gone(const struct consumers *consumers, const struct consumer *consumer,
        consumers_alive_fn alive, void *ctx)
{
    if (consumer->answered)
        return false;
    const uint32_t first = index_find(
        &consumers->index, hash_node(consumers, node_of(consumer), 0));
    return (first != INDEX_NONE && consumers->items[first].answered) ||
           !alive(ctx, node_of(consumer));
}

void
consumers_poll_end(struct consumers *consumers, consumers_alive_fn alive,
                   void *ctx)
{
    for (size_t i = 0; i < consumers->n; i++)
        consumers->items[i].gone =
            is_gone(consumers, &consumers->items[i], alive, ctx);
    index_close(&consumers->index);
    index_init(&consumers->index, hash_of, consumers);
    size_t kept = 0;
    for (size_t i = 0; i < consumers->n; i++) {
        struct consumer *consumer = &consumers->items[i];
        if (consumer->gone) {
            consumer_free(consumer);
            continue;
        }
        consumers->items[kept] = *consumer;
        index_add(&consumers->index, consumer->hash, (uint32_t)kept++);
    }
    consumers->n = kept;
}

void
consumers_each_queue(const struct consumers *consumers, consumers_fn fn,
                     void *ctx)
{
    for (size_t i = 0; i < consumers->n; i++) {
        const struct consumer *consumer = &consumers->items[i];
        for (size_t k = 0; k < consumer->nqueues; k++)
            fn(ctx, consumer->queues[k], consumer->processes);
    }
}

void
consumers_renumber(struct consumers *consumers, const uint32_t *numbers)
{
    for (size_t i = 0; i < consumers->n; i++) {
        struct consumer *consumer = &consumers->items[i];
        size_t kept = 0;
        for (size_t k = 0; k < consumer->nqueues; k++)
            if (numbers[consumer->queues[k]] != UINT32_MAX)
                consumer->queues[kept++] = numbers[consumer->queues[k]];
        consumer->nqueues = kept;
    }
}
