/* What heartbeats tell. */

#include "rig.h"

const char suite_name[] = "worker figures";

static struct rig rig;

static void
open_rig(void)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

START_TEST(a_forced_heartbeat_proves_life_and_changes_nothing_else)
{
    rig_heartbeat(&rig, "celery@h", 1, 4, 100);
    rig_pass(&rig, 200);

    rig_heartbeat(&rig, "celery@h", 1, -1, -1);
    rig_pass(&rig, 200);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 4);
    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='h',"
                 "worker='celery@h'}",
                 100);
}
END_TEST

#define PROCESSED \
    "celery_worker_processed_total{hostname='h',worker='celery@h'}"
#define MISSED \
    "celery_exporter_missed_tasks_total{hostname='h',worker='celery@h'}"

START_TEST(processed_survives_a_restart_as_a_counter)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 100);
    rig_heartbeat(&rig, "celery@h", 1, 0, 150);
    ASSERT_VALUE(&rig, PROCESSED, 150);

    rig_online(&rig, "celery@h", 1); /* the same pid, in a container */
    rig_heartbeat(&rig, "celery@h", 1, 0, 7);

    ASSERT_VALUE(&rig, PROCESSED, 157);
}
END_TEST

START_TEST(absurd_figures_do_not_overflow)
{
    for (int64_t pid = 1; pid <= 20; pid++)
        rig_heartbeat(&rig, "celery@h", pid, INT64_MAX, INT64_MAX);

    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 20e9);
    for (int64_t pid = 1; pid <= 20; pid++)
        rig_offline(&rig, "celery@h", pid);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 0);
}
END_TEST

START_TEST(absurd_figures_do_not_wrap_the_sum)
{
    const int64_t most = INT64_C(1) << 53;
    for (int64_t pid = 1; pid <= 3; pid++)
        for (int i = 0; i < 1000; i++) {
            rig_online(&rig, "celery@h", pid);
            rig_heartbeat(&rig, "celery@h", pid, 0, most);
        }

    ASSERT_VALUE(&rig, PROCESSED, 0x1p62);
}
END_TEST

START_TEST(two_containers_of_one_nodename_and_pid_miss_nothing)
{
    for (int i = 0; i < 20; i++) {
        rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
        rig_heartbeat(&rig, "celery@h", 1, 0, 100 + i);
        rig_pass(&rig, 1);
        rig_heartbeat(&rig, "celery@h", 1, 0, 7);
        rig_pass(&rig, 1);
    }
    rig_pass(&rig, 60);

    ASSERT_VALUE(&rig, MISSED, 0);
    ck_assert_double_le(rig_value(&rig, PROCESSED), 119 + 7);
}
END_TEST

START_TEST(load_and_software_are_shown_under_the_nodename)
{
    SEND(&rig, EVENT_WORKER_HEARTBEAT, .loadavg = {0.5, 1.25, 2},
         .sw_ident = STR("py-celery"), .sw_ver = STR("5.6.2"),
         .sw_sys = STR("Linux"));

    ASSERT_VALUE(&rig, "celery_worker_load1{hostname='h',worker='celery@h'}",
                 0.5);
    ASSERT_VALUE(&rig, "celery_worker_load15{hostname='h',worker='celery@h'}",
                 2);
    ASSERT_VALUE(&rig,
                 "celery_worker_info{hostname='h',pool='',sw_ident='py-celery',"
                 "sw_sys='Linux',sw_ver='5.6.2',worker='celery@h'}",
                 1);
    ASSERT_VALUE(&rig,
                 "celery_worker_last_heartbeat_timestamp_seconds{hostname='h',"
                 "worker='celery@h'}",
                 1.7e9);
}
END_TEST

START_TEST(an_upgrade_replaces_the_info_but_not_more_than_once_a_minute)
{
    SEND(&rig, EVENT_WORKER_ONLINE, .sw_ver = STR("5.5"));
    rig_pass(&rig, 60);
    for (int i = 0; i < 1000; i++)
        SEND(&rig, EVENT_WORKER_ONLINE,
             .sw_ver = i % 2 == 0 ? STR("5.6") : STR("5.7"));

    ck_assert_uint_eq(rig_n(&rig, "celery_worker_info{"), 1);
    ASSERT_VALUE(&rig,
                 "celery_worker_info{hostname='h',pool='',sw_ident='',"
                 "sw_sys='',sw_ver='5.6',worker='celery@h'}",
                 1);
}
END_TEST

