/* The queue of events whose task has none: that of a worker which consumes
 * just one. */

#include <math.h>
#include <stdio.h>

#include "rig.h"

const char suite_name[] = "inference";

#define IN(queue) "{hostname='h',name='t',queue_name='" queue "'}"

static struct rig rig;

static void
open_with(int64_t grace_ms)
{
    struct metrics_config config = rig_config();
    config.name_grace_ms = grace_ms;
    rig_open(&rig, &config);
}

/* Long after the start. */
static void
open_rig(void)
{
    open_with(2000);
    rig_pass(&rig, 100);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

/* NULL: it consumes several. */
static void
answer(const char *node, const char *queue)
{
    metrics_worker_queue(rig.metrics, str_from(node), str_from(queue), rig.now);
}

static void
let_time_pass(int64_t ms)
{
    rig.now.mono_ms += ms;
    metrics_expire(rig.metrics, rig.now);
}

START_TEST(the_only_queue_of_its_worker_is_that_of_an_event)
{
    rig_online(&rig, "celery@h", 1);
    answer("celery@h", "one");

    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("one"), 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" IN("one"), 1);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" IN("one"), 1);
    ASSERT_VALUE(&rig, "celery_task_runtime_count" IN("one"), 1);
    ASSERT_VALUE(&rig,
                 "celery_task_last_success_timestamp_seconds"
                 "{name='t',queue_name='one'}",
                 1.7e9 + 100);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 1);
}
END_TEST

START_TEST(of_several_queues_none_is_guessed)
{
    rig_online(&rig, "celery@h", 1);
    answer("celery@h", NULL);

    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("celery"), 1);
}
END_TEST

START_TEST(events_of_a_new_worker_wait_for_its_answer)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    rig_run_task(&rig, STR("celery@g"), STR("v"), STR("t"));
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 0);

    answer("celery@h", "one");

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("one"), 1);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" IN("one"), 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 1);
    answer("celery@g", NULL);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 2);
    ck_assert_int_eq(metrics_deadline(rig.metrics), INT64_MAX);
}
END_TEST

START_TEST(they_do_not_wait_for_ever)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    let_time_pass(2000);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" IN("celery"), 1);

    rig_run_task(&rig, STR("celery@h"), STR("v"), STR("t"));

    ASSERT_VALUE(&rig, "celery_task_succeeded_total" IN("celery"), 2);
}
END_TEST

/* Where no worker answers, nothing waits for answers. */
START_TEST(the_first_answer_of_any_worker_is_not_awaited_for_long)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    SEND(&rig, EVENT_TASK_STARTED, .uuid = STR("nameless"));
    ck_assert_int_eq(metrics_deadline(rig.metrics), rig.now.mono_ms + 1000);
    let_time_pass(1000);
    ck_assert_int_eq(metrics_deadline(rig.metrics), rig.now.mono_ms + 1000);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" IN("celery"), 1);
    ASSERT_VALUE(&rig, "celery_task_started_total" IN("celery"), 1);

    rig_run_task(&rig, STR("celery@g"), STR("v"), STR("t"));
    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{"), 2);

    answer("celery@h", "one");
    rig_run_task(&rig, STR("celery@i"), STR("w"), STR("t"));
    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{"), 2);
    let_time_pass(2000);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{"), 4);
}
END_TEST

START_TEST(without_a_grace_nothing_waits)
{
    close_rig();
    open_with(0);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    ASSERT_VALUE(&rig, "celery_task_received_total" IN("celery"), 1);

    answer("celery@h", "one");
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_started_total" IN("one"), 1);
}
END_TEST

START_TEST(the_queue_of_the_sender_outranks_that_of_the_worker)
{
    rig_online(&rig, "celery@h", 1);
    answer("celery@h", "one");
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"));

    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("q"), 1);
}
END_TEST

/* Where clients tell, their event is worth waiting for. */
START_TEST(an_expected_sending_is_awaited_before_a_queue_is_inferred)
{
    rig_online(&rig, "celery@h", 1);
    answer("celery@h", "one");
    SEND(&rig, EVENT_TASK_SENT, .uuid = STR("first"),
         .hostname = STR("gen1@web"), .name = STR("t"), .queue = STR("q"));
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    answer("celery@h", "one");
    ck_assert_uint_eq(rig_n(&rig, "celery_task_received_total{"), 0);

    let_time_pass(2000);

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("one"), 1);
}
END_TEST

