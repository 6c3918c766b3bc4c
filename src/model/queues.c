#include "model/queues.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/number.h"
#include "base/xalloc.h"
#include "model/consumers.h"
#include "model/values.h"

/* More are not looked at: there is a label cap behind. */
enum { MAX_QUEUES = 10000 };

/* As in AMQP. Longer ones are kept and asked for in vain: a task-sent event may
 * name a queue of a megabyte. */
enum { MAX_NAME_LEN = 255 };

struct queue {
    struct hash128 hash;
    char *name;
    size_t name_len;
    uint32_t value;       /* of the label */
    bool pinned;          /* never leaves */
    bool has_steps;       /* a step above the first has held something */
    int64_t mentioned_ms; /* the last time */
    int64_t length;       /* as the broker last said */
    int64_t workers;
    int64_t processes;
    uint64_t last_list; /* see consumers_add */
};

struct queues {
    struct registry *registry;
    int64_t leave_ms;
    struct queue *items;
    size_t nitems;
    size_t cap;
    struct index index;
    struct consumers consumers;
    bool workers_known;
};

static struct hash128
queue_hash(const void *owner, uint32_t number)
{
    return ((const struct queues *)owner)->items[number].hash;
}

static void
show_size(const struct queues *queues)
{
    static const struct str table = STR_INIT("queues");
    struct group *group = registry_group(queues->registry, GROUP_TABLE_CAP);
    struct series *series =
        registry_fixed(queues->registry, GROUP_TABLE_CAP, &table);
    group_set(group, series, CAP_USED_COL, (double)queues->nitems);
    group_set(group, series, CAP_LIMIT_COL, MAX_QUEUES);
}

struct queues *
queues_new(struct registry *registry, int64_t leave_ms)
{
    struct queues *queues = xmalloc(sizeof(*queues));
    *queues = (struct queues){.registry = registry, .leave_ms = leave_ms};
    index_init(&queues->index, queue_hash, queues);
    consumers_init(&queues->consumers, registry_hash_key(registry));
    show_size(queues);
    return queues;
}

void
queues_free(struct queues *queues)
{
    if (queues == NULL)
        return;
    for (size_t i = 0; i < queues->nitems; i++)
        free(queues->items[i].name);
    free(queues->items);
    index_close(&queues->index);
    consumers_close(&queues->consumers);
    free(queues);
}

static void
show(struct queues *queues, const struct queue *queue, size_t column,
     double value, struct now now)
{
    struct group *group = registry_group(queues->registry, GROUP_QUEUE);
    const uint32_t ids[SERIES_MAX_LABELS] = {queue->value};
    group_set(group, group_series(group, ids, now.wall_s), column, value);
}

static void
hide(struct queues *queues, const struct queue *queue, size_t column,
     struct now now)
{
    struct group *group = registry_group(queues->registry, GROUP_QUEUE);
    const uint32_t ids[SERIES_MAX_LABELS] = {queue->value};
    group_clear(group, group_series(group, ids, now.wall_s), column);
}

static void
show_workers(struct queues *queues, const struct queue *queue, struct now now)
{
    if (queues->workers_known) {
        show(queues, queue, QUEUE_WORKERS_COL, (double)queue->workers, now);
        show(queues, queue, QUEUE_PROCESSES_COL, (double)queue->processes, now);
    } else {
        hide(queues, queue, QUEUE_WORKERS_COL, now);
        hide(queues, queue, QUEUE_PROCESSES_COL, now);
    }
}

