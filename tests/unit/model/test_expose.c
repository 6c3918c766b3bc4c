#include "model/expose.h"

#include <stdio.h>

#include "rig.h"

const char suite_name[] = "expose";

static struct rig rig;

static void
open_rig(void)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
}

static void
reopen(const struct metrics_config *config)
{
    rig_close(&rig);
    rig_open(&rig, config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static struct str
render(enum format format, bool created, const struct str *names, size_t nnames)
{
    const struct expose_config config = {
        .format = format,
        .created_series = created,
        .names = names,
        .nnames = nnames,
    };
    rig_render(&rig, &config);
    ck_assert_ptr_null(page_check(buf_str(&rig.page), format, NULL));
    return buf_str(&rig.page);
}

static bool
contains(struct str page, const char *text)
{
    return memmem(page.ptr, page.len, text, strlen(text)) != NULL;
}

#define ASSERT_HAS(page, text) \
    ck_assert_msg(contains(page, text), "%s is not there", text)
#define ASSERT_LACKS(page, text) \
    ck_assert_msg(!contains(page, text), "%s is there", text)

START_TEST(text_is_as_prometheus_reads_it)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    const struct str page = render(FORMAT_TEXT, false, NULL, 0);

    ASSERT_HAS(page, "# HELP celery_task_started_total Tasks started by a "
                     "worker.\n"
                     "# TYPE celery_task_started_total counter\n"
                     "celery_task_started_total{hostname=\"h\",name=\"t\","
                     "queue_name=\"celery\"} 1\n");
    ASSERT_HAS(page,
               "# TYPE celery_task_runtime histogram\n"
               "celery_task_runtime_bucket{hostname=\"h\",le=\"0.1\",name=\"t\""
               ",queue_name=\"celery\"} 0\n"
               "celery_task_runtime_bucket{hostname=\"h\",le=\"1.0\",name=\"t\""
               ",queue_name=\"celery\"} 1\n"
               "celery_task_runtime_bucket{hostname=\"h\",le=\"10.0\",name="
               "\"t\",queue_name=\"celery\"} 1\n"
               "celery_task_runtime_bucket{hostname=\"h\",le=\"+Inf\",name="
               "\"t\",queue_name=\"celery\"} 1\n"
               "celery_task_runtime_count{hostname=\"h\",name=\"t\","
               "queue_name=\"celery\"} 1\n"
               "celery_task_runtime_sum{hostname=\"h\",name=\"t\","
               "queue_name=\"celery\"} 0.5\n");
    ASSERT_LACKS(page, "_created");
    ASSERT_LACKS(page, "# EOF");
    ASSERT_LACKS(page, "# UNIT");
}
END_TEST

START_TEST(openmetrics_drops_total_from_the_family_and_ends_with_eof)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    const struct str page = render(FORMAT_OPENMETRICS, false, NULL, 0);

    ASSERT_HAS(page, "# TYPE celery_task_started counter\n"
                     "# HELP celery_task_started Tasks started by a worker.\n"
                     "celery_task_started_total{hostname=\"h\",name=\"t\","
                     "queue_name=\"celery\"} 1\n");
    ASSERT_HAS(page, "# TYPE process_cpu_seconds counter\n"
                     "# UNIT process_cpu_seconds seconds\n"
                     "# HELP process_cpu_seconds ");
    ck_assert(page_ends(page, STR("\n# EOF\n")));
}
END_TEST

START_TEST(created_is_a_gauge_family_behind_its_own_in_text)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    const struct str page = render(FORMAT_TEXT, true, NULL, 0);

    ASSERT_HAS(page,
               "celery_task_started_total{hostname=\"h\",name=\"t\","
               "queue_name=\"celery\"} 1\n"
               "# HELP celery_task_started_created Tasks started by a worker.\n"
               "# TYPE celery_task_started_created gauge\n"
               "celery_task_started_created{hostname=\"h\",name=\"t\","
               "queue_name=\"celery\"} 1700000000\n");
    ASSERT_HAS(page, "# TYPE celery_task_runtime_created gauge\n");
    ASSERT_LACKS(page, "celery_worker_up_created");
    /* Only where there are children. */
    ASSERT_LACKS(page, "celery_task_sent_created");
}
END_TEST

