/* What a page costs, and the numbers on it: bench_scrape [LABEL_SETS]
 * [--json]
 *
 * Fills a registry with label sets of tasks (name, hostname, queue), each with
 * all counters and both histograms, and writes and compresses the page as a
 * scrape does. Times are processor time, the best of some runs; memory is what
 * the label sets added to the resident set. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/xalloc.h"
#include "model/expose.h"
#include "wire/gzip.h"

enum {
    ROUNDS = 5,
    LOOKUPS = 4000000,
    SHARE = 4 * 1024 * 1024, /* as app/pages.c has it */
    NHOSTS = 20,
    NQUEUES = 2,
    DEFAULT_SETS = 2380, /* 100,000 samples */
};

static const double runtime[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                 0.5,   0.75, 1,     2.5,  5,     7.5, 10};
static const double wait[] = {0.05, 0.1, 0.25, 0.5, 1,   2.5, 5,
                              10,   30,  60,   120, 300, 600, 1800};

struct result {
    double value;
    const char *name;
    const char *unit;
};

struct bench {
    struct registry *registry;
    size_t nsets;
    uint64_t random;
    uint32_t (*ids)[SERIES_MAX_LABELS];
};

static double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double
resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        exit(EXIT_FAILURE);
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static uint64_t
draw(struct bench *b, uint64_t n)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random % n;
}

static uint32_t
value_of(struct bench *b, enum label_id label, const char *fmt, size_t n)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, fmt, n);
    const uint32_t id = registry_value(b->registry, label, buf_str(&text));
    buf_close(&text);
    return id;
}

static void
name_sets(struct bench *b)
{
    static const char *const names[] = {
        "shop.orders.tasks.update_customer_%zu",
        "shop.billing.tasks.rebuild_invoice_of_month_%zu",
        "mail.tasks.send_%zu",
    };
    b->ids = xcalloc(b->nsets, sizeof(*b->ids));
    for (size_t i = 0; i < b->nsets; i++) {
        const size_t name = i / NHOSTS;
        b->ids[i][0] = value_of(b, LABEL_HOSTNAME, "worker-%02zu", i % NHOSTS);
        b->ids[i][1] = value_of(b, LABEL_NAME, names[name % 3], name);
        b->ids[i][2] =
            value_of(b, LABEL_QUEUE_NAME, "queue-%zu", name % NQUEUES);
    }
}

static void
fill_set(struct bench *b, const uint32_t *ids)
{
    struct group *tasks = registry_group(b->registry, GROUP_TASK);
    struct series *series = group_series(tasks, ids, 1.7e9);
    for (size_t c = TASK_SENT_COL; c <= TASK_CANCELLED_COL; c++)
        group_count(tasks, series, c, draw(b, 1000) * draw(b, 1000));
    for (size_t i = 0; i < 20; i++) {
        const double seconds = (double)draw(b, 10000000) * 1.0000001e-6;
        group_observe(tasks, series, TASK_RUNTIME_COL, seconds);
        group_observe(tasks, series, TASK_WAIT_COL, 10 * seconds);
    }
    /* A worker's task has its failures from the start, at 0. */
    struct group *failed = registry_group(b->registry, GROUP_FAILED);
    const uint32_t failed_ids[SERIES_MAX_LABELS] = {
        registry_value(b->registry, LABEL_EXCEPTION, STR("")), ids[0], ids[1],
        ids[2]};
    group_count(failed, group_series(failed, failed_ids, 1.7e9), FAILED_COL, 0);
}

static void
write_page(struct bench *b, struct buf *page)
{
    struct expose expose;
    expose_init(&expose, b->registry,
                &(struct expose_config){.format = FORMAT_TEXT});
    while (!expose_step(&expose, page, SIZE_MAX))
        ;
}

/* As for a scrape without gzip: into fresh memory. */
static double
time_page(struct bench *b, struct buf *page)
{
    double best = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        buf_close(page);
        const double begun = cpu_seconds();
        write_page(b, page);
        best = fmin(best, cpu_seconds() - begun);
    }
    return best;
}

