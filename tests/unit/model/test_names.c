#include "model/names.h"

#include <stdio.h>

#include "model/tasks.h"
#include "model/values.h"
#include "rig.h"

const char suite_name[] = "names";

static const char *const exclude[] = {"noise.*"};
static struct rig rig;

static void
open_rig(void)
{
    struct metrics_config config = rig_config();
    config.task_exclude = exclude;
    config.ntask_exclude = 1;
    config.registry.max_names = 5;
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static struct names *
make_names(void)
{
    return names_new(metrics_registry(rig.metrics), NULL);
}

START_TEST(no_name_is_no_value)
{
    struct names *names = make_names();
    ck_assert_uint_eq(names_id(names, (struct str){0}), TASK_NO_VALUE);
    ck_assert_uint_eq(names_id(names, STR("t")), names_id(names, STR("t")));
    ck_assert_uint_ne(names_id(names, STR("t")), names_id(names, STR("s")));
    names_free(names);
}
END_TEST

START_TEST(a_name_has_events_once_a_worker_sent_one)
{
    struct names *names = make_names();
    ck_assert(!names_has_events(names, STR("t")));

    names_saw_event(names, TASK_NO_VALUE, (struct str){0});
    names_saw_event(names, names_id(names, STR("t")), STR("t"));
    names_saw_event(names, names_id(names, STR("late")), (struct str){0});
    names_saw_event(names, TASK_EXCLUDED, STR("noise.a"));
    names_saw_event(names, TASK_EXCLUDED, (struct str){0});

    ck_assert(names_has_events(names, STR("t")));
    ck_assert(names_has_events(names, STR("late")));
    ck_assert(names_has_events(names, STR("noise.a")));
    ck_assert(!names_has_events(names, STR("noise.b")));
    ck_assert(!names_has_events(names, STR("s")));
    names_free(names);
}
END_TEST

START_TEST(names_past_the_label_cap_are_told_apart)
{
    struct names *names = make_names();
    char text[16];
    for (int i = 0; i < 100; i += 2) {
        snprintf(text, sizeof(text), "n%d", i);
        names_saw_event(names, names_id(names, str_from(text)), str_from(text));
    }

    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "n%d", i);
        ck_assert_int_eq(names_has_events(names, str_from(text)), i % 2 == 0);
    }
    names_free(names);
}
END_TEST

START_TEST(with_too_many_to_remember_each_may_have_events)
{
    struct names *names = make_names();
    char text[16];
    for (int i = 0; i < 70000; i++) {
        snprintf(text, sizeof(text), "n%d", i);
        names_saw_event(names, VALUES_OTHER, str_from(text));
        ck_assert(i > 60000 || !names_has_events(names, STR("never seen")));
    }
    ck_assert(names_has_events(names, STR("never seen")));
    names_free(names);
}
END_TEST

START_TEST(an_excluded_task_leaves_no_trace)
{
    const struct str noise = STR("noise.a");
    const size_t before = rig_n(&rig, "celery_");
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = noise,
         .queue = STR("q"), .timestamp = 1.7e9 - 60);
    metrics_register_task(rig.metrics, noise, rig.now);
    ck_assert_uint_eq(rig_n(&rig, "celery_"), before);

    SEND(&rig, EVENT_TASK_RECEIVED, .name = noise);
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_RETRIED, .exception = STR("OddError"));
    SEND(&rig, EVENT_TASK_STARTED);
    SEND(&rig, EVENT_TASK_FAILED, .exception = STR("OddError"));

    ck_assert_uint_eq(rig_n(&rig, "celery_task_"), 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_"), 0);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_VALUE(&rig, "celery_exporter_events_total{event='task-failed'}", 1);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 1);
    struct registry *registry = metrics_registry(rig.metrics);
    /* "None", the default queue, no exception; one worker's host. */
    ck_assert_uint_eq(values_n(registry_values(registry, LABEL_NAME)), 1);
    ck_assert_uint_eq(values_n(registry_values(registry, LABEL_QUEUE_NAME)), 1);
    ck_assert_uint_eq(values_n(registry_values(registry, LABEL_EXCEPTION)), 1);
    ck_assert_uint_eq(values_n(registry_values(registry, LABEL_HOSTNAME)), 1);
}
END_TEST

START_TEST(others_count_beside_the_excluded)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("noise.a"));
    rig_run_task(&rig, STR("celery@h"), STR("v"), STR("signal"));
    SEND(&rig, EVENT_TASK_STARTED, .uuid = STR("unknown"));

    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='h',name='signal',"
                 "queue_name='celery'}",
                 1);
    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='h',name='None',"
                 "queue_name='celery'}",
                 1);
    ck_assert(rig_sum(&rig, "celery_task_received_total{", NULL) == 1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, no_name_is_no_value);
    tcase_add_test(tc, a_name_has_events_once_a_worker_sent_one);
    tcase_add_test(tc, names_past_the_label_cap_are_told_apart);
    tcase_add_test(tc, with_too_many_to_remember_each_may_have_events);
    tcase_add_test(tc, an_excluded_task_leaves_no_trace);
    tcase_add_test(tc, others_count_beside_the_excluded);
}
