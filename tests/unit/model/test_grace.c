/* Events that come before the name or the queue of their task. */

#include <stdio.h>

#include "rig.h"

const char suite_name[] = "grace";

#define NONE "{hostname='h',name='None',queue_name='celery'}"
#define TASK "{hostname='h',name='t',queue_name='celery'}"
#define TASK_IN_Q "{hostname='h',name='t',queue_name='q'}"

static struct rig rig;

/* A worker that was asked, and consumes several queues. */
static void
introduce(const char *node)
{
    rig_online(&rig, node, 1);
    metrics_worker_queue(rig.metrics, str_from(node), str_from(NULL), rig.now);
}

static void
reopen(int64_t grace_ms)
{
    struct metrics_config config = rig_config();
    config.name_grace_ms = grace_ms;
    config.max_tracked_tasks = 300000;
    rig_close(&rig);
    rig_open(&rig, &config);
    introduce("celery@h");
    introduce("celery@g");
    rig_pass(&rig, 1);
}

static void
open_rig(void)
{
    rig = (struct rig){0};
    reopen(2000);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static void
send_sent(const char *uuid)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"),
         .uuid = str_from(uuid), .name = STR("t"), .queue = STR("q"));
}

static void
let_time_pass(int64_t ms)
{
    rig.now.mono_ms += ms;
    metrics_expire(rig.metrics, rig.now);
}

START_TEST(a_start_before_its_name_waits_for_it)
{
    SEND(&rig, EVENT_TASK_STARTED);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 0);
    ck_assert_int_eq(metrics_deadline(rig.metrics), rig.now.mono_ms + 2000);

    let_time_pass(1999);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 1);
    ck_assert_int_eq(metrics_deadline(rig.metrics), INT64_MAX);
}
END_TEST

START_TEST(after_the_grace_it_counts_without_a_name)
{
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);
    let_time_pass(1999);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 0);

    let_time_pass(1);

    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 1);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" NONE, 1);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 0);
}
END_TEST

START_TEST(grace_zero_never_waits)
{
    reopen(0);
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 1);
    ck_assert_int_eq(metrics_deadline(rig.metrics), INT64_MAX);
}
END_TEST

/* Nobody sends task-sent events for this name, as far as is known. */
START_TEST(a_queue_that_never_came_is_not_waited_for)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK, 1);
}
END_TEST

START_TEST(received_before_sent_waits_for_the_queue)
{
    send_sent("first");

    SEND(&rig, EVENT_TASK_RECEIVED, .uuid = STR("second"), .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED, .uuid = STR("second"));
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 0);
    send_sent("second");

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK_IN_Q, 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 1);
}
END_TEST

START_TEST(a_queue_that_does_not_come_in_time_is_the_default_one)
{
    send_sent("first");
    SEND(&rig, EVENT_TASK_RECEIVED, .uuid = STR("second"), .name = STR("t"));

    let_time_pass(2000);

    ASSERT_VALUE(&rig, "celery_task_received_total" TASK, 1);
}
END_TEST

/* A short task is over before its task-sent comes. */
START_TEST(a_whole_run_that_overtook_its_sent_has_queue_and_wait)
{
    const double t0 = rig.now.wall_s;
    send_sent("first");
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .timestamp = t0 + 1);
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 2);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .timestamp = t0 + 3, .runtime = 1);

    send_sent("u");

    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK_IN_Q, 2);
}
END_TEST

START_TEST(the_wait_of_a_start_that_waits_itself_counts_once)
{
    const double t0 = rig.now.wall_s;
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 + 2);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .queue = STR("q"));
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .queue = STR("q"));

    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    send_sent("u");

    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK_IN_Q, 2);
}
END_TEST

/* It is stamped after the task was published, and an idle worker is quicker. */
START_TEST(a_waiting_start_before_the_stamp_of_its_sent_waited_for_nothing)
{
    const double t0 = rig.now.wall_s;
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 - 0.001);
    send_sent("u");

    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_sum" TASK_IN_Q, 0);
}
END_TEST

