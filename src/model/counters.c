#include "model/counters.h"

#include <math.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/xalloc.h"
#include "model/tasks.h"

enum { NRECENT = 4096 }; /* a power of two */

/* Where the events of one (hostname, name, queue) count. */
struct recent {
    struct series *task;       /* NULL: the place is free */
    struct series *name_queue; /* NULL while nobody has asked for it */
};

struct counters {
    struct registry *registry;
    struct group *tasks;
    struct group *name_queues;
    uint32_t unnamed; /* label values */
    uint32_t default_queue;
    uint32_t no_exception;
    /* By a hash of the label set that was counted last under it. It saves a
     * search, and no more: whoever aims at one place only loses that. */
    struct recent recent[NRECENT];
    uint64_t ndropped; /* of the registry, when they were all good */
};

static struct group *
group(const struct counters *c, enum group_id id)
{
    return registry_group(c->registry, id);
}

static struct series *
series_of(struct counters *c, enum group_id id, const struct tally *tally,
          const uint32_t *ids)
{
    return group_series(group(c, id), ids, tally->received_s);
}

#define SERIES(c, id, tally, ...) \
    series_of(c, id, tally, (const uint32_t[SERIES_MAX_LABELS]){__VA_ARGS__})

static void
count_failure(struct counters *c, const struct tally *tally, uint32_t name,
              uint32_t queue, uint64_t n)
{
    const uint32_t class = n > 0 ? tally->detail : c->no_exception;
    group_count(
        group(c, GROUP_FAILED),
        SERIES(c, GROUP_FAILED, tally, class, tally->hostname, name, queue),
        FAILED_COL, n);
}

static struct recent *
place_of(struct counters *c, uint32_t hostname, uint32_t name, uint32_t queue)
{
    const uint64_t mixed = hostname * UINT64_C(0x9e3779b97f4a7c15) +
                           name * UINT64_C(0xc2b2ae3d27d4eb4f) +
                           queue * UINT64_C(0x165667b19e3779f9);
    return &c->recent[mixed >> 32 & (NRECENT - 1)];
}

/* What was dropped may be among them. */
static void
forget_dropped(struct counters *c)
{
    const uint64_t ndropped = registry_ndropped(c->registry);
    if (LIKELY(ndropped == c->ndropped))
        return;
    c->ndropped = ndropped;
    for (size_t i = 0; i < NRECENT; i++)
        c->recent[i] = (struct recent){NULL, NULL};
}

/* The record of a label set, unless it is that of others on a full page, which
 * is to be asked for each time. */
static struct series *
task_series(struct counters *c, const struct tally *tally, uint32_t name,
            uint32_t queue)
{
    forget_dropped(c);
    struct recent *recent = place_of(c, tally->hostname, name, queue);
    struct series *series = recent->task;
    if (LIKELY(series != NULL && series->ids[0] == tally->hostname &&
               series->ids[1] == name && series->ids[2] == queue))
        return series;
    const uint32_t ids[SERIES_MAX_LABELS] = {tally->hostname, name, queue};
    series = group_series(c->tasks, ids, tally->received_s);
    if (series->ids[0] == tally->hostname && series->ids[1] == name &&
        series->ids[2] == queue)
        *recent = (struct recent){series, NULL};
    return series;
}

/* The same of its name and queue, after task_series. */
static struct series *
name_queue_series(struct counters *c, const struct tally *tally, uint32_t name,
                  uint32_t queue)
{
    struct recent *recent = place_of(c, tally->hostname, name, queue);
    struct series *series = recent->name_queue;
    if (LIKELY(series != NULL && series->ids[0] == name &&
               series->ids[1] == queue))
        return series;
    const uint32_t ids[SERIES_MAX_LABELS] = {name, queue};
    series = group_series(c->name_queues, ids, tally->received_s);
    if (recent->task != NULL && series->ids[0] == name &&
        series->ids[1] == queue)
        recent->name_queue = series;
    return series;
}

