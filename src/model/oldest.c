#include "model/oldest.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"

enum { FIRST_SLOTS = 64 };

/* How many wait in a queue since a second; n = 0: the slot is free. */
struct since {
    uint32_t queue;
    uint32_t second;
    uint32_t n;
};

struct queue_oldest {
    uint32_t nseconds; /* distinct ones */
    uint32_t second;   /* a lower bound while it is stale */
    bool stale;
};

struct oldest {
    struct hash_key key;
    struct since *slots; /* open addressing, at most three quarters full */
    size_t nslots;       /* a power of two */
    size_t n;
    struct queue_oldest *queues;
    size_t nqueues;
    bool stale; /* one of the queues is */
};

struct oldest *
oldest_new(struct hash_key key)
{
    struct oldest *oldest = xmalloc(sizeof(*oldest));
    *oldest = (struct oldest){
        .key = key,
        .slots = xcalloc(FIRST_SLOTS, sizeof(struct since)),
        .nslots = FIRST_SLOTS,
    };
    return oldest;
}

void
oldest_free(struct oldest *oldest)
{
    if (oldest == NULL)
        return;
    free(oldest->slots);
    free(oldest->queues);
    free(oldest);
}

/* Whoever publishes chooses both: the hash is keyed. */
static size_t
home_of(const struct oldest *oldest, uint32_t queue, uint32_t second)
{
    return hash_mix(oldest->key, queue, second) & (oldest->nslots - 1);
}

/* The slot of that queue and second, or the free one where it belongs. */
static size_t
find_slot(const struct oldest *oldest, uint32_t queue, uint32_t second)
{
    size_t i = home_of(oldest, queue, second);
    while (oldest->slots[i].n > 0 && (oldest->slots[i].queue != queue ||
                                      oldest->slots[i].second != second))
        i = (i + 1) & (oldest->nslots - 1);
    return i;
}

static void
resize(struct oldest *oldest, size_t nslots)
{
    struct since *old = oldest->slots;
    const size_t nold = oldest->nslots;
    oldest->slots = xcalloc(nslots, sizeof(*oldest->slots));
    oldest->nslots = nslots;
    for (size_t i = 0; i < nold; i++)
        if (old[i].n > 0)
            oldest->slots[find_slot(oldest, old[i].queue, old[i].second)] =
                old[i];
    free(old);
}

static struct queue_oldest *
make_queue(struct oldest *oldest, uint32_t queue)
{
    if (queue >= oldest->nqueues) {
        const size_t nqueues = 2 * (size_t)queue + 16;
        oldest->queues =
            xrealloc(oldest->queues, nqueues, sizeof(*oldest->queues));
        for (size_t i = oldest->nqueues; i < nqueues; i++)
            oldest->queues[i] = (struct queue_oldest){.second = OLDEST_NONE};
        oldest->nqueues = nqueues;
    }
    return &oldest->queues[queue];
}

/* Begins to count a second. */
static void
add_second(struct oldest *oldest, uint32_t queue, uint32_t second, size_t slot)
{
    struct queue_oldest *q = make_queue(oldest, queue);
    oldest->slots[slot] = (struct since){queue, second, 1};
    oldest->n++;
    q->nseconds++;
    if (second <= q->second) {
        q->second = second;
        q->stale = false;
    }
}

void
oldest_add(struct oldest *oldest, uint32_t queue, uint32_t second)
{
    assert(second < OLDEST_NONE);
    if (4 * (oldest->n + 1) > 3 * oldest->nslots)
        resize(oldest, 2 * oldest->nslots);
    const size_t slot = find_slot(oldest, queue, second);
    if (oldest->slots[slot].n > 0)
        oldest->slots[slot].n++;
    else
        add_second(oldest, queue, second, slot);
}

/* Later entries of the same run move up into the gap, so that no marker for
 * deleted ones is needed. */
static void
empty_slot(struct oldest *oldest, size_t gap)
{
    const size_t mask = oldest->nslots - 1;
    for (size_t i = (gap + 1) & mask; oldest->slots[i].n > 0;
         i = (i + 1) & mask) {
        const struct since *since = &oldest->slots[i];
        const size_t home = home_of(oldest, since->queue, since->second);
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            oldest->slots[gap] = *since;
            gap = i;
        }
    }
    oldest->slots[gap].n = 0;
    oldest->n--;
}

void
oldest_remove(struct oldest *oldest, uint32_t queue, uint32_t second)
{
    const size_t slot = find_slot(oldest, queue, second);
    assert(oldest->slots[slot].n > 0);
    if (--oldest->slots[slot].n > 0)
        return;
    empty_slot(oldest, slot);
    struct queue_oldest *q = &oldest->queues[queue];
    if (--q->nseconds == 0)
        *q = (struct queue_oldest){.second = OLDEST_NONE};
    else if (q->second == second)
        q->stale = oldest->stale = true;
}

static void
shrink(struct oldest *oldest)
{
    if (oldest->nslots > FIRST_SLOTS && 8 * oldest->n < oldest->nslots)
        resize(oldest, oldest->nslots / 4 < FIRST_SLOTS ? FIRST_SLOTS
                                                        : oldest->nslots / 4);
}

void
oldest_settle(struct oldest *oldest)
{
    shrink(oldest);
    if (!oldest->stale)
        return;
    for (size_t i = 0; i < oldest->nqueues; i++)
        if (oldest->queues[i].stale)
            oldest->queues[i].second = OLDEST_NONE;
    for (size_t i = 0; i < oldest->nslots; i++) {
        const struct since *since = &oldest->slots[i];
        if (since->n == 0)
            continue;
        struct queue_oldest *q = &oldest->queues[since->queue];
        if (q->stale && since->second < q->second)
            q->second = since->second;
    }
    for (size_t i = 0; i < oldest->nqueues; i++)
        oldest->queues[i].stale = false;
    oldest->stale = false;
}

uint32_t
oldest_of(const struct oldest *oldest, uint32_t queue)
{
    return queue < oldest->nqueues ? oldest->queues[queue].second : OLDEST_NONE;
}

size_t
oldest_n(const struct oldest *oldest)
{
    return oldest->n;
}
