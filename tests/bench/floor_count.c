#include "floor_count.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/xalloc.h"

enum {
    NTEXTS = 1 << 12,
    TEXT_BITS = 14,
    NTASKS = 1 << 14,
    NSLOTS = 1 << 15,
    NCOUNTERS = NSLOTS / 2,
    NBOUNDS = 15,
};

static const double bounds[NBOUNDS] = {0.005, 0.01, 0.025, 0.05, 0.075,
                                       0.1,   0.25, 0.5,   0.75, 1,
                                       2.5,   5,    7.5,   10,   1e300};

struct task {
    uint64_t hash; /* of its id; 0 = free */
    uint32_t name;
};

struct counter {
    uint64_t key;
    uint64_t n;
    double sum;
    uint32_t buckets[NBOUNDS];
};

/* Tables with open addressing, small enough to stay in the cache. */
struct floor_count {
    size_t nevents;
    size_t ntasks;
    size_t ntexts;
    size_t ncounters;
    struct str texts[NTEXTS]; /* owned */
    struct task tasks[NTASKS];
    uint32_t slots[NSLOTS]; /* number of a counter and 1; 0 = free */
    struct counter counters[NCOUNTERS];
};

struct floor_count *
floor_count_new(void)
{
    return xcalloc(1, sizeof(struct floor_count));
}

void
floor_count_free(struct floor_count *c)
{
    for (size_t i = 0; i < NTEXTS; i++)
        free((char *)(uintptr_t)c->texts[i].ptr);
    free(c);
}

size_t
floor_count_nevents(const struct floor_count *c)
{
    return c->nevents;
}

static uint64_t
hash(struct str s)
{
    uint64_t h = s.len;
    uint64_t word = 0;
    for (; s.len >= 8; s = (struct str){s.ptr + 8, s.len - 8}) {
        memcpy(&word, s.ptr, 8);
        h = (h ^ word) * 0xff51afd7ed558ccd;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, s.ptr, s.len);
    h = (h ^ word) * 0xff51afd7ed558ccd;
    return h ^ h >> 29;
}

static void
check_room(bool room)
{
    if (room)
        return;
    fputs("more than a floor remembers\n", stderr);
    exit(EXIT_FAILURE);
}

static uint32_t
text_id(struct floor_count *c, struct str s)
{
    uint32_t i = hash(s) % NTEXTS;
    for (; c->texts[i].ptr != NULL; i = (i + 1) % NTEXTS) {
        if (c->texts[i].len == s.len &&
            memcmp(c->texts[i].ptr, s.ptr, s.len) == 0)
            return i;
    }
    check_room(++c->ntexts < NTEXTS / 4 * 3);
    c->texts[i] = (struct str){str_dup(s), s.len};
    return i;
}

/* Where the task is, or would be. */
static struct task *
find_task(struct floor_count *c, uint64_t id)
{
    size_t i = id % NTASKS;
    while (c->tasks[i].hash != 0 && c->tasks[i].hash != id)
        i = (i + 1) % NTASKS;
    return &c->tasks[i];
}

/* Moves those up that would not be found behind a gap. */
static void
remove_task(struct floor_count *c, const struct task *task)
{
    size_t gap = (size_t)(task - c->tasks);
    c->ntasks--;
    for (size_t i = (gap + 1) % NTASKS; c->tasks[i].hash != 0;
         i = (i + 1) % NTASKS) {
        const size_t home = c->tasks[i].hash % NTASKS;
        if ((i - home) % NTASKS >= (i - gap) % NTASKS) {
            c->tasks[gap] = c->tasks[i];
            gap = i;
        }
    }
    c->tasks[gap].hash = 0;
}

static uint32_t
name_of(struct floor_count *c, const struct floor_event *ev)
{
    const uint64_t id = hash(ev->uuid) | 1;
    struct task *task = find_task(c, id);
    if (task->hash == 0) {
        check_room(++c->ntasks < NTASKS / 4 * 3);
        *task = (struct task){id, text_id(c, ev->name)};
    }
    const uint32_t name = task->name;
    if (ev->type.ptr[5] == 'f' || ev->type.ptr[6] == 'u') /* failed, succ... */
        remove_task(c, task);
    return name;
}

