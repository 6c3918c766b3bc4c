/* What one task's events add, sequence by sequence: as Celery sends them, late,
 * out of order, or not at all. */

#include <math.h>

#include "rig.h"

const char suite_name[] = "task rules";

#define TASK "{hostname='h',name='t',queue_name='celery'}"
#define TASK_IN_Q "{hostname='h',name='t',queue_name='q'}"
#define NAME_QUEUE "{name='t',queue_name='celery'}"

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

static void
receive(void)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
}

START_TEST(success_is_received_started_succeeded_and_its_runtime)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_runtime_count" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_runtime_sum" TASK, 0.5);
    ASSERT_VALUE(&rig,
                 "celery_task_runtime_bucket{hostname='h',le='0.1',name='t',"
                 "queue_name='celery'}",
                 0);
    ASSERT_VALUE(&rig,
                 "celery_task_runtime_bucket{hostname='h',le='1.0',name='t',"
                 "queue_name='celery'}",
                 1);
    ASSERT_VALUE(&rig, "celery_task_last_success_timestamp_seconds" NAME_QUEUE,
                 1.7e9);
    ASSERT_ABSENT(&rig, "celery_task_queue_wait_time_count" TASK);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 1);
}
END_TEST

/* The counters of a worker's task begin together, at 0. */
START_TEST(the_first_event_of_a_worker_makes_all_counters_but_sent)
{
    receive();

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 0);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK, 0);
    ASSERT_VALUE(&rig, "celery_task_rejected_total" TASK, 0);
    ASSERT_VALUE(&rig, "celery_task_revoked_total" TASK, 0);
    ASSERT_VALUE(&rig, "celery_task_retried_total" TASK, 0);
    ASSERT_VALUE(&rig,
                 "celery_task_failed_total{exception='',hostname='h',name='t',"
                 "queue_name='celery'}",
                 0);
    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_cancelled_total{"), 0);
}
END_TEST

START_TEST(sent_makes_no_worker_counters_on_the_client)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen12@web"), .name = STR("t"),
         .queue = STR("q"));

    ASSERT_VALUE(
        &rig, "celery_task_sent_total{hostname='web',name='t',queue_name='q'}",
        1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_failed_total{"), 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_up{"), 0);
    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 0);
}
END_TEST

START_TEST(failure_is_counted_by_class_and_in_all)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_FAILED, .exception = STR("KeyError"));

    ASSERT_VALUE(&rig,
                 "celery_task_failed_total{exception='KeyError',hostname='h',"
                 "name='t',queue_name='celery'}",
                 1);
    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 1);
    ASSERT_VALUE(&rig, "celery_task_last_failure_timestamp_seconds" NAME_QUEUE,
                 1.7e9);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_runtime_count"), 0);
}
END_TEST

/* Relative to now, as they come; what is shown in the end. */
static const double successes[][3] = {
    {-9, -5, -5},
    {-5, -9, -5}, /* kept by its worker while that had no broker */
    {-5, 4000, 0},
    {-5, NAN, -5},
};

START_TEST(the_last_success_never_goes_back_nor_into_the_future)
{
    const double now_s = rig.now.wall_s;
    receive();
    SEND(&rig, EVENT_TASK_SUCCEEDED, .timestamp = now_s + successes[_i][0]);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .timestamp = now_s + successes[_i][1]);

    ASSERT_VALUE(&rig, "celery_task_last_success_timestamp_seconds" NAME_QUEUE,
                 now_s + successes[_i][2]);
}
END_TEST

/* Two distinct terminal events of one run: the development branch of Celery
 * sends them for a hard time limit. */
START_TEST(distinct_failures_of_one_run_count_both)
{
    receive();
    SEND(&rig, EVENT_TASK_FAILED, .exception = STR("TimeLimitExceeded"));
    SEND(&rig, EVENT_TASK_FAILED, .exception = STR("TimeLimitExceeded"));

    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 2);
}
END_TEST

START_TEST(an_unknown_task_fails_without_a_name)
{
    SEND(&rig, EVENT_TASK_FAILED, .exception = STR("NotRegistered"));

    ASSERT_VALUE(&rig,
                 "celery_task_failed_total{exception='NotRegistered',"
                 "hostname='h',name='None',queue_name='celery'}",
                 1);
}
END_TEST

