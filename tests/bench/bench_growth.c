/* Whether the cost of an event grows with what is known: bench_growth [--json]
 *
 * The model alone, without decoding, is fed with events: first with more and
 * more tasks in flight, in the order in which they came, as queues hand them
 * out, and at random, where nothing is in a cache; then with more and more
 * label sets at random. Printed is the processor time of an event, the best of
 * several rounds, and the memory of each task and each label set. */

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "model/metrics.h"

enum {
    BATCH = 10,  /* events of one worker in a row, as in one message */
    SHARE = 100, /* tasks whose events are made at a time, not measured */
    ROUNDS = 7,
    ROUND_EVENTS = 120000,
    TEXT_LEN = 64,
};

/* The texts of one task's events. */
struct texts {
    char uuid[TEXT_LEN];
    char nodename[TEXT_LEN];
    char name[TEXT_LEN];
};

struct growth {
    struct metrics *metrics;
    struct now now;
    size_t ntasks;
    size_t nnames;
    size_t nworkers;
    bool in_order;
    size_t next; /* task, when in order */
    uint64_t random;
    int64_t clock;
    struct texts texts[SHARE];
    struct event events[SHARE];
};

struct figure {
    char name[48];
    double value;
    const char *unit;
};

static struct figure figures[32];
static size_t nfigures;

static void
add_figure(const char *name, size_t n, double value, const char *unit)
{
    struct figure *figure = &figures[nfigures++];
    snprintf(figure->name, sizeof(figure->name), "%s %zu", name, n);
    figure->value = value;
    figure->unit = unit;
}

static double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t
bytes_used(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static size_t
draw(struct growth *g, size_t below)
{
    g->random = g->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (size_t)((g->random >> 33) % below);
}

static void
open_model(struct growth *g, size_t ntasks, size_t nnames, size_t nworkers)
{
    static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                    0.5,   0.75, 1,     2.5,  5,     7.5, 10};
    const struct metrics_config config = {
        .registry = {.prefix = "celery_",
                     .runtime_bounds = bounds,
                     .nruntime_bounds = COUNT_OF(bounds),
                     .queue_wait_bounds = bounds,
                     .nqueue_wait_bounds = COUNT_OF(bounds),
                     .max_samples = 100000000,
                     .max_names = 100000,
                     .max_hostnames = 100000,
                     .max_queue_names = 1000,
                     .max_exceptions = 1000,
                     .label_max_len = 256},
        .default_queue_name = "celery",
        .max_tracked_tasks = 2000000,
    };
    struct buf err;
    buf_init(&err, 0);
    *g = (struct growth){
        .now = {.mono_ms = 1000, .wall_s = 1.7e9},
        .ntasks = ntasks,
        .nnames = nnames,
        .nworkers = nworkers,
        .random = 42,
    };
    g->metrics =
        metrics_new(&config, (struct hash_key){.seed = 7}, g->now, &err);
    buf_close(&err);
}

/* A worker's event of a task; each of the (worker, name) is a label set. */
static void
make_event(struct growth *g, size_t i, size_t task, size_t worker, size_t name)
{
    struct texts *t = &g->texts[i];
    snprintf(t->uuid, sizeof(t->uuid), "%08zx-51a3-4c1e-9d0f-%012zx", task,
             task * 7919);
    snprintf(t->nodename, sizeof(t->nodename), "celery@worker-%05zu", worker);
    snprintf(t->name, sizeof(t->name), "shop.tasks.send_order_%05zu", name);
    g->events[i] = (struct event){
        .hostname = str_from(t->nodename),
        .uuid = str_from(t->uuid),
        .eta = NAN,
        .expires = NAN,
        .runtime = 0.2,
        .pid = (int64_t)worker + 100,
        .active = -1,
        .processed = -1,
        .loadavg = {NAN, NAN, NAN},
    };
}

/* The next event of the first n tasks of the share. */
static void
send(struct growth *g, enum event_type type, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct event *ev = &g->events[i];
        ev->type = type;
        ev->clock = ++g->clock;
        ev->timestamp = g->now.wall_s - 0.01;
        ev->name = type <= EVENT_TASK_RECEIVED ? str_from(g->texts[i].name)
                                               : (struct str){NULL, 0};
        ev->queue =
            type == EVENT_TASK_SENT ? STR("celery") : (struct str){NULL, 0};
        metrics_event(g->metrics, ev, g->now);
    }
}

