/* Which workers are up, and how busy. When they are forgotten is the business
 * of test_purge. */

#include <stdio.h>

#include "model/workers.h"
#include "rig.h"

const char suite_name[] = "workers";

static struct rig rig;

static void
open_rig(void)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
}

static void
reopen(int64_t timeout_s, int64_t purge_s)
{
    struct metrics_config config = rig_config();
    config.worker_timeout_ms = timeout_s * 1000;
    config.purge_offline_worker_ms = purge_s * 1000;
    rig_close(&rig);
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

START_TEST(online_is_up_and_offline_is_down)
{
    rig_online(&rig, "celery@h", 1);
    rig_heartbeat(&rig, "celery@h", 1, 3, 10);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 3);

    rig_offline(&rig, "celery@h", 1);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 0);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='h'}", 0);
}
END_TEST

START_TEST(offline_of_an_unknown_worker_makes_nothing)
{
    rig_offline(&rig, "celery@h", 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_worker_"), 0);
}
END_TEST

static const struct {
    const char *nodename;
    const char *host;
} hosts[] = {
    {"celery@h", "h"}, {"h", "h"},        {"a@b@c", "b@c"},
    {"celery@", ""},   {"gen531@h", "h"}, {"@", ""},
};

START_TEST(the_host_is_what_follows_the_first_at)
{
    char series[64];
    rig_online(&rig, hosts[_i].nodename, 1);

    snprintf(series, sizeof(series), "celery_worker_up{hostname='%s'}",
             hosts[_i].host);

    ASSERT_VALUE(&rig, series, 1);
}
END_TEST

START_TEST(a_silent_worker_is_down_after_the_timeout_and_lost)
{
    rig_heartbeat(&rig, "celery@h", 1, 2, 10);
    rig_pass(&rig, 300);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);

    rig_pass(&rig, 1);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 0);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='h'}", 1);
    rig_heartbeat(&rig, "celery@h", 1, 2, 10);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
}
END_TEST

START_TEST(liveness_never_asks_the_clock_of_the_worker)
{
    const double stamps[] = {1, 4102444800, NAN};
    for (size_t i = 0; i < COUNT_OF(stamps); i++) {
        SEND(&rig, EVENT_WORKER_HEARTBEAT, .timestamp = stamps[i]);
        rig_pass(&rig, 200);
        ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    }
    rig_pass(&rig, 101);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
}
END_TEST

START_TEST(timeout_zero_is_never)
{
    reopen(0, 600);
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);

    rig_pass(&rig, 5000);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='h'}", 0);
}
END_TEST

START_TEST(task_events_prove_life_too)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);
    for (int i = 0; i < 4; i++) {
        rig_pass(&rig, 200);
        rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    }
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
}
END_TEST

START_TEST(a_worker_without_heartbeats_is_up_by_its_tasks)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 0);
}
END_TEST

/* A solo pool that is idle, without heartbeats. */
START_TEST(control_replies_prove_life_too)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    for (int i = 0; i < 4; i++) {
        rig_pass(&rig, 200);
        metrics_worker_replied(rig.metrics, STR("celery@h"), rig.now);
    }
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);

    rig_pass(&rig, 301);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
    metrics_worker_replied(rig.metrics, STR("celery@h"), rig.now);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
}
END_TEST

START_TEST(control_replies_revive_nobody_after_the_goodbye)
{
    rig_online(&rig, "celery@h", 1);
    rig_offline(&rig, "celery@h", 1);

    metrics_worker_replied(rig.metrics, STR("celery@h"), rig.now);
    metrics_worker_replied(rig.metrics, STR("nobody@g"), rig.now);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='g'}");
}
END_TEST

/* It is the new process that answers, not what is left of the old one. */
START_TEST(a_control_reply_is_of_the_process_heard_last)
{
    rig_heartbeat(&rig, "celery@h", 1, 3, 0);
    rig_heartbeat(&rig, "celery@h", 2, 1, 0);
    for (int i = 0; i < 4; i++) {
        rig_pass(&rig, 100);
        metrics_worker_replied(rig.metrics, STR("celery@h"), rig.now);
    }
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='h'}", 1);

    /* The place of a purged one leads nowhere. */
    rig_pass(&rig, 1000);
    metrics_worker_replied(rig.metrics, STR("celery@h"), rig.now);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
}
END_TEST

/* A warm shutdown: the running tasks end after the goodbye. */
START_TEST(task_events_after_offline_count_but_do_not_revive)
{
    rig_online(&rig, "celery@h", 1);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED, .name = STR("t"));
    rig_offline(&rig, "celery@h", 1);

    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
    ck_assert(rig_sum(&rig, "celery_task_succeeded_total{", NULL) == 1);
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
}
END_TEST

START_TEST(workers_of_one_host_add_up)
{
    rig_heartbeat(&rig, "a@h", 1, 2, 0);
    rig_heartbeat(&rig, "b@h", 2, 3, 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 5);

    rig_offline(&rig, "a@h", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 3);

    rig_offline(&rig, "b@h", 2);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
}
END_TEST

