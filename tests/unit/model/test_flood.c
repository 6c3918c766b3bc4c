/* Publishers without good will: nothing they say grows past its cap, breaks
 * the page, or costs the others their counts. */

#include <stdio.h>

#include "rig.h"

const char suite_name[] = "flood";

enum { FLOOD = 1000000, MAX_SAMPLES = 50000 };

static struct rig rig;

static void
open_rig(void)
{
    struct metrics_config config = rig_config();
    config.registry.max_samples = MAX_SAMPLES;
    config.max_tracked_tasks = 20000;
    config.name_grace_ms = 2000;
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static size_t
nvalues(enum label_id label)
{
    return values_n(registry_values(metrics_registry(rig.metrics), label));
}

static size_t
nrecords(void)
{
    size_t n = 0;
    for (size_t g = 0; g < GROUP_COUNT; g++)
        n += group_n(
            registry_group(metrics_registry(rig.metrics), (enum group_id)g));
    return n;
}

static void
assert_bounded(void)
{
    /* The overflow records and what has no labels are beyond the cap. */
    ck_assert(rig_value(&rig, "celery_exporter_series") <= MAX_SAMPLES + 500);
    ck_assert_uint_le(nrecords(), MAX_SAMPLES + 500);
    ck_assert_uint_le(nvalues(LABEL_NAME), 5000);
    ck_assert_uint_le(nvalues(LABEL_HOSTNAME), 2000);
    ck_assert_uint_le(nvalues(LABEL_WORKER), 2000);
    ck_assert_uint_le(nvalues(LABEL_QUEUE_NAME), 1000);
    ck_assert_uint_le(nvalues(LABEL_EXCEPTION), 1000);
    ck_assert_uint_le(nvalues(LABEL_SOFTWARE), 1000);
    ck_assert(rig_value(&rig, "celery_exporter_tracked_tasks") <= 20000);
}

START_TEST(a_million_of_everything_is_bounded)
{
    /* One that was there before, and goes on. */
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("good"));
    for (int i = 0; i < FLOOD; i++) {
        char text[24];
        const int len = snprintf(text, sizeof(text), "x%d", i);
        const struct str s = {text, (size_t)len};
        switch (i % 4) {
        case 0:
            SEND(&rig, EVENT_TASK_SENT, .hostname = s, .uuid = s, .name = s,
                 .queue = s);
            break;
        case 1:
            SEND(&rig, EVENT_TASK_RECEIVED, .hostname = s, .uuid = s,
                 .name = s);
            break;
        case 2:
            SEND(&rig, EVENT_TASK_FAILED, .hostname = s, .uuid = s,
                 .exception = s);
            break;
        default:
            SEND(&rig, EVENT_WORKER_HEARTBEAT, .hostname = s, .sw_ident = s,
                 .sw_ver = s, .sw_sys = s);
            break;
        }
        if (i % 10000 == 0)
            rig_pass(&rig, 1);
    }
    rig_run_task(&rig, STR("celery@h"), STR("v"), STR("good"));
    rig_pass(&rig, 5);

    assert_bounded();
    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='h',name='good',"
                 "queue_name='celery'}",
                 2);
    ck_assert(rig_sum(&rig, "celery_task_received_total{", NULL) ==
              FLOOD / 4 + 2);
    ck_assert(rig_sum(&rig, "celery_task_failures_total{", NULL) == FLOOD / 4);
}
END_TEST

/* One nodename, ten thousand processes, each of which says it is new, with
 * another version each time. */
START_TEST(forged_restarts_are_bounded)
{
    for (int i = 0; i < 100000; i++) {
        char version[16];
        snprintf(version, sizeof(version), "%d", i);
        SEND(&rig, EVENT_WORKER_ONLINE, .hostname = STR("celery@h"),
             .pid = 1 + i % 20000, .sw_ver = str_from(version),
             .active = INT64_MAX, .processed = INT64_MAX);
        if (i % 100 == 0)
            rig_pass(&rig, 1);
    }
    assert_bounded();
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_info{"), 1);
}
END_TEST

/* A whole fleet falls silent at once and is purged in one tick. */
START_TEST(a_fleet_is_purged_in_one_pass)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            char node[32];
            snprintf(node, sizeof(node), "celery@%d-%d", round, i);
            rig_run_task(&rig, str_from(node), str_from(node), STR("t"));
            rig_heartbeat(&rig, node, 1, 0, 1);
        }
        ck_assert_uint_eq(nvalues(LABEL_HOSTNAME), 2000);
        rig_pass(&rig, 605);
        ck_assert_uint_eq(nvalues(LABEL_HOSTNAME), 0);
        ck_assert_uint_eq(nvalues(LABEL_WORKER), 0);
        ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 0);
        ck_assert_uint_eq(rig_n(&rig, "celery_worker_up{"), 0);
    }
    assert_bounded();
}
END_TEST

START_TEST(a_budget_of_nothing_still_gives_a_page)
{
    struct metrics_config config = rig_config();
    config.registry.max_samples = 0;
    rig_close(&rig);
    rig_open(&rig, &config);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "x%d", i);
        rig_run_task(&rig, str_from(text), str_from(text), str_from(text));
    }

    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='__other__',"
                 "name='__other__',queue_name='__other__'}",
                 1000);
    ck_assert_uint_le(nrecords(), GROUP_COUNT);
}
END_TEST

START_TEST(caps_of_one_still_give_a_page)
{
    struct metrics_config config = rig_config();
    config.registry.max_names = 1;
    config.registry.max_hostnames = 1;
    config.registry.max_queue_names = 1;
    config.registry.max_exceptions = 1;
    config.registry.label_max_len = 32;
    config.max_tracked_tasks = 1;
    config.generic_hostname_task_sent = true;
    rig_close(&rig);
    rig_open(&rig, &config);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "x%d", i);
        SEND(&rig, EVENT_TASK_SENT, .hostname = str_from(text),
             .uuid = str_from(text), .name = str_from(text),
             .queue = str_from(text));
        rig_run_task(&rig, str_from(text), str_from(text), str_from(text));
    }
    rig_pass(&rig, 1000);

    ck_assert(rig_sum(&rig, "celery_task_succeeded_total{", NULL) == 1000);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, a_million_of_everything_is_bounded);
    tcase_add_test(tc, forged_restarts_are_bounded);
    tcase_add_test(tc, a_fleet_is_purged_in_one_pass);
    tcase_add_test(tc, a_budget_of_nothing_still_gives_a_page);
    tcase_add_test(tc, caps_of_one_still_give_a_page);
}
