/* A task that is started again: when that is a redelivery, and when it is what
 * a retry, a requeue, a replacement or a client asked for. */

#include "rig.h"

const char suite_name[] = "redelivery";

#define TASK "{hostname='h',name='t',queue_name='celery'}"
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

/* Its worker runs the next one before the retry is told: the two processes
 * publish on their own. */
START_TEST(retry_whose_next_run_comes_first_is_no_redelivery)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .retries = 1,
         .hostname = STR("other@g"));
    SEND(&rig, EVENT_TASK_STARTED, .hostname = STR("other@g"));
    SEND(&rig, EVENT_TASK_RETRIED, .exception = STR("ValueError"));
    SEND(&rig, EVENT_TASK_SUCCEEDED, .hostname = STR("other@g"),
         .runtime = 0.1);

    ASSERT_VALUE(&rig, "celery_task_retried_total" TASK, 1);
    ASSERT_VALUE(&rig,
                 "celery_task_retry_exceptions_total{exception='ValueError',"
                 "name='t',queue_name='celery'}",
                 1);
    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 0);
    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 2);
}
END_TEST

START_TEST(retry_is_no_redelivery)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RETRIED);
    receive();
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 0);
}
END_TEST

START_TEST(a_second_start_out_of_the_blue_is_a_redelivery)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"),
         .hostname = STR("other@g"));
    SEND(&rig, EVENT_TASK_STARTED, .hostname = STR("other@g"));

    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 1);
}
END_TEST

START_TEST(a_retried_run_can_be_redelivered_too)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RETRIED);
    for (int i = 0; i < 2; i++) {
        SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .retries = 1);
        SEND(&rig, EVENT_TASK_STARTED);
    }

    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 1);
}
END_TEST

START_TEST(a_requeue_is_no_redelivery)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_REJECTED, .requeue = true);
    receive();
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_rejected_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 0);
}
END_TEST

START_TEST(sending_the_same_id_again_is_no_redelivery)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@h"), .name = STR("t"));
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 0);
}
END_TEST

START_TEST(a_replaced_task_runs_on_under_its_new_name)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t2"));

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='h',name='t2',"
                 "queue_name='celery'}",
                 1);
    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 0);
}
END_TEST

START_TEST(a_cancelled_task_may_start_again)
{
    receive();
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_CANCELLED);
    receive();
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_cancelled_total" TASK, 1);
    ASSERT_VALUE(&rig, "celery_task_redelivered_total" NAME_QUEUE, 0);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, retry_whose_next_run_comes_first_is_no_redelivery);
    tcase_add_test(tc, retry_is_no_redelivery);
    tcase_add_test(tc, a_second_start_out_of_the_blue_is_a_redelivery);
    tcase_add_test(tc, a_retried_run_can_be_redelivered_too);
    tcase_add_test(tc, a_requeue_is_no_redelivery);
    tcase_add_test(tc, sending_the_same_id_again_is_no_redelivery);
    tcase_add_test(tc, a_replaced_task_runs_on_under_its_new_name);
    tcase_add_test(tc, a_cancelled_task_may_start_again);
}