/* As with Celery's delayed delivery. */
START_TEST(a_sent_without_a_queue_leaves_it_to_the_worker)
{
    rig_online(&rig, "celery@h", 1);
    answer("celery@h", "one");
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));

    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("one"), 1);
    ASSERT_VALUE(&rig,
                 "celery_task_sent_total{hostname='web',name='t',"
                 "queue_name='celery'}",
                 1);
}
END_TEST

START_TEST(an_answer_does_not_let_out_what_waits_for_a_name)
{
    SEND(&rig, EVENT_TASK_STARTED);
    answer("celery@h", "one");
    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 0);

    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));

    ASSERT_VALUE(&rig, "celery_task_started_total" IN("one"), 1);
}
END_TEST

START_TEST(a_learnt_name_waits_on_for_the_answer)
{
    const struct pidbox_request request = {
        .id = STR("u"), .name = STR("t"), .started_s = 1.7e9, .eta_s = NAN};
    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);
    metrics_learn_task(rig.metrics, STR("celery@h"), &request, rig.now);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{"), 0);

    answer("celery@h", "one");

    ASSERT_VALUE(&rig, "celery_task_succeeded_total" IN("one"), 1);
}
END_TEST

START_TEST(a_start_counts_under_the_name_it_had_when_the_task_is_replaced)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("new"));
    SEND(&rig, EVENT_TASK_STARTED);

    answer("celery@h", "one");

    ASSERT_VALUE(&rig, "celery_task_started_total" IN("one"), 1);
    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='h',name='new',"
                 "queue_name='one'}",
                 1);
}
END_TEST

/* The next run may be in another queue. */
START_TEST(what_is_inferred_is_not_the_queue_of_the_task)
{
    rig_online(&rig, "celery@h", 1);
    rig_online(&rig, "celery@g", 1);
    answer("celery@h", "one");
    answer("celery@g", "two");
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RETRIED);

    SEND(&rig, EVENT_TASK_STARTED, .hostname = STR("celery@g"));

    ASSERT_VALUE(&rig, "celery_task_started_total" IN("one"), 1);
    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='g',name='t',"
                 "queue_name='two'}",
                 1);
}
END_TEST

START_TEST(events_of_a_task_stay_in_order_when_two_workers_answer)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .hostname = STR("celery@g"), .runtime = 1);

    answer("celery@g", "two");

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("celery"), 1);
    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='g',name='t',"
                 "queue_name='two'}",
                 1);
}
END_TEST

START_TEST(many_workers_get_their_own)
{
    enum { WORKERS = 90 };
    char node[24];
    char uuid[24];
    for (int i = 0; i < 10 * WORKERS; i++) {
        snprintf(node, sizeof(node), "w%d@h", i % WORKERS);
        snprintf(uuid, sizeof(uuid), "u%d", i);
        SEND(&rig, EVENT_TASK_RECEIVED, .hostname = str_from(node),
             .uuid = str_from(uuid), .name = STR("t"));
    }

    for (int i = 0; i < WORKERS; i++) {
        snprintf(node, sizeof(node), "w%d@h", i);
        answer(node, i % 3 == 0 ? "one" : "two");
    }

    ASSERT_VALUE(&rig, "celery_task_received_total" IN("one"), 300);
    ASSERT_VALUE(&rig, "celery_task_received_total" IN("two"), 600);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, the_only_queue_of_its_worker_is_that_of_an_event);
    tcase_add_test(tc, of_several_queues_none_is_guessed);
    tcase_add_test(tc, events_of_a_new_worker_wait_for_its_answer);
    tcase_add_test(tc, they_do_not_wait_for_ever);
    tcase_add_test(tc, the_first_answer_of_any_worker_is_not_awaited_for_long);
    tcase_add_test(tc, without_a_grace_nothing_waits);
    tcase_add_test(tc, the_queue_of_the_sender_outranks_that_of_the_worker);
    tcase_add_test(tc,
                   an_expected_sending_is_awaited_before_a_queue_is_inferred);
    tcase_add_test(tc, a_sent_without_a_queue_leaves_it_to_the_worker);
    tcase_add_test(tc, an_answer_does_not_let_out_what_waits_for_a_name);
    tcase_add_test(tc, a_learnt_name_waits_on_for_the_answer);
    tcase_add_test(
        tc, a_start_counts_under_the_name_it_had_when_the_task_is_replaced);
    tcase_add_test(tc, what_is_inferred_is_not_the_queue_of_the_task);
    tcase_add_test(tc, events_of_a_task_stay_in_order_when_two_workers_answer);
    tcase_add_test(tc, many_workers_get_their_own);
}
