#include "app/pages.h"

#include <stdlib.h>

#include "app/page_maker.h"
#include "base/xalloc.h"

enum {
    /* A page is as good as new for ten times what it cost to make, so that
     * rendering never takes more than a tenth of the time; at most this. */
    FRESH_MAX_MS = 1000,
    /* Pages above this size that are being sent, and those in the making, are
     * not added to without end: slow readers would pile them up. While there
     * are so many, scrapes share the last one if it is not too old, or are
     * refused. */
    BIG = 2 * 1024 * 1024,
    MAX_BIG = 4,
    STALE_MAX_MS = 5000,
};

struct waiter {
    struct waiter *next;
    pages_fn fn;
    void *ctx;
};

/* A page in the making, and who waits for it. */
struct job {
    struct job *next;
    struct page_maker maker;
    bool shared;         /* not filtered by name[] */
    uint64_t generation; /* of the metrics, when it was begun */
    uint64_t begun_ns;
    uint64_t cost_ns;
    struct waiter *waiters;
};

/* The last whole page of a kind. */
struct made {
    struct blob *blob;
    uint64_t generation;
    uint64_t begun_ns;
    uint64_t cost_ns;
};

struct pages {
    uv_loop_t *loop;
    const struct metrics *metrics;
    struct pages_config config;
    struct gzip *compressor;
    struct made made[2][2]; /* by format and gzip */
    struct blob *big[MAX_BIG];
    struct job *jobs; /* the first is worked on */
    uv_idle_t idle;
    void (*done)(void *ctx);
    void *done_ctx;
};

static struct made *
made_of(struct pages *pages, const struct job *job)
{
    const struct page_maker *maker = &job->maker;
    return &pages->made[maker->expose.config.format][maker->compress];
}

static bool
is_younger(const struct made *made, uint64_t ms)
{
    return made->blob != NULL &&
           uv_hrtime() - made->begun_ns < UINT64_C(1000000) * ms;
}

static bool
is_fresh(const struct pages *pages, const struct made *made)
{
    return is_younger(made, FRESH_MAX_MS) &&
           (made->generation == metrics_generation(pages->metrics) ||
            uv_hrtime() - made->begun_ns < 10 * made->cost_ns);
}

/* References to a page that are ours: it is on its way to somebody when there
 * are more. */
static size_t
nrefs_of_ours(const struct pages *pages, const struct blob *blob)
{
    size_t n = 1; /* in `big` */
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            n += pages->made[i][k].blob == blob;
    return n;
}

static size_t
nbig_in_use(struct pages *pages)
{
    size_t n = 0;
    for (size_t i = 0; i < MAX_BIG; i++) {
        struct blob **big = &pages->big[i];
        if (*big != NULL && blob_nrefs(*big) == nrefs_of_ours(pages, *big)) {
            blob_unref(*big);
            *big = NULL;
        }
        n += *big != NULL;
    }
    return n;
}

static void
remember_big(struct pages *pages, struct blob *blob)
{
    if (blob_str(blob).len < BIG)
        return;
    nbig_in_use(pages);
    for (size_t i = 0; i < MAX_BIG; i++)
        if (pages->big[i] == NULL) {
            pages->big[i] = blob_ref(blob);
            return;
        }
}

/* One share of work; true when the page is whole. */
static bool
work(struct job *job)
{
    const uint64_t begun_ns = uv_hrtime();
    const bool whole = page_maker_step(&job->maker);
    job->cost_ns += uv_hrtime() - begun_ns;
    return whole;
}

static void
job_free(struct job *job)
{
    page_maker_close(&job->maker);
    free(job);
}

static void
answer(struct job *job, struct blob *blob)
{
    while (job->waiters != NULL) {
        struct waiter *waiter = job->waiters;
        job->waiters = waiter->next;
        waiter->fn(waiter->ctx, blob == NULL ? NULL : blob_ref(blob));
        free(waiter);
    }
}

static void
finish(struct pages *pages, struct job *job)
{
    struct blob *blob = page_maker_take(&job->maker);
    if (blob != NULL && job->shared) {
        struct made *made = made_of(pages, job);
        blob_unref(made->blob);
        *made = (struct made){
            .blob = blob_ref(blob),
            .generation = job->generation,
            .begun_ns = job->begun_ns,
            .cost_ns = job->cost_ns,
        };
    }
    if (blob != NULL)
        remember_big(pages, blob);
    answer(job, blob);
    blob_unref(blob);
    job_free(job);
}

