#include "model/queues.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct queue {
    char *name;
    size_t name_len;
    int64_t workers;
    int64_t processes;
};

/* A worker as it last answered. */
struct consumer {
    char *node;
    int64_t processes;
    bool answered;  /* in this poll */
    size_t *queues; /* indices */
    size_t nqueues;
};

struct queues {
    struct registry *registry;
    struct queue *items;
    size_t nitems;
    struct consumer *consumers;
    size_t nconsumers;
};

/* More of either are not looked at: there is a label cap behind. */
enum { MAX_QUEUES = 10000, MAX_CONSUMERS = 10000 };

struct queues *
queues_new(struct registry *registry)
{
    struct queues *queues = xcalloc(1, sizeof(*queues));
    queues->registry = registry;
    return queues;
}

static void
consumer_free(struct consumer *consumer)
{
    free(consumer->node);
    free(consumer->queues);
}

void
queues_free(struct queues *queues)
{
    if (queues == NULL)
        return;
    for (size_t i = 0; i < queues->nitems; i++)
        free(queues->items[i].name);
    for (size_t i = 0; i < queues->nconsumers; i++)
        consumer_free(&queues->consumers[i]);
    free(queues->items);
    free(queues->consumers);
    free(queues);
}

static void
show(struct queues *queues, struct str name, size_t column, double value,
     struct now now)
{
    struct group *group = registry_group(queues->registry, GROUP_QUEUE);
    const uint32_t ids[SERIES_MAX_LABELS] = {
        registry_value(queues->registry, LABEL_QUEUE_NAME, name)};
    group_set(group, group_series(group, ids, now.wall_s), column, value);
}

struct str
queues_name(const struct queues *queues, size_t i)
{
    return (struct str){queues->items[i].name, queues->items[i].name_len};
}

size_t
queues_n(const struct queues *queues)
{
    return queues->nitems;
}

static size_t
find(const struct queues *queues, struct str name)
{
    size_t i = 0;
    while (i < queues->nitems && !str_eq(queues_name(queues, i), name))
        i++;
    return i;
}

void
queues_add(struct queues *queues, struct str name, struct now now)
{
    if (find(queues, name) < queues->nitems || queues->nitems >= MAX_QUEUES)
        return;
    queues->items =
        xrealloc(queues->items, queues->nitems + 1, sizeof(*queues->items));
    queues->items[queues->nitems++] =
        (struct queue){.name = str_dup(name), .name_len = name.len};
    show(queues, name, QUEUE_LENGTH_COL, 0, now);
    show(queues, name, QUEUE_WORKERS_COL, 0, now);
    show(queues, name, QUEUE_PROCESSES_COL, 0, now);
}

void
queues_set_length(struct queues *queues, struct str name, int64_t length,
                  struct now now)
{
    show(queues, name, QUEUE_LENGTH_COL, (double)length, now);
}

void
queues_set_consumers(struct queues *queues, struct str name, int64_t consumers,
                     struct now now)
{
    show(queues, name, QUEUE_CONSUMERS_COL, (double)consumers, now);
}

void
queues_poll_begin(struct queues *queues)
{
    for (size_t i = 0; i < queues->nconsumers; i++)
        queues->consumers[i].answered = false;
}

static struct consumer *
consumer_of(struct queues *queues, struct str node)
{
    for (size_t i = 0; i < queues->nconsumers; i++)
        if (str_eq(str_from(queues->consumers[i].node), node))
            return &queues->consumers[i];
    if (queues->nconsumers >= MAX_CONSUMERS)
        return NULL;
    queues->consumers = xrealloc(queues->consumers, queues->nconsumers + 1,
                                 sizeof(*queues->consumers));
    struct consumer *consumer = &queues->consumers[queues->nconsumers++];
    *consumer = (struct consumer){.node = str_dup(node)};
    return consumer;
}

void
queues_set_processes(struct queues *queues, struct str node, int64_t processes)
{
    struct consumer *consumer = consumer_of(queues, node);
    if (consumer == NULL)
        return;
    consumer->processes = processes;
    consumer->answered = true;
}

void
queues_set_consumed(struct queues *queues, struct str node, struct str queue,
                    struct now now)
{
    struct consumer *consumer = consumer_of(queues, node);
    if (consumer == NULL)
        return;
    consumer->answered = true;
    if (queue.ptr == NULL) {
        consumer->nqueues = 0;
        return;
    }
    queues_add(queues, queue, now);
    const size_t i = find(queues, queue);
    if (i == queues->nitems)
        return;
    consumer->queues = xrealloc(consumer->queues, consumer->nqueues + 1,
                                sizeof(*consumer->queues));
    consumer->queues[consumer->nqueues++] = i;
}

static void
forget_gone(struct queues *queues, bool (*alive)(void *ctx, struct str node),
            void *ctx)
{
    size_t kept = 0;
    for (size_t i = 0; i < queues->nconsumers; i++) {
        struct consumer *consumer = &queues->consumers[i];
        if (consumer->answered || alive(ctx, str_from(consumer->node)))
            queues->consumers[kept++] = *consumer;
        else
            consumer_free(consumer);
    }
    queues->nconsumers = kept;
}

void
queues_poll_end(struct queues *queues,
                bool (*alive)(void *ctx, struct str node), void *ctx,
                struct now now)
{
    forget_gone(queues, alive, ctx);
    for (size_t i = 0; i < queues->nitems; i++)
        queues->items[i].workers = queues->items[i].processes = 0;
    for (size_t i = 0; i < queues->nconsumers; i++) {
        const struct consumer *consumer = &queues->consumers[i];
        for (size_t k = 0; k < consumer->nqueues; k++) {
            struct queue *queue = &queues->items[consumer->queues[k]];
            queue->workers++;
            queue->processes += consumer->processes;
        }
    }
    for (size_t i = 0; i < queues->nitems; i++) {
        const struct str name = queues_name(queues, i);
        show(queues, name, QUEUE_WORKERS_COL, (double)queues->items[i].workers,
             now);
        show(queues, name, QUEUE_PROCESSES_COL,
             (double)queues->items[i].processes, now);
    }
}