START_TEST(created_stands_with_its_sample_in_openmetrics)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    rig_run_task(&rig, STR("celery@g"), STR("v"), STR("t"));

    const struct str page = render(FORMAT_OPENMETRICS, true, NULL, 0);

    ASSERT_HAS(page, "celery_task_started_total{hostname=\"h\",name=\"t\","
                     "queue_name=\"celery\"} 1\n"
                     "celery_task_started_created{hostname=\"h\",name=\"t\","
                     "queue_name=\"celery\"} 1700000000\n"
                     "celery_task_started_total{hostname=\"g\"");
    ASSERT_HAS(page, "celery_task_runtime_sum{hostname=\"h\",name=\"t\","
                     "queue_name=\"celery\"} 0.5\n"
                     "celery_task_runtime_created{hostname=\"h\"");
}
END_TEST

START_TEST(empty_families_still_have_help_and_type)
{
    const struct str page = render(FORMAT_TEXT, true, NULL, 0);

    ASSERT_HAS(page, "# HELP celery_task_sent_total ");
    ASSERT_HAS(page, "# TYPE celery_task_sent_total counter\n"
                     "# HELP celery_task_received_total ");
}
END_TEST

START_TEST(children_stand_in_the_order_of_their_first_event)
{
    rig_heartbeat(&rig, "celery@z", 1, 0, 0);
    rig_heartbeat(&rig, "celery@a", 1, 0, 0);

    ASSERT_HAS(rig_page(&rig), "celery_worker_up{hostname=\"z\"} 1\n"
                               "celery_worker_up{hostname=\"a\"} 1\n");
}
END_TEST

START_TEST(static_labels_are_in_every_series_sorted_around_le)
{
    static const char *const labels[] = {"zone=b", "env=\"prod\"\n", "lf=x"};
    struct metrics_config config = rig_config();
    config.registry.static_labels = labels;
    config.registry.nstatic_labels = COUNT_OF(labels);
    reopen(&config);
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    const struct str page = rig_page(&rig);

#define ENV "env=\"\\\"prod\\\"\\n\""
    ASSERT_HAS(page, "celery_task_runtime_bucket{" ENV ",hostname=\"h\","
                     "le=\"0.1\",lf=\"x\",name=\"t\",queue_name=\"celery\","
                     "zone=\"b\"} 0\n");
    ASSERT_HAS(page, "celery_exporter_broker_up{" ENV ",lf=\"x\",zone=\"b\"} "
                     "1\n");
    ASSERT_HAS(page, "celery_exporter_event_delay_seconds_bucket{" ENV
                     ",le=\"+Inf\",lf=\"x\",zone=\"b\"} ");
}
END_TEST

START_TEST(le_may_be_the_first_the_only_and_the_last_label)
{
    static const char *const collect[] = {"task_prefetch_time"};
    static const char *const last[] = {"a=1"};
    struct metrics_config config = rig_config();
    config.registry.collect = collect;
    config.registry.ncollect = 1;
    reopen(&config);
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    ASSERT_HAS(rig_page(&rig), "celery_task_prefetch_time_seconds_bucket{"
                               "le=\"0.5\",name=\"t\"");
    ASSERT_HAS(rig_page(&rig),
               "celery_exporter_event_delay_seconds_bucket{le=\"0.005\"} ");

    config.registry.static_labels = last;
    config.registry.nstatic_labels = 1;
    reopen(&config);
    ASSERT_HAS(rig_page(&rig), "celery_exporter_event_delay_seconds_bucket{"
                               "a=\"1\",le=\"0.005\"} ");
}
END_TEST

START_TEST(names_choose_families)
{
    const struct str names[] = {STR("celery_task_runtime"),
                                STR("celery_worker_up"), STR("nonsense")};
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    const struct str page = render(FORMAT_TEXT, false, names, COUNT_OF(names));

    ck_assert(str_starts(page, STR("# HELP celery_worker_up ")));
    ASSERT_HAS(page, "celery_task_runtime_sum{");
    ASSERT_LACKS(page, "celery_task_started");
    ASSERT_LACKS(page, "celery_exporter");
}
END_TEST