static void
on_idle(uv_idle_t *idle)
{
    struct pages *pages = idle->data;
    struct job *job = pages->jobs;
    if (!work(job))
        return;
    pages->jobs = job->next;
    if (pages->jobs == NULL)
        uv_idle_stop(idle);
    finish(pages, job);
}

static void
add_waiter(struct job *job, pages_fn fn, void *ctx)
{
    struct waiter *waiter = xmalloc(sizeof(*waiter));
    *waiter = (struct waiter){.next = job->waiters, .fn = fn, .ctx = ctx};
    job->waiters = waiter;
}

static struct job *
job_new(struct pages *pages, enum format format, bool gzip,
        const struct str *names, size_t nnames)
{
    struct job *job = xcalloc(1, sizeof(*job));
    job->shared = nnames == 0;
    page_maker_init(&job->maker, metrics_registry(pages->metrics),
                    &(struct expose_config){
                        .format = format,
                        .created_series = pages->config.created_series,
                        .names = names,
                        .nnames = nnames,
                    },
                    gzip, pages->compressor);
    return job;
}

static struct job *
find_job(struct pages *pages, enum format format, bool gzip)
{
    for (struct job *job = pages->jobs; job != NULL; job = job->next)
        if (job->shared && job->maker.compress == gzip &&
            job->maker.expose.config.format == format)
            return job;
    return NULL;
}

static size_t
njobs(const struct pages *pages)
{
    size_t n = 0;
    for (const struct job *job = pages->jobs; job != NULL; job = job->next)
        n++;
    return n;
}

static void
begin(struct pages *pages, struct job *job)
{
    pages->config.refresh(pages->config.ctx);
    job->generation = metrics_generation(pages->metrics);
    job->begun_ns = uv_hrtime();
    /* Most pages are whole after one share, and are answered at once. */
    bool whole = work(job);
    if (!whole && page_maker_is_nearly_whole(&job->maker))
        whole = work(job);
    if (whole) {
        finish(pages, job);
        return;
    }
    struct job **last = &pages->jobs;
    while (*last != NULL)
        last = &(*last)->next;
    *last = job;
    uv_idle_start(&pages->idle, on_idle);
}

void
pages_get(struct pages *pages, enum format format, bool gzip,
          const struct str *names, size_t nnames, pages_fn fn, void *ctx)
{
    struct job *job = nnames > 0 ? NULL : find_job(pages, format, gzip);
    if (job != NULL) {
        add_waiter(job, fn, ctx);
        return;
    }
    struct made *made = &pages->made[format][gzip];
    const bool full = nbig_in_use(pages) + njobs(pages) >= MAX_BIG;
    if (nnames == 0 &&
        (is_fresh(pages, made) || (full && is_younger(made, STALE_MAX_MS)))) {
        fn(ctx, blob_ref(made->blob));
        return;
    }
    if (full) {
        fn(ctx, NULL);
        return;
    }
    job = job_new(pages, format, gzip, names, nnames);
    add_waiter(job, fn, ctx);
    begin(pages, job);
}

struct pages *
pages_new(uv_loop_t *loop, const struct metrics *metrics,
          const struct pages_config *config)
{
    struct pages *pages = xcalloc(1, sizeof(*pages));
    pages->loop = loop;
    pages->metrics = metrics;
    pages->config = *config;
    pages->compressor = gzip_new();
    uv_idle_init(loop, &pages->idle);
    pages->idle.data = pages;
    return pages;
}

void
pages_trim(struct pages *pages)
{
    nbig_in_use(pages);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++) {
            struct made *made = &pages->made[i][k];
            if (is_younger(made, FRESH_MAX_MS) ||
                (nbig_in_use(pages) == MAX_BIG &&
                 is_younger(made, STALE_MAX_MS)))
                continue;
            blob_unref(made->blob);
            made->blob = NULL;
        }
}

static void
on_closed(uv_handle_t *handle)
{
    struct pages *pages = handle->data;
    gzip_free(pages->compressor);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            blob_unref(pages->made[i][k].blob);
    for (size_t i = 0; i < MAX_BIG; i++)
        blob_unref(pages->big[i]);
    pages->done(pages->done_ctx);
    free(pages);
}

void
pages_free(struct pages *pages, void (*done)(void *ctx), void *ctx)
{
    while (pages->jobs != NULL) {
        struct job *job = pages->jobs;
        pages->jobs = job->next;
        answer(job, NULL);
        job_free(job);
    }
    pages->done = done;
    pages->done_ctx = ctx;
    uv_close((uv_handle_t *)&pages->idle, on_closed);
}
