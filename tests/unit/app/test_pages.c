#include "app/pages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "pages";

static uv_loop_t loop;
static struct metrics *metrics;
static struct pages *pages;
static struct now now;
static unsigned nrefreshed;
static bool gone;
static struct blob *got[16];
static size_t ngot;

static void
on_refresh(void *ctx)
{
    (void)ctx;
    nrefreshed++;
}

static void
on_page(void *ctx, struct blob *page)
{
    (void)ctx;
    got[ngot++] = page;
}

static void
open_pages(void)
{
    const struct metrics_config config = {
        .registry = {.prefix = "celery_",
                     .max_samples = 500000,
                     .max_names = 100000,
                     .max_hostnames = 2000,
                     .max_queue_names = 1000,
                     .max_exceptions = 1000,
                     .label_max_len = 256},
        .default_queue_name = "celery",
        .max_tracked_tasks = 1000,
    };
    struct buf err;
    buf_init(&err, 0);
    now = (struct now){.mono_ms = 1000, .wall_s = 1.7e9};
    metrics = metrics_new(&config, (struct hash_key){.seed = 1}, now, &err);
    buf_close(&err);
    uv_loop_init(&loop);
    pages = pages_new(&loop, metrics,
                      &(struct pages_config){.refresh = on_refresh});
    nrefreshed = 0;
    ngot = 0;
    gone = false;
}

static void
on_gone(void *ctx)
{
    (void)ctx;
    gone = true;
}

static void
drop_pages(void)
{
    while (ngot > 0)
        blob_unref(got[--ngot]);
}

static void
close_pages(void)
{
    pages_free(pages, on_gone, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(gone);
    drop_pages();
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    metrics_free(metrics);
}

/* A task-sent of a name of its own: one more series. */
static void
send_task(unsigned number)
{
    char name[220];
    snprintf(name, sizeof(name), "t%0200u", number);
    metrics_event(metrics,
                  &(struct event){
                      .type = EVENT_TASK_SENT,
                      .hostname = STR("gen1@web"),
                      .uuid = str_from(name),
                      .name = str_from(name),
                      .timestamp = NAN,
                      .eta = NAN,
                      .pid = 1,
                      .clock = -1,
                  },
                  now);
}

static struct blob *
get(bool gzip, const char *name)
{
    const size_t before = ngot;
    const struct str names[] = {str_from(name)};
    pages_get(pages, FORMAT_TEXT, gzip, names, name != NULL, on_page, NULL);
    while (ngot == before)
        uv_run(&loop, UV_RUN_ONCE);
    return got[ngot - 1];
}

START_TEST(scrapes_without_an_event_between_share_a_page)
{
    const struct blob *first = get(false, NULL);

    ck_assert_ptr_eq(get(false, NULL), first);
    ck_assert_uint_eq(nrefreshed, 1);
}
END_TEST

START_TEST(a_page_after_an_event_shows_it)
{
    const struct blob *before = get(false, NULL);
    send_task(1);
    /* It may be shared for ten times what it cost to make, at most a second:
     * a later one is asked for until it is another. */
    const uint64_t until = uv_hrtime() + UINT64_C(2000000000);
    while (get(false, NULL) == before && uv_hrtime() < until)
        blob_unref(got[--ngot]);

    const struct str page = blob_str(got[ngot - 1]);
    ck_assert_ptr_nonnull(
        memmem(page.ptr, page.len, "celery_task_sent_total{", 23));
}
END_TEST

START_TEST(an_empty_page_is_a_gzip_member_too)
{
    const struct str page = blob_str(get(true, "no_such_family"));

    ck_assert_uint_ge(page.len, 18);
    ck_assert_int_eq((unsigned char)page.ptr[0], 0x1f);
    ck_assert_int_eq((unsigned char)page.ptr[1], 0x8b);
}
END_TEST

START_TEST(a_filtered_page_has_that_family_only)
{
    send_task(1);

    const struct str page = blob_str(get(false, "celery_task_sent_total"));

    ck_assert(str_starts(page, STR("# HELP celery_task_sent_total ")));
    ck_assert_ptr_null(memmem(page.ptr, page.len, "broker_up", 9));
}
END_TEST

/* Slow readers hold large pages: their number is bounded, filtered or not. */
START_TEST(no_more_than_four_large_pages_are_under_way)
{
    for (unsigned i = 0; i < 10000; i++)
        send_task(i);

    for (unsigned i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(get(false, "celery_task_sent_total"));
    ck_assert_uint_gt(blob_str(got[0]).len, 2 * 1024 * 1024);
    ck_assert_ptr_null(get(false, "celery_task_sent_total"));

    drop_pages();
    ck_assert_ptr_nonnull(get(false, "celery_task_sent_total"));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_pages, close_pages);
    tcase_add_test(tc, scrapes_without_an_event_between_share_a_page);
    tcase_add_test(tc, a_page_after_an_event_shows_it);
    tcase_add_test(tc, an_empty_page_is_a_gzip_member_too);
    tcase_add_test(tc, a_filtered_page_has_that_family_only);
    tcase_add_test(tc, no_more_than_four_large_pages_are_under_way);
}
