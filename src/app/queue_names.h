#pragma once

/* What a queue's name tells: whether it is one for tasks, and, of those that
 * workers have told of, whether its exchange is its own. */

#include "base/index.h"

/* Celery 5.5's queues of delayed tasks, celery_delayed_0 to _27: a task passes
 * through several of them before it is in its queue. */
bool queue_name_is_delay(struct str name);
/* Queues of events, commands and replies, which the broker's bindings may show
 * beside those of tasks. */
bool queue_name_is_internal(struct str name, struct str event_exchange);

/* A bounded set of names; what is past the bound is not in it. */
struct queue_names {
    struct hash_key key;
    struct hash128 *items;
    size_t n;
    size_t cap;
    struct index index;
};

void queue_names_init(struct queue_names *names, struct hash_key key);
void queue_names_close(struct queue_names *names);
void queue_names_add(struct queue_names *names, struct str name);
bool queue_names_has(const struct queue_names *names, struct str name);