/* Every task, and every label set, once. */
static void
send_all(struct growth *g, enum event_type type)
{
    const size_t nsets = g->nnames * g->nworkers;
    const size_t n = g->ntasks > nsets ? g->ntasks : nsets;
    for (size_t i = 0; i < n; i++) {
        make_event(g, 0, i % g->ntasks, i % g->nworkers,
                   i / g->nworkers % g->nnames);
        send(g, type, 1);
    }
}

static size_t
draw_task(struct growth *g)
{
    return g->in_order ? g->next++ % g->ntasks : draw(g, g->ntasks);
}

static void
draw_share(struct growth *g)
{
    size_t worker = 0;
    for (size_t i = 0; i < SHARE; i++) {
        if (i % BATCH == 0)
            worker = draw(g, g->nworkers);
        make_event(g, i, draw_task(g), worker, draw(g, g->nnames));
    }
}

/* Tasks that wait are started, succeed, and are received anew. */
static double
best_ns(struct growth *g)
{
    double best = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        double seconds = 0;
        size_t nevents = 0;
        for (; nevents < ROUND_EVENTS; nevents += 3 * SHARE) {
            draw_share(g);
            const double begun = cpu_seconds();
            send(g, EVENT_TASK_STARTED, SHARE);
            send(g, EVENT_TASK_SUCCEEDED, SHARE);
            send(g, EVENT_TASK_RECEIVED, SHARE);
            seconds += cpu_seconds() - begun;
        }
        best = fmin(best, seconds * 1e9 / (double)nevents);
    }
    return best;
}

static void
measure_tasks(size_t ntasks)
{
    static struct growth g;
    open_model(&g, ntasks, 50, 10);
    const size_t before = bytes_used();
    send_all(&g, EVENT_TASK_SENT);
    const size_t used = bytes_used() - before;
    send_all(&g, EVENT_TASK_RECEIVED);
    add_figure("event, tasks in flight at random:", ntasks, best_ns(&g), "ns");
    g.in_order = true;
    add_figure("event, tasks in flight in order:", ntasks, best_ns(&g), "ns");
    if (ntasks >= 100000)
        add_figure("memory of a task, in flight:", ntasks,
                   (double)used / (double)ntasks, "bytes");
    metrics_free(g.metrics);
}

static void
measure_label_sets(size_t nnames, size_t nworkers)
{
    const size_t nsets = nnames * nworkers;
    static struct growth g;
    open_model(&g, 1000, nnames, nworkers);
    const size_t before = bytes_used();
    send_all(&g, EVENT_TASK_RECEIVED);
    send_all(&g, EVENT_TASK_STARTED);
    send_all(&g, EVENT_TASK_SUCCEEDED);
    const size_t used = bytes_used() - before;
    add_figure("event, label sets:", nsets, best_ns(&g), "ns");
    if (nsets >= 10000)
        add_figure("memory of a label set, of:", nsets,
                   (double)used / (double)nsets, "bytes");
    metrics_free(g.metrics);
}

static void
print_figures(bool json)
{
    if (json)
        printf("{\"bench\": \"growth\", \"rows\": [");
    for (size_t i = 0; i < nfigures; i++) {
        const struct figure *f = &figures[i];
        if (json)
            printf("%s{\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\"}",
                   i > 0 ? ", " : "", f->name, f->value, f->unit);
        else
            printf("%-44s %10.1f %s\n", f->name, f->value, f->unit);
    }
    if (json)
        puts("]}");
}

int
main(int argc, char **argv)
{
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (argc > 2 || (argc == 2 && !json)) {
        fputs("usage: bench_growth [--json]\n", stderr);
        return EXIT_FAILURE;
    }
    for (size_t ntasks = 1; ntasks <= 1000000; ntasks *= 10)
        if (ntasks != 100 && ntasks != 10000)
            measure_tasks(ntasks);
    measure_label_sets(10, 1);
    measure_label_sets(100, 10);
    measure_label_sets(200, 50);
    measure_label_sets(1000, 100);
    print_figures(json);
    return EXIT_SUCCESS;
}
