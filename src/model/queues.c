#include "model/queues.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/values.h"

enum {
    /* More of either are not looked at: there is a label cap behind. */
    MAX_QUEUES = 10000,
    MAX_CONSUMERS = 10000,
    MAX_LIST = 1000,            /* of one worker */
    MAX_PROCESSES = 1000000000, /* more than any worker has */
};

struct queue {
    struct hash128 hash;
    char *name;
    size_t name_len;
    int64_t workers;
    int64_t processes;
    uint64_t list; /* the last list it was put on */
};

/* A worker as it last answered. */
struct consumer {
    struct hash128 hash;
    char *node;
    size_t node_len;
    int64_t processes;
    bool answered;    /* in this poll */
    uint64_t list;    /* a running number */
    uint32_t *queues; /* on the list */
    size_t nqueues;
    size_t cap;
};

struct queues {
    struct registry *registry;
    struct queue *items;
    size_t nitems;
    size_t cap;
    struct index index;
    struct consumer *consumers;
    size_t nconsumers;
    size_t consumers_cap;
    struct index consumer_index;
    uint64_t nlists;
};

static struct hash128
queue_hash(const void *owner, uint32_t number)
{
    return ((const struct queues *)owner)->items[number].hash;
}

static struct hash128
consumer_hash(const void *owner, uint32_t number)
{
    return ((const struct queues *)owner)->consumers[number].hash;
}

struct queues *
queues_new(struct registry *registry)
{
    struct queues *queues = xcalloc(1, sizeof(*queues));
    queues->registry = registry;
    index_init(&queues->index, queue_hash, queues);
    index_init(&queues->consumer_index, consumer_hash, queues);
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
    index_close(&queues->index);
    index_close(&queues->consumer_index);
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
    if (ids[0] != VALUES_OTHER)
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

static struct hash128
hash_of(const struct queues *queues, struct str text)
{
    return hash_bytes(registry_hash_key(queues->registry), text);
}

/* INDEX_NONE when there are too many already. */
static uint32_t
find_or_add(struct queues *queues, struct str name, struct now now)
{
    const struct hash128 hash = hash_of(queues, name);
    const uint32_t found = index_find(&queues->index, hash);
    if (found != INDEX_NONE || queues->nitems >= MAX_QUEUES)
        return found;
    /* What the page has no room for need not be asked either. */
    if (registry_value(queues->registry, LABEL_QUEUE_NAME, name) ==
        VALUES_OTHER)
        return INDEX_NONE;
    if (queues->nitems == queues->cap) {
        queues->cap = queues->cap == 0 ? 8 : 2 * queues->cap;
        queues->items =
            xrealloc(queues->items, queues->cap, sizeof(*queues->items));
    }
    const uint32_t number = (uint32_t)queues->nitems++;
    queues->items[number] = (struct queue){
        .hash = hash, .name = str_dup(name), .name_len = name.len};
    index_add(&queues->index, hash, number);
    show(queues, name, QUEUE_LENGTH_COL, 0, now);
    show(queues, name, QUEUE_WORKERS_COL, 0, now);
    show(queues, name, QUEUE_PROCESSES_COL, 0, now);
    return number;
}

void
queues_add(struct queues *queues, struct str name, struct now now)
{
    find_or_add(queues, name, now);
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
    const struct hash128 hash = hash_of(queues, node);
    const uint32_t found = index_find(&queues->consumer_index, hash);
    if (found != INDEX_NONE)
        return &queues->consumers[found];
    if (queues->nconsumers >= MAX_CONSUMERS)
        return NULL;
    if (queues->nconsumers == queues->consumers_cap) {
        queues->consumers_cap =
            queues->consumers_cap == 0 ? 8 : 2 * queues->consumers_cap;
        queues->consumers = xrealloc(queues->consumers, queues->consumers_cap,
                                     sizeof(*queues->consumers));
    }
    const uint32_t number = (uint32_t)queues->nconsumers++;
    queues->consumers[number] = (struct consumer){.hash = hash,
                                                  .node = str_dup(node),
                                                  .node_len = node.len,
                                                  .list = ++queues->nlists};
    index_add(&queues->consumer_index, hash, number);
    return &queues->consumers[number];
}

void
queues_set_processes(struct queues *queues, struct str node, int64_t processes)
{
    struct consumer *consumer = consumer_of(queues, node);
    if (consumer == NULL)
        return;
    consumer->processes = processes < 0               ? 0
                          : processes > MAX_PROCESSES ? MAX_PROCESSES
                                                      : processes;
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
        consumer->list = ++queues->nlists;
        return;
    }
    const uint32_t number = find_or_add(queues, queue, now);
    if (number == INDEX_NONE || consumer->nqueues >= MAX_LIST ||
        queues->items[number].list == consumer->list)
        return;
    queues->items[number].list = consumer->list;
    if (consumer->nqueues == consumer->cap) {
        consumer->cap = consumer->cap == 0 ? 4 : 2 * consumer->cap;
        consumer->queues = xrealloc(consumer->queues, consumer->cap,
                                    sizeof(*consumer->queues));
    }
    consumer->queues[consumer->nqueues++] = number;
}

static void
forget_gone(struct queues *queues, bool (*alive)(void *ctx, struct str node),
            void *ctx)
{
    size_t kept = 0;
    index_close(&queues->consumer_index);
    index_init(&queues->consumer_index, consumer_hash, queues);
    for (size_t i = 0; i < queues->nconsumers; i++) {
        struct consumer *consumer = &queues->consumers[i];
        const struct str node = {consumer->node, consumer->node_len};
        if (!consumer->answered && !alive(ctx, node)) {
            consumer_free(consumer);
            continue;
        }
        queues->consumers[kept] = *consumer;
        index_add(&queues->consumer_index, consumer->hash, (uint32_t)kept++);
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
