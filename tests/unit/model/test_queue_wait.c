/* How long tasks waited in their queue, as far as task-sent events tell. */

#include <math.h>

#include "rig.h"

const char suite_name[] = "queue wait";

#define TASK "{hostname='h',name='t',queue_name='celery'}"

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

/* Row by row: sent, eta, started, wait; relative to now. NAN = absent. */
static const struct {
    double sent, eta, started, wait;
} waits[] = {
    {0, NAN, 5, 5},
    {0, 120, 123, 3}, /* the ETA is not the queue's fault */
    {0, -60, 5, 5},   /* nor does one that has passed matter */
    {0, NAN, -2, 0},  /* clocks differ: clamped */
    {0, 10, 5, 0},    /* started before its ETA */
    {0, NAN, 0, 0},
    {-1.6e9, NAN, 5, NAN}, /* somebody's clock stands at 1970 */
    {NAN, NAN, 5, NAN},
    {NAN, 1, 5, NAN}, /* no task-sent, so the ETA is no beginning */
    {0, NAN, NAN, NAN},
};

START_TEST(queue_wait_is_from_sent_or_eta_to_start)
{
    const double t0 = rig.now.wall_s;
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("t"),
         .timestamp = t0 + waits[_i].sent, .eta = t0 + waits[_i].eta);

    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + waits[_i].started);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    if (isnan(waits[_i].wait)) {
        ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 0);
        return;
    }
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK, waits[_i].wait);
}
END_TEST

START_TEST(started_without_sent_observes_no_queue_wait)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"),
         .eta = rig.now.wall_s + 10);
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = rig.now.wall_s + 15);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 0);
}
END_TEST

START_TEST(each_delivery_of_a_retried_task_waits_without_its_backoff)
{
    const double t0 = rig.now.wall_s;
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 1);
    SEND(&rig, EVENT_TASK_RETRIED, .timestamp = t0 + 2);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen9@h"), .name = STR("t"),
         .timestamp = t0 + 2, .eta = t0 + 32, .retries = 1);
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 35);

    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK, 2);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK, 4);
}
END_TEST

START_TEST(sent_that_its_start_overtook_still_gives_the_wait)
{
    const double t0 = rig.now.wall_s;
    receive();
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 3);

    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .timestamp = t0 + 1);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .timestamp = t0 + 1.5);

    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK, 2);
}
END_TEST

START_TEST(a_start_before_the_stamp_of_its_sent_waited_for_nothing)
{
    const double t0 = rig.now.wall_s;
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .retries = 0);
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 1);

    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .timestamp = t0 + 1.25, .retries = 0);

    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK, 0);
}
END_TEST

/* The task-sent of the next run is no beginning of this one. */
START_TEST(sent_after_the_start_belongs_to_the_next_run)
{
    const double t0 = rig.now.wall_s;
    receive();
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 1);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen9@h"), .name = STR("t"),
         .timestamp = t0 + 2, .retries = 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 0);

    SEND(&rig, EVENT_TASK_RETRIED, .timestamp = t0 + 2);
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 6);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK, 4);
}
END_TEST

/* Nobody ever names this task, but its wait is known. */
START_TEST(a_late_wait_of_a_nameless_task_is_counted_under_none)
{
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"),
         .timestamp = rig.now.wall_s - 2);

    ASSERT_VALUE(&rig,
                 "celery_task_queue_wait_time_sum{hostname='h',name='None',"
                 "queue_name='celery'}",
                 2);
}
END_TEST

/* As its start did: delayed delivery tells no queue. */
START_TEST(a_late_wait_counts_in_the_queue_of_its_worker)
{
    receive();
    metrics_worker_queue(rig.metrics, STR("celery@h"), STR("q"), rig.now);
    SEND(&rig, EVENT_TASK_STARTED);

    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));

    ASSERT_VALUE(&rig,
                 "celery_task_queue_wait_time_count{hostname='h',name='t',"
                 "queue_name='q'}",
                 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 1);
}
END_TEST

START_TEST(an_excluded_task_has_no_late_wait)
{
    static const char *const exclude[] = {"t"};
    struct metrics_config config = rig_config();
    config.task_exclude = exclude;
    config.ntask_exclude = 1;
    rig_close(&rig);
    rig_open(&rig, &config);
    receive();
    SEND(&rig, EVENT_TASK_STARTED);

    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));

    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 0);
}
END_TEST

START_TEST(buckets_of_the_wait_are_its_own)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_bucket{"), 3);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_runtime_bucket{"), 4);
    ASSERT_VALUE(&rig,
                 "celery_task_queue_wait_time_bucket{hostname='h',le='5.0',"
                 "name='t',queue_name='celery'}",
                 1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_loop_test(tc, queue_wait_is_from_sent_or_eta_to_start, 0,
                        COUNT_OF(waits));
    tcase_add_test(tc, started_without_sent_observes_no_queue_wait);
    tcase_add_test(tc,
                   each_delivery_of_a_retried_task_waits_without_its_backoff);
    tcase_add_test(tc, sent_that_its_start_overtook_still_gives_the_wait);
    tcase_add_test(tc, a_start_before_the_stamp_of_its_sent_waited_for_nothing);
    tcase_add_test(tc, sent_after_the_start_belongs_to_the_next_run);
    tcase_add_test(tc, a_late_wait_of_a_nameless_task_is_counted_under_none);
    tcase_add_test(tc, a_late_wait_counts_in_the_queue_of_its_worker);
    tcase_add_test(tc, an_excluded_task_has_no_late_wait);
    tcase_add_test(tc, buckets_of_the_wait_are_its_own);
}
