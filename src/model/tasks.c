#include "model/tasks.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"

enum {
    SLAB_BITS = 12, /* entries come 4,096 at a time: 256 KiB */
    SLAB_SIZE = 1 << SLAB_BITS,
};

static const uint32_t NONE = UINT32_MAX;

_Static_assert(sizeof(struct task) == 64, "a task is one cache line");

/* Entries in the order of use, as a list through their numbers. */
struct order {
    uint32_t oldest;
    uint32_t newest;
};

struct tasks {
    size_t capacity;
    tasks_evict_fn evict;
    void *ctx;
    struct task **slabs;
    size_t nslabs;
    uint32_t nnumbers;   /* given out so far */
    uint32_t first_free; /* through `newer` */
    struct index index;
    struct order live;
    struct order finished;
    uint64_t nevicted;
};

struct task *
tasks_at(struct tasks *tasks, uint32_t number)
{
    return &tasks->slabs[number >> SLAB_BITS][number & (SLAB_SIZE - 1)];
}

static struct order *
order_of(struct tasks *tasks, const struct task *task)
{
    return task->flags & TASK_FINISHED ? &tasks->finished : &tasks->live;
}

static void
order_remove(struct tasks *tasks, struct order *order, struct task *task)
{
    if (task->older == NONE)
        order->oldest = task->newer;
    else
        tasks_at(tasks, task->older)->newer = task->newer;
    if (task->newer == NONE)
        order->newest = task->older;
    else
        tasks_at(tasks, task->newer)->older = task->older;
}

static void
order_append(struct tasks *tasks, struct order *order, struct task *task,
             uint32_t number)
{
    task->older = order->newest;
    task->newer = NONE;
    if (order->newest == NONE)
        order->oldest = number;
    else
        tasks_at(tasks, order->newest)->newer = number;
    order->newest = number;
}

static void
order_prepend(struct tasks *tasks, struct order *order, struct task *task,
              uint32_t number)
{
    task->older = NONE;
    task->newer = order->oldest;
    if (order->oldest == NONE)
        order->newest = number;
    else
        tasks_at(tasks, order->oldest)->older = number;
    order->oldest = number;
}

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    const struct tasks *tasks = owner;
    return tasks->slabs[number >> SLAB_BITS][number & (SLAB_SIZE - 1)].key;
}

static void
drop(struct tasks *tasks, uint32_t number)
{
    struct task *task = tasks_at(tasks, number);
    tasks->evict(tasks->ctx, task);
    order_remove(tasks, order_of(tasks, task), task);
    index_remove(&tasks->index, task->key);
    task->newer = tasks->first_free;
    tasks->first_free = number;
}

static void
make_room(struct tasks *tasks)
{
    drop(tasks, tasks->finished.oldest != NONE ? tasks->finished.oldest
                                               : tasks->live.oldest);
    tasks->nevicted++;
}

static uint32_t
take_number(struct tasks *tasks)
{
    if (tasks->first_free != NONE) {
        const uint32_t number = tasks->first_free;
        tasks->first_free = tasks_at(tasks, number)->newer;
        return number;
    }
    if (tasks->nnumbers == tasks->nslabs << SLAB_BITS) {
        tasks->slabs =
            xrealloc(tasks->slabs, tasks->nslabs + 1, sizeof(*tasks->slabs));
        tasks->slabs[tasks->nslabs++] =
            xmalloc(SLAB_SIZE * sizeof(struct task));
    }
    return tasks->nnumbers++;
}

static uint32_t
add(struct tasks *tasks, struct hash128 key)
{
    if (tasks_n(tasks) >= tasks->capacity)
        make_room(tasks);
    const uint32_t number = take_number(tasks);
    struct task *task = tasks_at(tasks, number);
    *task = (struct task){
        .key = key,
        .sent = NAN,
        .eta = NAN,
        .at = NAN,
        .name = TASK_NO_VALUE,
        .queue = TASK_NO_VALUE,
        .worker = TASK_NO_WORKER,
    };
    index_add(&tasks->index, key, number);
    return number;
}