START_TEST(two_workers_of_one_nodename_are_told_apart)
{
    rig_heartbeat(&rig, "celery@h", 1, 2, 10);
    rig_heartbeat(&rig, "celery@h", 2, 3, 100);
    rig_heartbeat(&rig, "celery@h", 1, 2, 11);
    rig_heartbeat(&rig, "celery@h", 2, 3, 102);

    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 5);
    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='h',"
                 "worker='celery@h'}",
                 113);
    rig_offline(&rig, "celery@h", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ck_assert(metrics_worker_is_up(rig.metrics, STR("celery@h")));
    ck_assert_uint_eq(metrics_nworkers_up(rig.metrics), 1);
}
END_TEST

START_TEST(a_killed_worker_is_lost_soon_after_its_successor_came_online)
{
    rig_heartbeat(&rig, "celery@h", 1, 4, 10);
    rig_pass(&rig, 5);
    rig_online(&rig, "celery@h", 2);
    rig_heartbeat(&rig, "celery@h", 2, 1, 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 5);

    for (int i = 0; i < 20; i++) {
        rig_pass(&rig, 1);
        rig_heartbeat(&rig, "celery@h", 2, 1, 0);
    }

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='h'}", 1);
}
END_TEST

/* Past the cap all nodenames share one label value, and must not pass for
 * each other's successors. */
START_TEST(workers_past_the_label_cap_are_still_told_apart)
{
    struct metrics_config config = rig_config();
    config.registry.max_hostnames = 1;
    rig_close(&rig);
    rig_open(&rig, &config);
    rig_online(&rig, "first@h1", 1);
    rig_online(&rig, "second@h2", 1);
    rig_pass(&rig, 1);
    rig_online(&rig, "third@h3", 1);

    rig_pass(&rig, 60);

    ck_assert_uint_eq(metrics_nworkers_up(rig.metrics), 3);
    ck_assert(metrics_worker_is_up(rig.metrics, STR("second@h2")));
    rig_offline(&rig, "second@h2", 1);
    ck_assert(!metrics_worker_is_up(rig.metrics, STR("second@h2")));
    ck_assert(metrics_worker_is_up(rig.metrics, STR("third@h3")));
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='__other__'}", 1);
}
END_TEST

START_TEST(asking_for_a_nodename_does_not_make_it_known)
{
    const struct values *workers =
        registry_values(metrics_registry(rig.metrics), LABEL_WORKER);

    ck_assert(!metrics_worker_is_up(rig.metrics, STR("nobody@h")));

    ck_assert_uint_eq(values_n(workers), 0);
}
END_TEST

START_TEST(time_without_the_broker_is_no_silence)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);
    metrics_broker_down(rig.metrics, 0, rig.now);
    rig_pass(&rig, 5000);
    metrics_broker_up(rig.metrics, rig.now);
    rig_pass(&rig, 299);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);

    rig_pass(&rig, 2);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
}
END_TEST

/* The whole process was stopped, and found the broker gone when it went on. */
START_TEST(time_in_which_the_exporter_stood_still_is_no_silence)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);
    rig.now.mono_ms += 4000 * 1000;
    metrics_broker_down(rig.metrics, 0, rig.now);
    metrics_tick(rig.metrics, rig.now);
    rig_pass(&rig, 1);
    metrics_broker_up(rig.metrics, rig.now);
    rig_pass(&rig, 200);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
}
END_TEST

/* What was heard after it went on is not put into the future. */
START_TEST(no_worker_is_excused_beyond_now)
{
    rig.now.mono_ms += 4000 * 1000;
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);
    metrics_tick(rig.metrics, rig.now);

    rig_pass(&rig, 301);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, online_is_up_and_offline_is_down);
    tcase_add_test(tc, offline_of_an_unknown_worker_makes_nothing);
    tcase_add_loop_test(tc, the_host_is_what_follows_the_first_at, 0,
                        COUNT_OF(hosts));
    tcase_add_test(tc, a_silent_worker_is_down_after_the_timeout_and_lost);
    tcase_add_test(tc, liveness_never_asks_the_clock_of_the_worker);
    tcase_add_test(tc, timeout_zero_is_never);
    tcase_add_test(tc, task_events_prove_life_too);
    tcase_add_test(tc, a_worker_without_heartbeats_is_up_by_its_tasks);
    tcase_add_test(tc, control_replies_prove_life_too);
    tcase_add_test(tc, control_replies_revive_nobody_after_the_goodbye);
    tcase_add_test(tc, a_control_reply_is_of_the_process_heard_last);
    tcase_add_test(tc, task_events_after_offline_count_but_do_not_revive);
    tcase_add_test(tc, workers_of_one_host_add_up);
    tcase_add_test(tc, two_workers_of_one_nodename_are_told_apart);
    tcase_add_test(
        tc, a_killed_worker_is_lost_soon_after_its_successor_came_online);
    tcase_add_test(tc, workers_past_the_label_cap_are_still_told_apart);
    tcase_add_test(tc, asking_for_a_nodename_does_not_make_it_known);
    tcase_add_test(tc, time_without_the_broker_is_no_silence);
    tcase_add_test(tc, time_in_which_the_exporter_stood_still_is_no_silence);
    tcase_add_test(tc, no_worker_is_excused_beyond_now);
}