START_TEST(the_queue_is_that_of_task_sent)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"));
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK_IN_Q, 1);
}
END_TEST

START_TEST(a_null_queue_is_the_default_one)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("t"));

    ASSERT_VALUE(&rig, "celery_task_sent_total" TASK, 1);
}
END_TEST

START_TEST(the_shadow_name_is_that_of_the_worker)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("real"));
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("shadow"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"h\","
                                  "name=\"real\""),
                      1);
    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='h',name='shadow',"
                 "queue_name='celery'}",
                 1);
    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 0);
}
END_TEST

START_TEST(expired_on_arrival_is_known_only_from_sent)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"));
    SEND(&rig, EVENT_TASK_REVOKED, .expired = true);

    ASSERT_VALUE(&rig, "celery_task_revoked_total" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig,
                 "celery_task_revocations_total{name='t',queue_name='q',"
                 "reason='expired'}",
                 1);
}
END_TEST

/* Celery up to 5.0 tells a terminated task twice. */
START_TEST(both_revocations_of_a_terminated_task_count)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_REVOKED, .terminated = true);
    SEND(&rig, EVENT_TASK_REVOKED, .terminated = true);

    ASSERT_VALUE(&rig, "celery_task_revoked_total" TASK, 2);
    ASSERT_VALUE(&rig,
                 "celery_task_revocations_total{name='t',queue_name='celery',"
                 "reason='terminated'}",
                 2);
}
END_TEST

START_TEST(revoked_before_its_start_is_plainly_revoked)
{
    receive();
    SEND(&rig, EVENT_TASK_REVOKED, .pid = 1);

    ASSERT_VALUE(&rig,
                 "celery_task_revocations_total{name='t',queue_name='celery',"
                 "reason='revoked'}",
                 1);
}
END_TEST

START_TEST(each_event_counts_on_the_host_that_sent_it)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 1);
    ASSERT_VALUE(
        &rig,
        "celery_task_sent_total{hostname='web',name='t',queue_name='celery'}",
        1);
}
END_TEST

/* An idle worker is quicker than the client, which stamps its event after it
 * has published the task. */
/* The development branch of Celery sends both for a Reject. */
START_TEST(a_failure_and_a_rejection_of_one_run_count_both)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_FAILED, .exception = STR("Reject"));
    SEND(&rig, EVENT_TASK_REJECTED);

    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 1);
    ASSERT_VALUE(&rig, "celery_task_rejected_total" TASK, 1);
}
END_TEST

/* After a reconnect a worker is given all that it had reserved once more. */
START_TEST(a_message_received_twice_counts_twice)
{
    receive();
    receive();
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK, 2);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 0);
}
END_TEST

/* Ignore, replace, MemoryError and a lost connection: nothing more comes. */
START_TEST(a_run_without_an_end_leaves_the_others_alone)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    rig_run_task(&rig, STR("celery@h"), STR("v"), STR("t"));

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 2);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 2);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, success_is_received_started_succeeded_and_its_runtime);
    tcase_add_test(tc, the_first_event_of_a_worker_makes_all_counters_but_sent);
    tcase_add_test(tc, sent_makes_no_worker_counters_on_the_client);
    tcase_add_test(tc, failure_is_counted_by_class_and_in_all);
    tcase_add_loop_test(tc,
                        the_last_success_never_goes_back_nor_into_the_future, 0,
                        COUNT_OF(successes));
    tcase_add_test(tc, distinct_failures_of_one_run_count_both);
    tcase_add_test(tc, an_unknown_task_fails_without_a_name);
    tcase_add_test(tc, the_queue_is_that_of_task_sent);
    tcase_add_test(tc, a_null_queue_is_the_default_one);
    tcase_add_test(tc, the_shadow_name_is_that_of_the_worker);
    tcase_add_test(tc, expired_on_arrival_is_known_only_from_sent);
    tcase_add_test(tc, both_revocations_of_a_terminated_task_count);
    tcase_add_test(tc, revoked_before_its_start_is_plainly_revoked);
    tcase_add_test(tc, each_event_counts_on_the_host_that_sent_it);
    tcase_add_test(tc, a_failure_and_a_rejection_of_one_run_count_both);
    tcase_add_test(tc, a_message_received_twice_counts_twice);
    tcase_add_test(tc, a_run_without_an_end_leaves_the_others_alone);
}