static void
show_step(struct queues *queues, const struct queue *queue, int64_t step,
          int64_t length, struct now now)
{
    struct group *group = registry_group(queues->registry, GROUP_PRIORITY);
    struct buf text;
    buf_init(&text, 0);
    buf_add_i64(&text, step);
    const uint32_t ids[SERIES_MAX_LABELS] = {
        registry_value(queues->registry, LABEL_FIXED, buf_str(&text)),
        queue->value};
    buf_close(&text);
    if (ids[0] != VALUES_OTHER)
        group_set(group, group_series(group, ids, now.wall_s),
                  PRIORITY_LENGTH_COL, (double)length);
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

static struct queue *
find(const struct queues *queues, struct str name)
{
    const uint32_t found = index_find(
        &queues->index, hash_bytes(registry_hash_key(queues->registry), name));
    return found == INDEX_NONE ? NULL : &queues->items[found];
}

static void
add(struct queues *queues, struct str name, uint32_t value, struct now now)
{
    if (queues->nitems == queues->cap) {
        queues->cap = queues->cap == 0 ? 8 : 2 * queues->cap;
        queues->items =
            xrealloc(queues->items, queues->cap, sizeof(*queues->items));
    }
    const uint32_t number = (uint32_t)queues->nitems++;
    struct queue *queue = &queues->items[number];
    *queue = (struct queue){
        .hash = hash_bytes(registry_hash_key(queues->registry), name),
        .name = str_dup(name),
        .name_len = name.len,
        .value = value,
    };
    index_add(&queues->index, queue->hash, number);
    show_workers(queues, queue, now);
    show_size(queues);
}

/* NULL when there are too many already. */
static struct queue *
mention(struct queues *queues, struct str name, struct now now)
{
    struct queue *queue = find(queues, name);
    if (queue == NULL && queues->nitems < MAX_QUEUES &&
        name.len <= MAX_NAME_LEN) {
        const uint32_t value =
            registry_value(queues->registry, LABEL_QUEUE_NAME, name);
        /* What the page has no room for need not be asked either. */
        if (value == VALUES_OTHER)
            return NULL;
        add(queues, name, value, now);
        queue = &queues->items[queues->nitems - 1];
    }
    if (queue != NULL)
        queue->mentioned_ms = now.mono_ms;
    return queue;
}

void
queues_add(struct queues *queues, struct str name, struct now now)
{
    mention(queues, name, now);
}

void
queues_pin(struct queues *queues, struct str name, struct now now)
{
    struct queue *queue = mention(queues, name, now);
    if (queue != NULL)
        queue->pinned = true;
}

static void
set_steps(struct queues *queues, struct queue *queue,
          const struct queue_figures *figures, struct now now)
{
    for (size_t i = 1; i < figures->nsteps; i++)
        queue->has_steps |= figures->step_lengths[i] > 0;
    for (size_t i = 0; queue->has_steps && i < figures->nsteps; i++)
        show_step(queues, queue, figures->steps[i], figures->step_lengths[i],
                  now);
}

static void
hide_figures(struct queues *queues, struct queue *queue, struct now now)
{
    struct idset values = {0};
    idset_add(&values, queue->value);
    group_drop(registry_group(queues->registry, GROUP_PRIORITY), 1, &values);
    idset_close(&values);
    queue->has_steps = false;
    hide(queues, queue, QUEUE_LENGTH_COL, now);
    hide(queues, queue, QUEUE_CONSUMERS_COL, now);
}

void
queues_set_figures(struct queues *queues, struct str name,
                   const struct queue_figures *figures, struct now now)
{
    struct queue *queue = find(queues, name);
    if (queue == NULL)
        return;
    if (figures->length > 0 || figures->consumers > 0)
        queue->mentioned_ms = now.mono_ms;
    const int64_t length = figures->missing ? 0 : figures->length;
    if (length < 0) {
        hide_figures(queues, queue, now);
        return;
    }
    queue->length = length;
    show(queues, queue, QUEUE_LENGTH_COL, (double)length, now);
    if (figures->consumers >= 0)
        show(queues, queue, QUEUE_CONSUMERS_COL, (double)figures->consumers,
             now);
    set_steps(queues, queue, figures, now);
}

/* ---- the workers ---- */

void
queues_know_workers(struct queues *queues, bool known)
{
    queues->workers_known = known;
}

void
queues_poll_begin(struct queues *queues)
{
    consumers_poll_begin(&queues->consumers);
}

void
queues_set_processes(struct queues *queues, struct str node, int64_t processes)
{
    consumers_set_processes(&queues->consumers, node, processes);
}

void
queues_set_consumed(struct queues *queues, struct str node, struct str name,
                    struct now now)
{
    if (name.ptr == NULL) {
        consumers_begin_list(&queues->consumers, node);
        return;
    }
    struct queue *queue = mention(queues, name, now);
    if (queue != NULL)
        consumers_add(&queues->consumers, node,
                      (uint32_t)(queue - queues->items), &queue->last_list);
}

static void
sum_up(void *ctx, uint32_t number, int64_t processes)
{
    struct queues *queues = ctx;
    queues->items[number].workers++;
    queues->items[number].processes += processes;
}

void
queues_poll_end(struct queues *queues, queues_alive_fn alive, void *ctx,
                struct now now)
{
    consumers_poll_end(&queues->consumers, alive, ctx);
    for (size_t i = 0; i < queues->nitems; i++)
        queues->items[i].workers = queues->items[i].processes = 0;
    consumers_each_queue(&queues->consumers, sum_up, queues);
    for (size_t i = 0; i < queues->nitems; i++) {
        struct queue *queue = &queues->items[i];
        if (queue->workers > 0)
            queue->mentioned_ms = now.mono_ms;
        show_workers(queues, queue, now);
    }
}

bool
queues_workers(const struct queues *queues, struct str name, size_t *nworkers)
{
    const struct queue *queue = find(queues, name);
    *nworkers = queue == NULL ? 0 : (size_t)queue->workers;
    return queue != NULL && queues->workers_known;
}

/* ---- leaving ---- */

static bool
leaves(const struct queues *queues, const struct queue *queue, struct now now)
{
    return queues->leave_ms > 0 && !queue->pinned && queue->length == 0 &&
           queue->workers == 0 &&
           now.mono_ms - queue->mentioned_ms > queues->leave_ms;
}

/* Moves up those that stay, and tells where each is now. */
static void
close_ranks(struct queues *queues, const bool *gone, uint32_t *numbers)
{
    index_close(&queues->index);
    index_init(&queues->index, queue_hash, queues);
    uint32_t kept = 0;
    for (size_t i = 0; i < queues->nitems; i++) {
        numbers[i] = gone[i] ? UINT32_MAX : kept;
        if (gone[i]) {
            free(queues->items[i].name);
            continue;
        }
        queues->items[kept] = queues->items[i];
        index_add(&queues->index, queues->items[kept].hash, kept);
        kept++;
    }
    queues->nitems = kept;
}

/* Their label value may be that of tasks, too, and stays. */
static void
drop_series(struct queues *queues, struct idset *values)
{
    /* Names that look alike once they are cut have one value. */
    for (size_t i = 0; i < queues->nitems; i++)
        idset_remove(values, queues->items[i].value);
    group_drop(registry_group(queues->registry, GROUP_QUEUE), 0, values);
    group_drop(registry_group(queues->registry, GROUP_PRIORITY), 1, values);
}

void
queues_forget(struct queues *queues, struct now now)
{
    struct idset values = {0};
    bool *gone = xcalloc(queues->nitems + 1, sizeof(*gone));
    for (size_t i = 0; i < queues->nitems; i++) {
        gone[i] = leaves(queues, &queues->items[i], now);
        if (gone[i])
            idset_add(&values, queues->items[i].value);
    }
    if (values.n > 0) {
        uint32_t *numbers = xcalloc(queues->nitems, sizeof(*numbers));
        close_ranks(queues, gone, numbers);
        consumers_renumber(&queues->consumers, numbers);
        drop_series(queues, &values);
        show_size(queues);
        free(numbers);
    }
    free(gone);
    idset_close(&values);
}

void
queues_excuse(struct queues *queues, struct now now)
{
    for (size_t i = 0; i < queues->nitems; i++)
        queues->items[i].mentioned_ms = now.mono_ms;
}
