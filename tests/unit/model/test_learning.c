/* What workers reply about their tasks: names, queues and starts of those
 * whose events came before us. */

#include <math.h>
#include <stdio.h>

#include "rig.h"

const char suite_name[] = "learning";

#define TASK "{hostname='h',name='t',queue_name='celery'}"
#define TASK_IN_Q "{hostname='h',name='t',queue_name='q'}"
#define NONE "{hostname='h',name='None',queue_name='celery'}"
#define T0 1.7e9

static struct rig rig;

static void
reopen(struct metrics_config config)
{
    rig_close(&rig);
    rig_open(&rig, &config);
    rig_online(&rig, "celery@h", 1);
    metrics_worker_queue(rig.metrics, STR("celery@h"), str_from(NULL), rig.now);
}

static void
open_rig(void)
{
    struct metrics_config config = rig_config();
    static const char *const collect[] = {"task_failure_runtime"};
    config.registry.collect = collect;
    config.registry.ncollect = 1;
    config.name_grace_ms = 2000;
    rig = (struct rig){0};
    reopen(config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static void
learn(const char *uuid, const char *name, const char *queue, double started_s)
{
    const struct pidbox_request request = {
        .id = str_from(uuid),
        .name = str_from(name),
        .queue = str_from(queue),
        .started_s = started_s,
        .eta_s = NAN,
    };
    metrics_learn_task(rig.metrics, STR("celery@h"), &request, rig.now);
}

START_TEST(a_task_that_started_before_us_ends_under_its_name)
{
    learn("u", "t", "q", T0 - 100);

    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 100);

    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_runtime_count" TASK_IN_Q, 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{"), 1);
}
END_TEST

START_TEST(without_a_queue_the_default_one_is_left)
{
    learn("u", "t", NULL, T0 - 100);

    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 100);

    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK, 1);
}
END_TEST

START_TEST(its_failure_has_a_runtime)
{
    learn("u", "t", "q", T0 - 100);

    SEND(&rig, EVENT_TASK_FAILED);

    ASSERT_VALUE(&rig,
                 "celery_task_failure_runtime_seconds_sum"
                 "{name='t',queue_name='q'}",
                 100);
}
END_TEST

START_TEST(a_task_that_is_held_starts_under_its_name)
{
    learn("u", "t", "q", NAN);

    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_redelivered_total{name='t',queue_name='q'}",
                 0);
}
END_TEST

/* The reply comes on its own connection. */
START_TEST(the_event_of_a_start_that_was_replied_is_no_redelivery)
{
    learn("u", "t", "q", T0 - 1);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .timestamp = T0 - 2);
    SEND(&rig, EVENT_TASK_STARTED, .timestamp = T0 - 0.9);

    ASSERT_VALUE(&rig, "celery_task_redelivered_total{name='t',queue_name='q'}",
                 0);
}
END_TEST

START_TEST(a_learnt_task_that_is_delivered_again_is_a_redelivery)
{
    learn("u", "t", "q", T0 - 100);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    learn("v", "t", "q", T0 - 100);
    SEND(&rig, EVENT_TASK_STARTED, .uuid = STR("v"), .hostname = STR("w@g"));

    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 2);
}
END_TEST

START_TEST(waiting_events_count_at_once_under_the_learnt_name)
{
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 0);

    learn("u", "t", "q", T0);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK_IN_Q, 1);
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK_IN_Q, 1);
    ck_assert_int_eq(metrics_deadline(rig.metrics), INT64_MAX);
}
END_TEST

/* The reply may be older than the events. */
START_TEST(a_task_that_has_ended_stays_so)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    learn("u", "t", "q", T0 - 100);
    rig_offline(&rig, "celery@h", 1);

    rig_pass(&rig, 700);

    /* A running task would have put off the purge. */
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_up{"), 0);
}
END_TEST

START_TEST(a_learnt_run_puts_off_the_purge_of_its_worker)
{
    learn("u", "t", "q", T0 - 100);
    rig_offline(&rig, "celery@h", 1);
    rig_pass(&rig, 700);
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_up{"), 1);

    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);
    rig_pass(&rig, 700);

    ck_assert_uint_eq(rig_n(&rig, "celery_worker_up{"), 0);
}
END_TEST

START_TEST(the_name_of_an_event_outranks_a_reply)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    learn("u", "other", "q", T0);

    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK_IN_Q, 1);
}
END_TEST

START_TEST(a_first_start_that_was_lost_is_learnt)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .timestamp = T0 - 30);
    learn("u", "t", NULL, T0 - 20);

    SEND(&rig, EVENT_TASK_FAILED);

    ASSERT_VALUE(&rig,
                 "celery_task_failure_runtime_seconds_sum"
                 "{name='t',queue_name='celery'}",
                 20);
}
END_TEST