static void
count(struct group *group, struct series *series, size_t column)
{
    if (LIKELY(series->present >> column & 1))
        series->cells[column].count++;
    else
        group_count(group, series, column, 1);
}

/* The failures of a name are there, at 0, as soon as the name is: the very
 * first one is an increase then. */
static void
make_name(struct counters *c, const struct tally *tally, uint32_t name)
{
    if (name != c->unnamed)
        group_touch(group(c, GROUP_NAME), SERIES(c, GROUP_NAME, tally, name),
                    NAME_FAILURES_COL);
}

/* A label set of a worker's task begins with all of its counters at 0, so
 * that a rate over any of them is there from the first event on. */
static void
make_zeros(struct counters *c, struct series *series, const struct tally *tally,
           uint32_t name, uint32_t queue)
{
    static const size_t columns[] = {
        TASK_RECEIVED_COL, TASK_STARTED_COL, TASK_SUCCEEDED_COL,
        TASK_REJECTED_COL, TASK_REVOKED_COL, TASK_RETRIED_COL,
    };
    static const uint64_t all = 1 << TASK_RECEIVED_COL | 1 << TASK_STARTED_COL |
                                1 << TASK_SUCCEEDED_COL |
                                1 << TASK_REJECTED_COL | 1 << TASK_REVOKED_COL |
                                1 << TASK_RETRIED_COL;
    /* Some may be switched off, or have found the page full. */
    if (LIKELY(series->present & all))
        return;
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        group_touch(c->tasks, series, columns[i]);
    count_failure(c, tally, name, queue, 0);
    make_name(c, tally, name);
}

static void
add_retried(struct counters *c, const struct tally *tally, uint32_t name,
            uint32_t queue)
{
    group_count(group(c, GROUP_RETRY),
                SERIES(c, GROUP_RETRY, tally, tally->detail, name, queue),
                RETRY_COL, 1);
}

static void
add_revoked(struct counters *c, const struct tally *tally, uint32_t name,
            uint32_t queue)
{
    group_count(group(c, GROUP_REVOCATION),
                SERIES(c, GROUP_REVOCATION, tally, name, queue, tally->detail),
                REVOCATION_COL, 1);
}

static void
add_started(struct counters *c, const struct tally *tally,
            struct series *series, uint32_t name, uint32_t queue)
{
    struct series *name_queue = name_queue_series(c, tally, name, queue);
    if (!isnan(tally->wait))
        group_observe(c->tasks, series, TASK_WAIT_COL, tally->wait);
    if (!isnan(tally->prefetch))
        group_observe(c->name_queues, name_queue, NQ_PREFETCH_COL,
                      tally->prefetch);
    if (tally->redelivered || !(name_queue->present >> NQ_REDELIVERED_COL & 1))
        group_count(c->name_queues, name_queue, NQ_REDELIVERED_COL,
                    tally->redelivered);
}

/* Events come late that a worker kept while it had no broker, and its clock
 * may be ahead of ours. */
static void
set_latest(struct group *group, struct series *series, size_t column,
           const struct tally *tally)
{
    const double latest = tally->timestamp > tally->received_s
                              ? tally->received_s
                              : tally->timestamp;
    if (isnan(latest))
        return;
    series = group_touch(group, series, column);
    if (series != NULL && latest > series->cells[column].value)
        series->cells[column].value = latest;
}

static void
add_succeeded(struct counters *c, const struct tally *tally,
              struct series *series, uint32_t name, uint32_t queue)
{
    struct series *name_queue = name_queue_series(c, tally, name, queue);
    if (!isnan(tally->runtime))
        group_observe(c->tasks, series, TASK_RUNTIME_COL, tally->runtime);
    set_latest(c->name_queues, name_queue, NQ_LAST_SUCCESS_COL, tally);
}