static struct counter *
find_counter(struct floor_count *c, uint64_t key)
{
    size_t i = key * 0x9e3779b97f4a7c15 >> 32 & (NSLOTS - 1);
    for (; c->slots[i] != 0; i = (i + 1) % NSLOTS) {
        if (c->counters[c->slots[i] - 1].key == key)
            return &c->counters[c->slots[i] - 1];
    }
    check_room(c->ncounters + 1 < NCOUNTERS);
    struct counter *counter = &c->counters[c->ncounters++];
    counter->key = key;
    c->slots[i] = (uint32_t)c->ncounters;
    return counter;
}

void
floor_count_event(void *ctx, const struct floor_event *ev)
{
    struct floor_count *c = ctx;
    c->nevents++;
    if (ev->type.ptr[0] != 't')
        return;
    uint64_t key = text_id(c, ev->type);
    key = key << TEXT_BITS | name_of(c, ev);
    key = key << TEXT_BITS | text_id(c, ev->hostname);
    if (ev->type.ptr[5] == 'f')
        key |= (uint64_t)text_id(
                   c, str_slice(ev->exception, 0, str_find(ev->exception, '(')))
               << 3 * TEXT_BITS;
    struct counter *counter = find_counter(c, key);
    counter->n++;
    if (ev->runtime >= 0) {
        size_t i = 0;
        while (ev->runtime > bounds[i])
            i++;
        counter->sum += ev->runtime;
        counter->buckets[i]++;
    }
}

static void
add_labels(const struct floor_count *c, struct buf *out, uint64_t key)
{
    const struct str host = c->texts[key & (NTEXTS - 1)];
    buf_add_str(out, STR("{hostname=\""));
    buf_add_str(out, str_slice(host, str_find(host, '@') + 1, host.len));
    buf_add_str(out, STR("\",name=\""));
    buf_add_str(out, c->texts[key >> TEXT_BITS & (NTEXTS - 1)]);
    buf_add_str(out, STR("\",queue_name=\"celery\""));
}

static void
add_runtime(const struct floor_count *c, struct buf *out,
            const struct counter *counter)
{
    uint64_t n = 0;
    for (size_t i = 0; i < NBOUNDS; i++) {
        n += counter->buckets[i];
        buf_add_str(out, STR("celery_task_runtime_bucket"));
        add_labels(c, out, counter->key);
        buf_add_str(out, STR(",le=\""));
        number_add_bound(out, bounds[i] < 1e300 ? bounds[i] : 1 / 0.0);
        buf_add_str(out, STR("\"} "));
        buf_add_u64(out, n);
        buf_add_byte(out, '\n');
    }
    buf_add_str(out, STR("celery_task_runtime_count"));
    add_labels(c, out, counter->key);
    buf_add_str(out, STR("} "));
    buf_add_u64(out, n);
    buf_add_str(out, STR("\ncelery_task_runtime_sum"));
    add_labels(c, out, counter->key);
    buf_add_str(out, STR("} "));
    number_add_double(out, counter->sum);
    buf_add_byte(out, '\n');
}

void
floor_count_page(const struct floor_count *c, struct buf *out)
{
    for (size_t i = 0; i < c->ncounters; i++) {
        const struct counter *counter = &c->counters[i];
        const uint64_t key = counter->key;
        const struct str type = c->texts[key >> 2 * TEXT_BITS & (NTEXTS - 1)];
        buf_add_str(out, STR("celery_task_"));
        buf_add_str(out, str_slice(type, 5, type.len));
        buf_add_str(out, STR("_total"));
        add_labels(c, out, key);
        if (type.ptr[5] == 'f') {
            buf_add_str(out, STR(",exception=\""));
            buf_add_str(out, c->texts[key >> 3 * TEXT_BITS]);
            buf_add_byte(out, '"');
        }
        buf_add_str(out, STR("} "));
        buf_add_u64(out, counter->n);
        buf_add_byte(out, '\n');
        if (type.ptr[6] == 'u')
            add_runtime(c, out, counter);
    }
}