/* Its event is on its way, and knows the prefetch time. */
START_TEST(a_start_of_this_moment_is_left_to_its_event)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .timestamp = T0 - 30);
    learn("u", "t", NULL, T0 - 1);

    SEND(&rig, EVENT_TASK_STARTED, .timestamp = T0 - 0.5);

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 1);
    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 0);
}
END_TEST

START_TEST(an_old_reply_does_not_start_a_retried_task_again)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RETRIED);
    learn("u", "t", NULL, T0 - 20);

    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .retries = 1);
    SEND(&rig, EVENT_TASK_STARTED);

    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 0);
    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 2);
}
END_TEST

START_TEST(of_an_unknown_worker_the_name_is_learnt_all_the_same)
{
    const struct pidbox_request request = {
        .id = STR("u"), .name = STR("t"), .started_s = T0, .eta_s = NAN};
    metrics_learn_task(rig.metrics, STR("nobody@x"), &request, rig.now);

    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);

    ASSERT_VALUE(&rig, "celery_task_succeeded_total" TASK, 1);
    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 0);
}
END_TEST

START_TEST(an_excluded_name_is_learnt_as_excluded)
{
    static const char *const exclude[] = {"t"};
    struct metrics_config config = rig_config();
    config.task_exclude = exclude;
    config.ntask_exclude = 1;
    reopen(config);
    learn("u", "t", "q", T0);

    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_"), 0);
}
END_TEST

/* Whoever may publish replies may name a million tasks. */
START_TEST(replies_take_no_room_from_live_tasks)
{
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = 100;
    reopen(config);
    char uuid[16];
    for (int i = 0; i < 90; i++) {
        snprintf(uuid, sizeof(uuid), "live-%d", i);
        SEND(&rig, EVENT_TASK_RECEIVED, .uuid = str_from(uuid),
             .name = STR("t"));
    }
    for (int i = 0; i < 100000; i++) {
        snprintf(uuid, sizeof(uuid), "said-%d", i);
        learn(uuid, "junk", "q", i % 2 == 0 ? T0 : (double)NAN);
    }
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 100);
    for (int i = 0; i < 10; i++) {
        snprintf(uuid, sizeof(uuid), "more-%d", i);
        SEND(&rig, EVENT_TASK_RECEIVED, .uuid = str_from(uuid),
             .name = STR("t"));
    }

    for (int i = 0; i < 90; i++) {
        snprintf(uuid, sizeof(uuid), "live-%d", i);
        SEND(&rig, EVENT_TASK_STARTED, .uuid = str_from(uuid));
    }

    ASSERT_VALUE(&rig, "celery_task_started_total" TASK, 90);
}
END_TEST

/* ---- names that workers could run ---- */

START_TEST(a_registered_task_has_its_failures_at_zero)
{
    metrics_register_task(rig.metrics, STR("t"), rig.now);
    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_"), 1);

    learn("u", "t", NULL, T0);
    SEND(&rig, EVENT_TASK_FAILED);
    metrics_register_task(rig.metrics, STR("t"), rig.now);

    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 1);
}
END_TEST

START_TEST(registered_names_stop_at_the_cap)
{
    struct metrics_config config = rig_config();
    config.registry.max_names = 10;
    reopen(config);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "t%d", i);
        metrics_register_task(rig.metrics, str_from(text), rig.now);
    }

    ck_assert_uint_eq(rig_n(&rig, "celery_task_failures_total{"), 9);
    ASSERT_VALUE(&rig, "celery_exporter_series_overflow_total{label='name'}",
                 0);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, a_task_that_started_before_us_ends_under_its_name);
    tcase_add_test(tc, without_a_queue_the_default_one_is_left);
    tcase_add_test(tc, its_failure_has_a_runtime);
    tcase_add_test(tc, a_task_that_is_held_starts_under_its_name);
    tcase_add_test(tc, the_event_of_a_start_that_was_replied_is_no_redelivery);
    tcase_add_test(tc, a_learnt_task_that_is_delivered_again_is_a_redelivery);
    tcase_add_test(tc, waiting_events_count_at_once_under_the_learnt_name);
    tcase_add_test(tc, a_task_that_has_ended_stays_so);
    tcase_add_test(tc, a_learnt_run_puts_off_the_purge_of_its_worker);
    tcase_add_test(tc, the_name_of_an_event_outranks_a_reply);
    tcase_add_test(tc, a_first_start_that_was_lost_is_learnt);
    tcase_add_test(tc, a_start_of_this_moment_is_left_to_its_event);
    tcase_add_test(tc, an_old_reply_does_not_start_a_retried_task_again);
    tcase_add_test(tc, of_an_unknown_worker_the_name_is_learnt_all_the_same);
    tcase_add_test(tc, an_excluded_name_is_learnt_as_excluded);
    tcase_add_test(tc, replies_take_no_room_from_live_tasks);
    tcase_add_test(tc, a_registered_task_has_its_failures_at_zero);
    tcase_add_test(tc, registered_names_stop_at_the_cap);
}
