#include "model/waiting.h"

#include <stdlib.h>

#include "base/xalloc.h"

enum { FIRST_CAP = 64 };

/* A ring in the order of arrival, which is that of the deadlines too; a place
 * let out early stays until its turn comes. Places are named by a running
 * number with the top bit set, so that no name is 0. Those of one task form a
 * circle, and the task points at the last, whose next is the first. */
struct place {
    struct tally tally;
    int64_t deadline_ms;
    uint32_t task; /* TASK_GONE once it is let out */
    uint32_t next; /* of the same task */
};

static const uint32_t TASK_GONE = UINT32_MAX;
#define NAMED UINT32_C(0x80000000)

struct waiting {
    struct tasks *tasks;
    size_t max;
    waiting_ready_fn ready;
    waiting_fn fn;
    void *ctx;
    struct place *places;
    /* Of each place who sent its tally, apart: to look through all of them
     * for each worker that replies must cost next to nothing. */
    uint32_t *workers;
    uint32_t cap;   /* a power of two */
    uint32_t first; /* running number of the oldest place */
    uint32_t n;     /* places in use */
    size_t nlive;   /* of them still waiting */
};

static struct place *
place_at(const struct waiting *waiting, uint32_t number)
{
    return &waiting->places[number & (waiting->cap - 1)];
}

struct waiting *
waiting_new(struct tasks *tasks, size_t max, waiting_ready_fn ready,
            waiting_fn fn, void *ctx)
{
    struct waiting *waiting = xmalloc(sizeof(*waiting));
    *waiting = (struct waiting){
        .tasks = tasks,
        .max = max,
        .ready = ready,
        .fn = fn,
        .ctx = ctx,
        .cap = FIRST_CAP,
    };
    waiting->places = xcalloc(FIRST_CAP, sizeof(struct place));
    waiting->workers = xcalloc(FIRST_CAP, sizeof(*waiting->workers));
    return waiting;
}

void
waiting_free(struct waiting *waiting)
{
    if (waiting == NULL)
        return;
    free(waiting->places);
    free(waiting->workers);
    free(waiting);
}

static void
grow(struct waiting *waiting)
{
    const uint32_t cap = 2 * waiting->cap;
    struct place *places = xcalloc(cap, sizeof(*places));
    uint32_t *workers = xcalloc(cap, sizeof(*workers));
    for (uint32_t i = 0; i < waiting->n; i++) {
        const uint32_t number = waiting->first + i;
        places[number & (cap - 1)] = *place_at(waiting, number);
        workers[number & (cap - 1)] = places[number & (cap - 1)].tally.worker;
    }
    free(waiting->places);
    free(waiting->workers);
    waiting->places = places;
    waiting->workers = workers;
    waiting->cap = cap;
}

/* Lets the oldest out, with all that its task still waits for: a task's later
 * events must not overtake its earlier ones. */
static void
release_oldest(struct waiting *waiting)
{
    const struct place *place = place_at(waiting, waiting->first);
    waiting_release(waiting, tasks_at(waiting->tasks, place->task));
}

/* The oldest place is always one that waits. */
static void
trim(struct waiting *waiting)
{
    while (waiting->n > 0 &&
           place_at(waiting, waiting->first)->task == TASK_GONE) {
        waiting->first++;
        waiting->n--;
    }
}

void
waiting_add(struct waiting *waiting, struct task *task,
            const struct tally *tally, int64_t deadline_ms)
{
    while (waiting->n >= waiting->max)
        release_oldest(waiting);
    if (waiting->n == waiting->cap)
        grow(waiting);
    const uint32_t name = (waiting->first + waiting->n++) | NAMED;
    struct place *place = place_at(waiting, name);
    *place = (struct place){
        .tally = *tally,
        .deadline_ms = deadline_ms,
        .task = tasks_number(waiting->tasks, task),
        .next = name,
    };
    waiting->workers[name & (waiting->cap - 1)] = tally->worker;
    if (task->waiting != 0) {
        struct place *last = place_at(waiting, task->waiting);
        place->next = last->next;
        last->next = name;
    }
    task->waiting = name;
    waiting->nlive++;
}

void
waiting_release(struct waiting *waiting, struct task *task)
{
    const uint32_t last = task->waiting;
    if (last == 0)
        return;
    task->waiting = 0;
    uint32_t name = last;
    do {
        name = place_at(waiting, name)->next;
        struct place *place = place_at(waiting, name);
        place->task = TASK_GONE;
        waiting->nlive--;
        waiting->fn(waiting->ctx, &place->tally, task);
    } while (name != last);
    trim(waiting);
}

static bool
is_ready(const struct waiting *waiting, const struct place *place)
{
    return waiting->ready(waiting->ctx, &place->tally,
                          tasks_at(waiting->tasks, place->task));
}

void
waiting_release_ready(struct waiting *waiting, struct task *task)
{
    if (task->waiting != 0 &&
        is_ready(waiting, place_at(waiting, task->waiting)))
        waiting_release(waiting, task);
}

void
waiting_release_all_ready(struct waiting *waiting)
{
    const uint32_t end = waiting->first + waiting->n;
    for (uint32_t i = waiting->first; i != end; i++) {
        const struct place *place = place_at(waiting, i);
        if (place->task != TASK_GONE && is_ready(waiting, place))
            waiting_release(waiting, tasks_at(waiting->tasks, place->task));
    }
}

void
waiting_release_worker(struct waiting *waiting, uint32_t worker)
{
    const uint32_t end = waiting->first + waiting->n;
    for (uint32_t i = waiting->first; i != end; i++) {
        if (LIKELY(waiting->workers[i & (waiting->cap - 1)] != worker))
            continue;
        const struct place *place = place_at(waiting, i);
        if (place->task != TASK_GONE && is_ready(waiting, place))
            waiting_release(waiting, tasks_at(waiting->tasks, place->task));
    }
}

void
waiting_expire(struct waiting *waiting, int64_t now_ms)
{
    while (waiting->n > 0 &&
           place_at(waiting, waiting->first)->deadline_ms <= now_ms)
        release_oldest(waiting);
}

void
waiting_release_hosts(struct waiting *waiting, const struct idset *hostnames)
{
    const uint32_t end = waiting->first + waiting->n;
    for (uint32_t i = waiting->first; i != end; i++) {
        const struct place *place = place_at(waiting, i);
        if (place->task != TASK_GONE &&
            idset_has(hostnames, place->tally.hostname))
            waiting_release(waiting, tasks_at(waiting->tasks, place->task));
    }
}

size_t
waiting_n(const struct waiting *waiting)
{
    return waiting->nlive;
}

int64_t
waiting_deadline(const struct waiting *waiting)
{
    return waiting->n == 0 ? INT64_MAX
                           : place_at(waiting, waiting->first)->deadline_ms;
}