START_TEST(a_worker_whose_task_events_are_off_shows_one_heartbeat_late)
{
#define ENABLED \
    "celery_worker_task_events_enabled{hostname='h',worker='celery@h'}"
    rig_heartbeat(&rig, "celery@h", 1, 0, 10);
    rig_pass(&rig, 2);
    rig_heartbeat(&rig, "celery@h", 1, 0, 12);
    ASSERT_ABSENT(&rig, ENABLED);

    rig_pass(&rig, 2);
    rig_heartbeat(&rig, "celery@h", 1, 0, 12);
    ASSERT_VALUE(&rig, ENABLED, 0);

    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    ASSERT_VALUE(&rig, ENABLED, 1);
}
END_TEST

/* The clock tells that they are older. */
START_TEST(task_events_that_follow_their_heartbeat_are_no_silence)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 10);
    for (int i = 1; i < 10; i++) {
        rig_pass(&rig, 2);
        rig.clock += 10;
        rig_heartbeat(&rig, "celery@h", 1, 0, 10 + i);
        SEND(&rig, EVENT_TASK_STARTED, .clock = rig.clock - 5);
    }
    rig_pass(&rig, 20);

    ASSERT_VALUE(&rig, ENABLED, 1);
    ASSERT_VALUE(&rig, MISSED, 0);
}
END_TEST

/* Of events without a clock only the arrival is known. */
START_TEST(without_clocks_events_up_to_the_next_heartbeat_are_no_silence)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 10);
    for (int i = 1; i < 10; i++) {
        rig_pass(&rig, 2);
        SEND(&rig, EVENT_WORKER_HEARTBEAT, .processed = 10 + i, .clock = -1);
        SEND(&rig, EVENT_TASK_STARTED, .clock = -1);
    }
    rig_pass(&rig, 20);

    ASSERT_VALUE(&rig, ENABLED, 1);
}
END_TEST

START_TEST(missed_tasks_are_summed_over_the_processes_of_a_nodename)
{
    for (int64_t pid = 1; pid <= 2; pid++) {
        rig_online(&rig, "celery@h", pid);
        SEND(&rig, EVENT_TASK_STARTED, .pid = pid);
        rig_heartbeat(&rig, "celery@h", pid, 0, 3);
    }
    ASSERT_VALUE(&rig, MISSED, 0);

    rig_pass(&rig, 20);

    ASSERT_VALUE(&rig, MISSED, 4);
}
END_TEST

START_TEST(the_goodbye_tells_the_last_tasks)
{
    rig_online(&rig, "celery@h", 1);
    SEND(&rig, EVENT_TASK_STARTED, .uuid = STR("u"));
    SEND(&rig, EVENT_WORKER_OFFLINE, .processed = 3);
    rig_pass(&rig, 6);

    ASSERT_VALUE(&rig, MISSED, 2);
    ASSERT_VALUE(&rig, PROCESSED, 3);
}
END_TEST

/* A batch that the worker sends once more has heartbeats, too. */
START_TEST(a_repeated_heartbeat_is_no_other_process)
{
    const int64_t first = 100;
    rig_online(&rig, "celery@h", 1);
    SEND(&rig, EVENT_WORKER_HEARTBEAT, .processed = 3, .clock = first);
    SEND(&rig, EVENT_WORKER_HEARTBEAT, .processed = 5, .clock = first + 1);

    SEND(&rig, EVENT_WORKER_HEARTBEAT, .processed = 3, .clock = first);

    ASSERT_VALUE(&rig, PROCESSED, 5);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, a_forced_heartbeat_proves_life_and_changes_nothing_else);
    tcase_add_test(tc, processed_survives_a_restart_as_a_counter);
    tcase_add_test(tc, absurd_figures_do_not_overflow);
    tcase_add_test(tc, absurd_figures_do_not_wrap_the_sum);
    tcase_add_test(tc, two_containers_of_one_nodename_and_pid_miss_nothing);
    tcase_add_test(tc, load_and_software_are_shown_under_the_nodename);
    tcase_add_test(
        tc, an_upgrade_replaces_the_info_but_not_more_than_once_a_minute);
    tcase_add_test(tc,
                   a_worker_whose_task_events_are_off_shows_one_heartbeat_late);
    tcase_add_test(tc, task_events_that_follow_their_heartbeat_are_no_silence);
    tcase_add_test(
        tc, without_clocks_events_up_to_the_next_heartbeat_are_no_silence);
    tcase_add_test(tc,
                   missed_tasks_are_summed_over_the_processes_of_a_nodename);
    tcase_add_test(tc, the_goodbye_tells_the_last_tasks);
    tcase_add_test(tc, a_repeated_heartbeat_is_no_other_process);
}
