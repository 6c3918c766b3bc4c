#pragma once

/* The workers that consume queues, as each last answered: its processes, and
 * the numbers of its queues. Several replies of one nodename in one poll are
 * as many workers. Bounded; what is past the bounds is not looked at. */

#include "base/index.h"

enum { CONSUMERS_MAX = 10000 };

struct consumer;

struct consumers {
    struct hash_key key;
    struct consumer *items;
    size_t n;
    size_t cap;
    struct index index;
    uint64_t nlists; /* begun so far */
};

typedef bool (*consumers_alive_fn)(void *ctx, struct str node);
typedef void (*consumers_fn)(void *ctx, uint32_t queue, int64_t processes);

void consumers_init(struct consumers *consumers, struct hash_key key);
void consumers_close(struct consumers *consumers);
void consumers_poll_begin(struct consumers *consumers);
/* A reply that tells the processes. */
void consumers_set_processes(struct consumers *consumers, struct str node,
                             int64_t processes);
/* A reply that lists queues, and each queue on it. *last_list is the queue's,
 * 0 at first, and says whether it is on the list already. */
void consumers_begin_list(struct consumers *consumers, struct str node);
void consumers_add(struct consumers *consumers, struct str node, uint32_t queue,
                   uint64_t *last_list);
/* Forgets those that did not answer and are not alive, or of whose nodename
 * another reply came. */
void consumers_poll_end(struct consumers *consumers, consumers_alive_fn alive,
                        void *ctx);
/* For each queue of each consumer. */
void consumers_each_queue(const struct consumers *consumers, consumers_fn fn,
                          void *ctx);
/* Queues got new numbers; UINT32_MAX for one that left. */
void consumers_renumber(struct consumers *consumers, const uint32_t *numbers);