START_TEST(unknown_names_give_an_empty_page)
{
    const struct str names[] = {STR("celery_task"), STR("")};

    ck_assert_uint_eq(render(FORMAT_TEXT, false, names, 2).len, 0);
    ck_assert(
        str_eq(render(FORMAT_OPENMETRICS, false, names, 2), STR("# EOF\n")));
}
END_TEST

START_TEST(a_family_that_is_off_is_not_on_the_page)
{
    static const char *const off[] = {"task_started", "worker_up",
                                      "task_runtime", "task_retried"};
    struct metrics_config config = rig_config();
    config.registry.no_collect = off;
    config.registry.nno_collect = COUNT_OF(off);
    reopen(&config);
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    const struct str page = rig_page(&rig);

    ASSERT_LACKS(page, "celery_task_started");
    ASSERT_LACKS(page, "celery_worker_up");
    ASSERT_LACKS(page, "celery_task_runtime");
    ASSERT_HAS(page, "celery_task_succeeded_total{");
}
END_TEST

START_TEST(shares_make_up_the_same_page)
{
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        rig_run_task(&rig, STR("celery@h"), str_from(name), str_from(name));
    }
    metrics_refresh(rig.metrics, rig.now);
    const struct expose_config config = {.format = FORMAT_OPENMETRICS};
    struct buf whole, pieces;
    buf_init(&whole, 0);
    buf_init(&pieces, 0);
    struct expose expose;
    expose_init(&expose, metrics_registry(rig.metrics), &config);
    ck_assert(expose_step(&expose, &whole, SIZE_MAX));

    expose_init(&expose, metrics_registry(rig.metrics), &config);
    size_t nsteps = 0;
    while (!expose_step(&expose, &pieces, 1))
        nsteps++;

    ck_assert_uint_gt(nsteps, 10);
    ck_assert(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_close(&whole);
    buf_close(&pieces);
}
END_TEST

/* Names as an unkind publisher writes them, in both formats. */
START_TEST(hostile_label_values_leave_the_page_whole)
{
    static const struct str values[] = {
        STR_INIT("a\"} 1\n# TYPE x counter\nx 1\n# EOF\n"),
        STR_INIT("\\"),
        STR_INIT("\\\\\""),
        STR_INIT("tab\there\r\n\0nul\x1b[0m"),
        STR_INIT("\xed\xa0\x80\xff\xc0\x80"),
        STR_INIT("\xe2\x80\xae"
                 "evil"),
        STR_INIT(" "),
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char uuid[4] = {(char)('a' + i)};
        SEND(&rig, EVENT_TASK_SENT, .hostname = values[i], .name = values[i],
             .queue = values[i], .uuid = str_from(uuid));
        SEND(&rig, EVENT_TASK_FAILED, .hostname = values[i],
             .uuid = str_from(uuid), .exception = values[i]);
        SEND(&rig, EVENT_WORKER_HEARTBEAT, .hostname = values[i],
             .sw_ver = values[i], .sw_ident = values[i], .sw_sys = values[i]);
    }

    rig_page(&rig);

    ck_assert(rig_sum(&rig, "celery_task_failed_total{", NULL) ==
              COUNT_OF(values));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, text_is_as_prometheus_reads_it);
    tcase_add_test(tc,
                   openmetrics_drops_total_from_the_family_and_ends_with_eof);
    tcase_add_test(tc, created_is_a_gauge_family_behind_its_own_in_text);
    tcase_add_test(tc, created_stands_with_its_sample_in_openmetrics);
    tcase_add_test(tc, empty_families_still_have_help_and_type);
    tcase_add_test(tc, children_stand_in_the_order_of_their_first_event);
    tcase_add_test(tc, static_labels_are_in_every_series_sorted_around_le);
    tcase_add_test(tc, le_may_be_the_first_the_only_and_the_last_label);
    tcase_add_test(tc, names_choose_families);
    tcase_add_test(tc, unknown_names_give_an_empty_page);
    tcase_add_test(tc, a_family_that_is_off_is_not_on_the_page);
    tcase_add_test(tc, shares_make_up_the_same_page);
    tcase_add_test(tc, hostile_label_values_leave_the_page_whole);
}