static void
add_failed(struct counters *c, const struct tally *tally, uint32_t name,
           uint32_t queue)
{
    struct series *name_queue = name_queue_series(c, tally, name, queue);
    count_failure(c, tally, name, queue, 1);
    group_count(group(c, GROUP_NAME), SERIES(c, GROUP_NAME, tally, name),
                NAME_FAILURES_COL, 1);
    if (!isnan(tally->runtime))
        group_observe(c->name_queues, name_queue, NQ_FAILURE_RUNTIME_COL,
                      tally->runtime);
    set_latest(c->name_queues, name_queue, NQ_LAST_FAILURE_COL, tally);
}

static void
add_worker_event(struct counters *c, const struct tally *tally, uint32_t name,
                 uint32_t queue)
{
    static const uint8_t columns[EVENT_TYPE_COUNT] = {
        [EVENT_TASK_RECEIVED] = TASK_RECEIVED_COL,
        [EVENT_TASK_STARTED] = TASK_STARTED_COL,
        [EVENT_TASK_SUCCEEDED] = TASK_SUCCEEDED_COL,
        [EVENT_TASK_REJECTED] = TASK_REJECTED_COL,
        [EVENT_TASK_REVOKED] = TASK_REVOKED_COL,
        [EVENT_TASK_RETRIED] = TASK_RETRIED_COL,
        [EVENT_TASK_CANCELLED] = TASK_CANCELLED_COL,
    };
    struct series *series = task_series(c, tally, name, queue);
    make_zeros(c, series, tally, name, queue);
    if (tally->type != EVENT_TASK_FAILED)
        count(c->tasks, series, columns[tally->type]);
    if (tally->type == EVENT_TASK_STARTED)
        add_started(c, tally, series, name, queue);
    else if (tally->type == EVENT_TASK_SUCCEEDED)
        add_succeeded(c, tally, series, name, queue);
    else if (tally->type == EVENT_TASK_FAILED)
        add_failed(c, tally, name, queue);
    else if (tally->type == EVENT_TASK_RETRIED)
        add_retried(c, tally, name, queue);
    else if (tally->type == EVENT_TASK_REVOKED)
        add_revoked(c, tally, name, queue);
}

struct counters *
counters_new(struct registry *registry, struct str default_queue)
{
    struct counters *c = xmalloc(sizeof(*c));
    *c = (struct counters){
        .registry = registry,
        .tasks = registry_group(registry, GROUP_TASK),
        .name_queues = registry_group(registry, GROUP_NAME_QUEUE),
        .unnamed = registry_value(registry, LABEL_NAME, STR("None")),
        .default_queue =
            registry_value(registry, LABEL_QUEUE_NAME, default_queue),
        .no_exception = registry_value(registry, LABEL_EXCEPTION, STR("")),
    };
    return c;
}

void
counters_free(struct counters *c)
{
    free(c);
}

static void
add_sent(struct counters *c, const struct tally *tally, uint32_t name,
         uint32_t queue)
{
    struct series *series = task_series(c, tally, name, queue);
    if (UNLIKELY(series->present == 0))
        make_name(c, tally, name);
    count(c->tasks, series, TASK_SENT_COL);
}

static void
make_known(const struct counters *c, uint32_t *name, uint32_t *queue)
{
    if (*name == TASK_NO_VALUE)
        *name = c->unnamed;
    if (*queue == TASK_NO_VALUE)
        *queue = c->default_queue;
}

void
counters_add(struct counters *c, const struct tally *tally, uint32_t name,
             uint32_t queue)
{
    make_known(c, &name, &queue);
    if (tally->type == EVENT_TASK_SENT)
        add_sent(c, tally, name, queue);
    else
        add_worker_event(c, tally, name, queue);
}

void
counters_add_wait(struct counters *c, const struct tally *tally, uint32_t name,
                  uint32_t queue)
{
    make_known(c, &name, &queue);
    group_observe(c->tasks, task_series(c, tally, name, queue), TASK_WAIT_COL,
                  tally->wait);
}