static double
time_gzip(const struct buf *page, size_t *compressed)
{
    struct gzip *gzip = gzip_new();
    double best = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        struct buf out;
        buf_init(&out, 0);
        const double begun = cpu_seconds();
        for (size_t at = 0; at < page->len; at += SHARE)
            if (gzip == NULL ||
                !gzip_add(gzip, &out, str_slice(buf_str(page), at, at + SHARE)))
                exit(EXIT_FAILURE);
        best = fmin(best, cpu_seconds() - begun);
        *compressed = out.len;
        buf_close(&out);
    }
    gzip_free(gzip);
    return best;
}

/* One event of a task: its label set is found, a counter and a histogram move.
 * In no order, as events come. */
static double
time_lookups(struct bench *b)
{
    struct group *tasks = registry_group(b->registry, GROUP_TASK);
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        const double begun = cpu_seconds();
        for (size_t i = 0; i < LOOKUPS / ROUNDS; i++) {
            struct series *series =
                group_series(tasks, b->ids[draw(b, b->nsets)], 1.7e9);
            group_count(tasks, series, TASK_SUCCEEDED_COL, 1);
            group_observe(tasks, series, TASK_RUNTIME_COL,
                          (double)(b->random >> 40) * 1e-7);
        }
        best = fmin(best, cpu_seconds() - begun);
    }
    return best / (LOOKUPS / ROUNDS);
}

static size_t
count_samples(const struct buf *page)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < page->len; i++)
        n += page->ptr[i] == '\n' && page->ptr[i + 1] != '#';
    return n;
}

static void
print_results(const struct result *results, size_t n, bool json)
{
    if (json)
        fputs("{\"bench\": \"scrape\", \"rows\": [", stdout);
    for (size_t i = 0; i < n; i++)
        printf(json ? "%s{\"name\": \"%s\", \"value\": %.4g, \"unit\": \"%s\"}"
                    : "%s%-24s %10.4g %s",
               i == 0 ? ""
               : json ? ", "
                      : "\n",
               results[i].name, results[i].value, results[i].unit);
    puts(json ? "]}" : "");
}

static struct registry *
open_registry(size_t nsets)
{
    const struct registry_config config = {
        .prefix = "celery_",
        .runtime_bounds = runtime,
        .nruntime_bounds = COUNT_OF(runtime),
        .queue_wait_bounds = wait,
        .nqueue_wait_bounds = COUNT_OF(wait),
        .max_samples = 100 * nsets + 1000,
        .max_names = nsets,
        .max_hostnames = NHOSTS,
        .max_queue_names = NQUEUES,
        .max_exceptions = 1000,
        .label_max_len = 256,
    };
    struct buf err;
    buf_init(&err, 0);
    struct registry *registry =
        registry_new(&config, (struct hash_key){.seed = 1}, &err);
    buf_close(&err);
    return registry;
}

int
main(int argc, char **argv)
{
    const bool json = argc > 1 && strcmp(argv[argc - 1], "--json") == 0;
    struct bench b = {.nsets = DEFAULT_SETS, .random = 88172645463325252};
    if (argc > 1 + json)
        b.nsets = strtoul(argv[1], NULL, 10);
    b.registry = open_registry(b.nsets);
    name_sets(&b);
    const double before = resident_bytes();
    for (size_t i = 0; i < b.nsets; i++)
        fill_set(&b, b.ids[i]);
    const double memory = resident_bytes() - before;

    struct buf page;
    buf_init(&page, 0);
    size_t compressed = 0;
    const double page_s = time_page(&b, &page);
    const double gzip_s = time_gzip(&page, &compressed);
    const double nsamples = (double)count_samples(&page);
    const struct result results[] = {
        {nsamples, "samples", "samples"},
        {(double)page.len * 1e-6, "page", "MB"},
        {(double)compressed * 1e-6, "page, compressed", "MB"},
        {page_s * 1e3, "render", "ms"},
        {page_s * 1e9 / nsamples, "render, a sample", "ns"},
        {gzip_s * 1e3, "compress", "ms"},
        {(page_s + gzip_s) * 1e3, "render and compress", "ms"},
        {memory / (double)b.nsets, "memory of a label set", "bytes"},
        {time_lookups(&b) * 1e9, "count and observe", "ns"},
    };
    print_results(results, COUNT_OF(results), json);
    buf_close(&page);
    free(b.ids);
    registry_free(b.registry);
    return EXIT_SUCCESS;
}
