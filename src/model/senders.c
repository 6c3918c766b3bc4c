#include "model/senders.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/index.h"
#include "base/xalloc.h"

enum {
    FIRST_MARKS = 16,
    STRETCH = 64, /* marks */
    NSTRETCHES = SENDERS_REMEMBERED / STRETCH,
};
static const uint32_t NONE = UINT32_MAX;

/* The clocks of some events: none while highest is the smaller one. */
struct clocks {
    int64_t lowest;
    int64_t highest;
};

static const struct clocks NO_CLOCKS = {INT64_MAX, INT64_MIN};

struct sender {
    struct hash128 hash;
    int64_t newest_clock;
    uint64_t *marks; /* of its last events, a ring */
    /* Of each stretch of the ring; of that which is being written anew, apart,
     * also those of before. A mark is looked for only where its clock is. */
    struct clocks clocks[NSTRETCHES];
    struct clocks clocks_before;
    uint32_t nmarks;
    uint32_t cap;
    uint32_t at;
    uint32_t older; /* neighbours in the order of use */
    uint32_t newer;
};

struct senders {
    struct sender *items;
    struct index index;
    uint32_t n;
    uint32_t max;
    uint32_t oldest;
    uint32_t newest;
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct senders *)owner)->items[number].hash;
}

static void
unlink_sender(struct senders *senders, const struct sender *sender)
{
    if (sender->older == NONE)
        senders->oldest = sender->newer;
    else
        senders->items[sender->older].newer = sender->newer;
    if (sender->newer == NONE)
        senders->newest = sender->older;
    else
        senders->items[sender->newer].older = sender->older;
}

static void
link_newest(struct senders *senders, uint32_t number)
{
    struct sender *sender = &senders->items[number];
    sender->older = senders->newest;
    sender->newer = NONE;
    if (senders->newest == NONE)
        senders->oldest = number;
    else
        senders->items[senders->newest].newer = number;
    senders->newest = number;
}

/* A place for a new sender: a fresh one, or that of the longest silent. */
static uint32_t
take_number(struct senders *senders)
{
    if (senders->n < senders->max) {
        const uint32_t number = senders->n++;
        if ((number & (number - 1)) == 0)
            senders->items =
                xrealloc(senders->items, number == 0 ? 1 : 2 * (size_t)number,
                         sizeof(*senders->items));
        return number;
    }
    const uint32_t number = senders->oldest;
    unlink_sender(senders, &senders->items[number]);
    index_remove(&senders->index, senders->items[number].hash);
    free(senders->items[number].marks);
    return number;
}

static struct sender *
add(struct senders *senders, struct hash128 hash)
{
    const uint32_t number = take_number(senders);
    senders->items[number] = (struct sender){.hash = hash, .newest_clock = -1};
    link_newest(senders, number);
    index_add(&senders->index, hash, number);
    return &senders->items[number];
}

static struct sender *
get(struct senders *senders, struct hash128 hash)
{
    if (LIKELY(senders->newest != NONE) &&
        LIKELY(hash128_eq(senders->items[senders->newest].hash, hash)))
        return &senders->items[senders->newest];
    const uint32_t number = index_find(&senders->index, hash);
    if (number == INDEX_NONE)
        return add(senders, hash);
    unlink_sender(senders, &senders->items[number]);
    link_newest(senders, number);
    return &senders->items[number];
}

/* Two events of one task never have the same mark, and those of two tasks as
 * good as never: their hashes are keyed. */
static uint64_t
mark_of(const struct arrival *arrival)
{
    _Static_assert(EVENT_TYPE_COUNT <= 16, "four bits tell the types apart");
    const struct event *ev = arrival->ev;
    return arrival->task.low ^ ((uint64_t)ev->clock << 4 | (uint64_t)ev->type);
}

static bool
has_clock(const struct clocks *clocks, int64_t clock)
{
    return clock >= clocks->lowest && clock <= clocks->highest;
}

static bool
stretch_has(const struct sender *sender, uint32_t stretch, uint64_t mark)
{
    const uint32_t begin = stretch * STRETCH;
    for (uint32_t i = begin; i < begin + STRETCH && i < sender->nmarks; i++)
        if (sender->marks[i] == mark)
            return true;
    return false;
}

static bool
remembers(const struct sender *sender, uint64_t mark, int64_t clock)
{
    for (uint32_t i = 0; i * STRETCH < sender->nmarks; i++)
        if ((has_clock(&sender->clocks[i], clock) ||
             (i == sender->at / STRETCH &&
              has_clock(&sender->clocks_before, clock))) &&
            stretch_has(sender, i, mark))
            return true;
    return false;
}

static void
remember_clock(struct sender *sender, int64_t clock)
{
    struct clocks *clocks = &sender->clocks[sender->at / STRETCH];
    if (sender->at % STRETCH == 0) {
        sender->clocks_before =
            sender->nmarks == SENDERS_REMEMBERED ? *clocks : NO_CLOCKS;
        *clocks = NO_CLOCKS;
    }
    if (clock < clocks->lowest)
        clocks->lowest = clock;
    if (clock > clocks->highest)
        clocks->highest = clock;
}

static void
remember(struct sender *sender, uint64_t mark, int64_t clock)
{
    remember_clock(sender, clock);
    if (sender->nmarks == sender->cap && sender->cap < SENDERS_REMEMBERED) {
        sender->cap = sender->cap == 0 ? FIRST_MARKS : 2 * sender->cap;
        sender->marks =
            xrealloc(sender->marks, sender->cap, sizeof(*sender->marks));
    }
    sender->marks[sender->at] = mark;
    if (sender->nmarks < sender->cap)
        sender->nmarks++;
    sender->at = (sender->at + 1) & (SENDERS_REMEMBERED - 1);
}

struct senders *
senders_new(size_t max)
{
    struct senders *senders = xmalloc(sizeof(*senders));
    *senders = (struct senders){
        .max = (uint32_t)max,
        .oldest = NONE,
        .newest = NONE,
    };
    index_init(&senders->index, hash_of, senders);
    return senders;
}

void
senders_free(struct senders *senders)
{
    if (senders == NULL)
        return;
    for (uint32_t i = 0; i < senders->n; i++)
        free(senders->items[i].marks);
    free(senders->items);
    index_close(&senders->index);
    free(senders);
}

size_t
senders_n(const struct senders *senders)
{
    return senders->n;
}

/* In a container every run of a worker has the same pid, and does the same
 * things at the same times of its clock, above all when one task kills it
 * again and again. */
static void
forget_last_run(struct sender *sender, const struct event *ev)
{
    if (ev->type != EVENT_WORKER_ONLINE || ev->clock >= sender->newest_clock)
        return;
    sender->newest_clock = -1;
    sender->nmarks = 0;
    sender->at = 0;
}

bool
senders_repeated(struct senders *senders, const struct arrival *arrival)
{
    const struct event *ev = arrival->ev;
    if (ev->clock < 0)
        return false;
    struct sender *sender = get(senders, arrival->process);
    forget_last_run(sender, ev);
    const uint64_t mark = mark_of(arrival);
    /* The clock of one process only goes up, so most events are new at a
     * glance. Threads that share a clock need the search, and events that were
     * kept for a batch while a heartbeat went out. */
    if (ev->clock <= sender->newest_clock && remembers(sender, mark, ev->clock))
        return true;
    if (ev->clock > sender->newest_clock)
        sender->newest_clock = ev->clock;
    remember(sender, mark, ev->clock);
    return false;
}