struct tasks *
tasks_new(size_t capacity, tasks_evict_fn evict, void *ctx)
{
    assert(capacity > 0);
    struct tasks *tasks = xmalloc(sizeof(*tasks));
    *tasks = (struct tasks){
        .capacity = capacity,
        .evict = evict,
        .ctx = ctx,
        .first_free = NONE,
        .live = {NONE, NONE},
        .finished = {NONE, NONE},
    };
    index_init(&tasks->index, hash_of, tasks);
    return tasks;
}

void
tasks_free(struct tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->nslabs; i++)
        free(tasks->slabs[i]);
    free(tasks->slabs);
    index_close(&tasks->index);
    free(tasks);
}

struct task *
tasks_get(struct tasks *tasks, struct hash128 key)
{
    uint32_t number = index_find(&tasks->index, key);
    if (number == INDEX_NONE) {
        number = add(tasks, key);
        order_append(tasks, &tasks->live, tasks_at(tasks, number), number);
        return tasks_at(tasks, number);
    }
    struct task *task = tasks_at(tasks, number);
    if (!(task->flags & TASK_FINISHED) && tasks->live.newest != number) {
        order_remove(tasks, &tasks->live, task);
        order_append(tasks, &tasks->live, task, number);
    }
    return task;
}

struct task *
tasks_find(struct tasks *tasks, struct hash128 key)
{
    const uint32_t number = index_find(&tasks->index, key);
    return number == INDEX_NONE ? NULL : tasks_at(tasks, number);
}

struct task *
tasks_add_hearsay(struct tasks *tasks, struct hash128 key)
{
    if (tasks_n(tasks) >= tasks->capacity && tasks->finished.oldest == NONE)
        return NULL;
    const uint32_t number = add(tasks, key);
    struct task *task = tasks_at(tasks, number);
    order_prepend(tasks, &tasks->live, task, number);
    return task;
}

void
tasks_finish(struct tasks *tasks, struct task *task, uint32_t now_s)
{
    const uint32_t number = tasks_number(tasks, task);
    order_remove(tasks, order_of(tasks, task), task);
    task->flags |= TASK_FINISHED;
    task->finished_s = now_s;
    order_append(tasks, &tasks->finished, task, number);
}

void
tasks_revive(struct tasks *tasks, struct task *task)
{
    if (!(task->flags & TASK_FINISHED))
        return;
    const uint32_t number = tasks_number(tasks, task);
    order_remove(tasks, &tasks->finished, task);
    task->flags &= (uint8_t)~TASK_FINISHED;
    task->worker = TASK_NO_WORKER;
    order_append(tasks, &tasks->live, task, number);
}

uint32_t
tasks_number(const struct tasks *tasks, const struct task *task)
{
    /* A neighbour knows it; the ends of an order are named by the order. */
    if (task->newer == NONE)
        return task->flags & TASK_FINISHED ? tasks->finished.newest
                                           : tasks->live.newest;
    return tasks->slabs[task->newer >> SLAB_BITS][task->newer & (SLAB_SIZE - 1)]
        .older;
}

void
tasks_expire(struct tasks *tasks, uint32_t before_s, size_t max)
{
    while (max-- > 0 && tasks->finished.oldest != NONE) {
        const uint32_t number = tasks->finished.oldest;
        if (tasks_at(tasks, number)->finished_s >= before_s)
            return;
        drop(tasks, number);
    }
}

uint32_t
tasks_nnumbers(const struct tasks *tasks)
{
    return tasks->nnumbers;
}

size_t
tasks_n(const struct tasks *tasks)
{
    return tasks->index.n;
}

size_t
tasks_capacity(const struct tasks *tasks)
{
    return tasks->capacity;
}

uint64_t
tasks_nevicted(const struct tasks *tasks)
{
    return tasks->nevicted;
}