START_TEST(the_sent_of_the_next_run_gives_no_wait_to_a_start_that_waits)
{
    const double t0 = rig.now.wall_s;
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = t0 - 2);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("t"),
         .queue = STR("q"), .retries = 1);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK_IN_Q, 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 0);
}
END_TEST

START_TEST(each_task_waits_for_its_own_name)
{
    char uuid[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(uuid, sizeof(uuid), "%d", i);
        SEND(&rig, EVENT_TASK_STARTED, .uuid = str_from(uuid));
        SEND(&rig, EVENT_TASK_FAILED, .uuid = str_from(uuid));
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf(uuid, sizeof(uuid), "%d", i);
        SEND(&rig, EVENT_TASK_RECEIVED, .uuid = str_from(uuid),
             .name = STR("t"));
    }
    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 500);

    let_time_pass(2000);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 500);
    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 500);
    ck_assert(rig_sum(&rig, "celery_task_failed_total{", NULL) == 1000);
}
END_TEST

START_TEST(past_a_hundred_thousand_the_oldest_counts_as_it_is)
{
    char uuid[16];
    for (int i = 0; i < 100010; i++) {
        snprintf(uuid, sizeof(uuid), "%d", i);
        SEND(&rig, EVENT_TASK_STARTED, .uuid = str_from(uuid));
    }
    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 10);
    SEND(&rig, EVENT_TASK_RECEIVED, .uuid = STR("10"), .name = STR("t"));
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);

    let_time_pass(2000);

    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 100010);
    ck_assert_int_eq(metrics_deadline(rig.metrics), INT64_MAX);
}
END_TEST

/* A flood of ids evicts tasks whose events still wait. */
START_TEST(an_evicted_task_lets_its_events_out)
{
    struct metrics_config config = rig_config();
    config.name_grace_ms = 2000;
    config.max_tracked_tasks = 10;
    rig_close(&rig);
    rig_open(&rig, &config);
    char uuid[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(uuid, sizeof(uuid), "%d", i);
        SEND(&rig, EVENT_TASK_STARTED, .uuid = str_from(uuid));
        SEND(&rig, EVENT_TASK_FAILED, .uuid = str_from(uuid));
    }
    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 990);
    ck_assert(rig_sum(&rig, "celery_task_failed_total{", NULL) == 990);

    let_time_pass(2000);

    ASSERT_VALUE(&rig, "celery_task_started_total" NONE, 1000);
}
END_TEST

START_TEST(waiting_events_of_another_worker_count_on_theirs)
{
    SEND(&rig, EVENT_TASK_STARTED, .hostname = STR("celery@g"));
    SEND(&rig, EVENT_TASK_SUCCEEDED, .hostname = STR("celery@h"), .runtime = 1);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));

    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='g',name='t',"
                 "queue_name='celery'}",
                 1);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK, 1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, a_start_before_its_name_waits_for_it);
    tcase_add_test(tc, after_the_grace_it_counts_without_a_name);
    tcase_add_test(tc, grace_zero_never_waits);
    tcase_add_test(tc, a_queue_that_never_came_is_not_waited_for);
    tcase_add_test(tc, received_before_sent_waits_for_the_queue);
    tcase_add_test(tc, a_queue_that_does_not_come_in_time_is_the_default_one);
    tcase_add_test(tc, a_whole_run_that_overtook_its_sent_has_queue_and_wait);
    tcase_add_test(tc, the_wait_of_a_start_that_waits_itself_counts_once);
    tcase_add_test(
        tc, a_waiting_start_before_the_stamp_of_its_sent_waited_for_nothing);
    tcase_add_test(
        tc, the_sent_of_the_next_run_gives_no_wait_to_a_start_that_waits);
    tcase_add_test(tc, each_task_waits_for_its_own_name);
    tcase_add_test(tc, past_a_hundred_thousand_the_oldest_counts_as_it_is);
    tcase_add_test(tc, an_evicted_task_lets_its_events_out);
    tcase_add_test(tc, waiting_events_of_another_worker_count_on_theirs);
}
