#include "app/roster.h"

#include <stdlib.h>

#include "base/xalloc.h"

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct roster *)owner)->items[number].hash;
}

void
roster_init(struct roster *roster, struct hash_key key)
{
    *roster = (struct roster){.key = key, .round = 1};
    index_init(&roster->index, hash_of, roster);
}

static void
node_close(struct roster_node *node)
{
    free(node->name);
    free(node->queue);
}

void
roster_close(struct roster *roster)
{
    for (size_t i = 0; i < roster->n; i++)
        node_close(&roster->items[i]);
    free(roster->items);
    index_close(&roster->index);
}

void
roster_begin(struct roster *roster)
{
    roster->round++;
    for (size_t i = 0; i < roster->n; i++)
        roster->items[i].wanted = 0;
}

struct roster_node *
roster_find_or_add(struct roster *roster, struct str name)
{
    const struct hash128 hash = hash_bytes(roster->key, name);
    const uint32_t found = index_find(&roster->index, hash);
    if (found != INDEX_NONE)
        return &roster->items[found];
    if (roster->n >= ROSTER_MAX)
        return NULL;
    if (roster->n == roster->cap) {
        roster->cap = roster->cap == 0 ? 8 : 2 * roster->cap;
        roster->items =
            xrealloc(roster->items, roster->cap, sizeof(*roster->items));
    }
    const uint32_t number = (uint32_t)roster->n++;
    roster->items[number] = (struct roster_node){
        .hash = hash, .name = str_dup(name), .name_len = name.len};
    index_add(&roster->index, hash, number);
    return &roster->items[number];
}

struct str
roster_name(const struct roster_node *node)
{
    return (struct str){node->name, node->name_len};
}

bool
roster_in_round(const struct roster *roster, const struct roster_node *node)
{
    return node->round == roster->round;
}

static void
enter_round(struct roster_node *node, uint64_t round)
{
    node->round = round;
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        node->nreplies[i] = 0;
    node->nreserved = node->nscheduled = 0;
    node->several = node->naming = false;
    free(node->queue);
    node->queue = NULL;
}

void
roster_count(struct roster *roster, struct roster_node *node,
             enum question question)
{
    if (!roster_in_round(roster, node))
        enter_round(node, roster->round);
    node->nreplies[question]++;
    node->answered |= 1U << question;
}

void
roster_begin_list(struct roster_node *node)
{
    if (node->nreplies[ASK_QUEUES] > 1 && !node->naming)
        node->several = true;
    node->naming = false;
}

void
roster_add_queue(struct roster_node *node, struct str queue)
{
    const struct str first = {node->queue, node->queue_len};
    node->naming = true;
    if (node->queue == NULL) {
        node->queue = str_dup(queue);
        node->queue_len = queue.len;
    } else if (!str_eq(first, queue)) {
        node->several = true;
    }
}

struct str
roster_only_queue(const struct roster_node *node)
{
    if (node->several || !node->naming)
        return (struct str){0};
    return (struct str){node->queue, node->queue_len};
}

void
roster_forget(struct roster *roster, bool (*alive)(void *ctx, struct str name),
              void *ctx)
{
    index_close(&roster->index);
    index_init(&roster->index, hash_of, roster);
    size_t kept = 0;
    for (size_t i = 0; i < roster->n; i++) {
        struct roster_node *node = &roster->items[i];
        if (node->ntries == 0 && !node->quiet &&
            !alive(ctx, roster_name(node))) {
            node_close(node);
            continue;
        }
        roster->items[kept] = *node;
        index_add(&roster->index, node->hash, (uint32_t)kept++);
    }
    roster->n = kept;
}
