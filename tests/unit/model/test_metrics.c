/* What the exporter tells of itself, exact repeats, generic hostnames, and the
 * million tasks in flight. */

#include <stdio.h>

#include "rig.h"

const char suite_name[] = "metrics";

static struct rig rig;

static void
open_rig(void)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
}

static void
reopen(const struct metrics_config *config)
{
    rig_close(&rig);
    rig_open(&rig, config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

START_TEST(fixed_sets_begin_at_zero)
{
    ASSERT_VALUE(&rig, "celery_exporter_events_total{event='task-sent'}", 0);
    ASSERT_VALUE(&rig, "celery_exporter_events_total{event='other'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_exporter_events_total{"),
                      EVENT_TYPE_COUNT);
    ck_assert_uint_eq(rig_n(&rig, "celery_exporter_events_rejected_total{"),
                      REJECT_COUNT - 1);
    ASSERT_VALUE(&rig, "celery_exporter_events_duplicate_total", 0);
    ASSERT_VALUE(&rig, "celery_exporter_messages_total", 0);
    ASSERT_VALUE(&rig, "celery_exporter_received_bytes_total", 0);
    ASSERT_VALUE(&rig, "celery_exporter_evicted_tasks_total", 0);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 0);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks_limit", 1000);
    ASSERT_VALUE(&rig, "celery_exporter_series_limit", 500000);
    ASSERT_VALUE(&rig, "celery_exporter_series_overflow_total{label='name'}",
                 0);
    ASSERT_VALUE(&rig, "celery_exporter_series_overflow_total{label='all'}", 0);
    ASSERT_VALUE(&rig, "celery_exporter_event_delay_seconds_count", 0);
}
END_TEST

START_TEST(a_page_without_any_event_has_every_family)
{
    const struct str page = rig_page(&rig);
    size_t nmissing = 0;
    for (size_t f = 0; f < nfamilies; f++) {
        const struct registry *registry = metrics_registry(rig.metrics);
        const struct str name = registry_name(registry, f);
        char line[128];
        const int len =
            snprintf(line, sizeof(line), "# TYPE %.*s ", STR_FMT(name));
        const bool there =
            memmem(page.ptr, page.len, line, (size_t)len) != NULL;
        nmissing += there != registry_enabled(registry, f);
    }
    ck_assert_uint_eq(nmissing, 0);
}
END_TEST

START_TEST(the_page_has_as_many_samples_as_it_says)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);
    size_t nsamples;

    const struct str page = rig_page(&rig);

    ck_assert_ptr_null(page_check(page, FORMAT_TEXT, &nsamples));
    ASSERT_VALUE(&rig, "celery_exporter_series", nsamples);
}
END_TEST

START_TEST(messages_bytes_and_rejections_are_counted)
{
    metrics_message(rig.metrics, 100);
    metrics_message(rig.metrics, 23);
    metrics_reject(rig.metrics, REJECT_JSON);

    ASSERT_VALUE(&rig, "celery_exporter_messages_total", 2);
    ASSERT_VALUE(&rig, "celery_exporter_received_bytes_total", 123);
    ASSERT_VALUE(&rig, "celery_exporter_events_rejected_total{reason='json'}",
                 1);
}
END_TEST

/* A type of its own is no label and no task. */
START_TEST(custom_events_are_counted_as_other_and_ignored)
{
    for (int i = 0; i < 10; i++)
        SEND(&rig, EVENT_OTHER, .hostname = STR("celery@h"), .uuid = STR("u"));

    ASSERT_VALUE(&rig, "celery_exporter_events_total{event='other'}", 10);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_"), 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_"), 0);
}
END_TEST

/* Relative to now; NAN = not observed. */
static const double delays[][2] = {
    {-2, 2}, {0, 0}, {3, NAN}, {NAN, NAN}, {-1.6e9, NAN},
};

START_TEST(delay_is_observed_unless_a_clock_is_wrong)
{
    SEND(&rig, EVENT_TASK_RECEIVED,
         .timestamp = rig.now.wall_s + delays[_i][0]);

    ASSERT_VALUE(&rig, "celery_exporter_event_delay_seconds_count",
                 isnan(delays[_i][1]) ? 0 : 1);
    ASSERT_VALUE(&rig, "celery_exporter_event_delay_seconds_sum",
                 isnan(delays[_i][1]) ? 0 : delays[_i][1]);
    ASSERT_VALUE(&rig, "celery_exporter_last_event_timestamp_seconds", 1.7e9);
}
END_TEST

START_TEST(blind_seconds_go_on_until_the_broker_is_back)
{
    metrics_broker_down(rig.metrics, 0, rig.now);
    rig_pass(&rig, 10);
    ASSERT_VALUE(&rig, "celery_exporter_broker_up", 0);
    ASSERT_VALUE(&rig, "celery_exporter_blind_seconds_total", 10);

    metrics_broker_up(rig.metrics, rig.now);
    metrics_broker_up(rig.metrics, rig.now);
    rig_pass(&rig, 10);

    ASSERT_VALUE(&rig, "celery_exporter_broker_up", 1);
    ASSERT_VALUE(&rig, "celery_exporter_blind_seconds_total", 10);
    ASSERT_VALUE(&rig, "celery_exporter_broker_connects_total", 2);
}
END_TEST

START_TEST(an_exact_repeat_counts_once_and_shows)
{
    for (int i = 0; i < 3; i++)
        SEND(&rig, EVENT_TASK_STARTED, .name = STR("t"), .clock = 77);

    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 1);
    ASSERT_VALUE(&rig, "celery_exporter_events_duplicate_total", 2);
    ASSERT_VALUE(&rig, "celery_exporter_events_total{event='task-started'}", 3);
}
END_TEST

START_TEST(without_a_clock_every_event_counts)
{
    for (int i = 0; i < 3; i++)
        SEND(&rig, EVENT_TASK_STARTED, .name = STR("t"), .clock = -1);

    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 3);
    ASSERT_VALUE(&rig, "celery_exporter_events_duplicate_total", 0);
}
END_TEST

/* Its only process always has the same pid, and dies of the same task. */
START_TEST(a_worker_killed_by_a_task_again_and_again_shows_redeliveries)
{
    for (int run = 0; run < 4; run++) {
        rig.clock = 0;
        rig_online(&rig, "celery@h", 1);
        SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
        SEND(&rig, EVENT_TASK_STARTED);
    }
    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 4);
    ck_assert(rig_sum(&rig, "celery_task_redelivered_total{", NULL) == 3);
    ASSERT_VALUE(&rig, "celery_exporter_events_duplicate_total", 0);
}
END_TEST

START_TEST(generic_hostname_for_sent_only)
{
    struct metrics_config config = rig_config();
    config.generic_hostname_task_sent = true;
    reopen(&config);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);

    ASSERT_VALUE(&rig,
                 "celery_task_sent_total{hostname='generic',name='t',"
                 "queue_name='celery'}",
                 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 1);
    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='h',name='t',"
                 "queue_name='celery'}",
                 1);
}
END_TEST

START_TEST(generic_hostname_for_workers_tasks_but_not_the_workers)
{
    struct metrics_config config = rig_config();
    config.generic_hostname_worker_task = true;
    reopen(&config);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    SEND(&rig, EVENT_TASK_FAILED, .uuid = STR("v"), .name = STR("t"));
    rig_heartbeat(&rig, "celery@h", 1, 0, 0);

#define GENERIC "{hostname='generic',name='t',queue_name='celery'}"
    ASSERT_VALUE(&rig, "celery_task_succeeded_total" GENERIC, 1);
    ASSERT_VALUE(&rig, "celery_task_runtime_count" GENERIC, 1);
    ASSERT_VALUE(&rig, "celery_task_queue_wait_time_count" GENERIC, 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_failed_total{exception=\""
                                  "UnknownException\",hostname=\"generic\""),
                      1);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"web\""),
                      1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='generic'}");
    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{"), 1);
}
END_TEST

START_TEST(the_default_queue_has_the_name_that_is_given)
{
    struct metrics_config config = rig_config();
    config.default_queue_name = "main";
    reopen(&config);
    SEND(&rig, EVENT_TASK_STARTED, .name = STR("t"));

    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='h',name='t',"
                 "queue_name='main'}",
                 1);
}
END_TEST

static void
send_many(enum event_type type, unsigned from, unsigned to)
{
    struct event ev = {
        .type = type,
        .hostname = STR("celery@h"),
        .timestamp = 1.7e9,
        .eta = NAN,
        .runtime = 0.1,
        .pid = 1,
        .clock = -1,
        .retries = -1,
    };
    for (unsigned i = from; i < to; i++) {
        char uuid[40];
        const int len =
            snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-000000000000",
                     i * 2654435761U);
        ev.uuid = (struct str){uuid, (size_t)len};
        ev.name = type == EVENT_TASK_SENT ? STR("t") : (struct str){0};
        ev.queue = type == EVENT_TASK_SENT ? STR("q") : (struct str){0};
        metrics_event(rig.metrics, &ev, rig.now);
    }
}

START_TEST(names_and_queues_survive_a_million_tasks_in_flight)
{
    const int n = rounds(1000000);
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = (size_t)n;
    reopen(&config);

    send_many(EVENT_TASK_SENT, 0, n);
    send_many(EVENT_TASK_STARTED, 0, n);

    ASSERT_VALUE(&rig,
                 "celery_task_started_total{hostname='h',name='t',"
                 "queue_name='q'}",
                 n);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 1);
    ASSERT_VALUE(&rig, "celery_exporter_evicted_tasks_total", 0);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", n);
}
END_TEST

START_TEST(past_the_limit_finished_tasks_give_way_to_those_in_flight)
{
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = 100;
    reopen(&config);
    send_many(EVENT_TASK_SENT, 0, 100);
    send_many(EVENT_TASK_SUCCEEDED, 50, 100);

    send_many(EVENT_TASK_SENT, 100, 150);
    send_many(EVENT_TASK_STARTED, 0, 50);
    send_many(EVENT_TASK_STARTED, 100, 150);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_started_total{"), 1);
    ck_assert(rig_sum(&rig, "celery_task_started_total{", NULL) == 100);
    ASSERT_VALUE(&rig, "celery_exporter_evicted_tasks_total", 50);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 100);
}
END_TEST

START_TEST(finished_tasks_are_forgotten_after_ten_minutes)
{
    send_many(EVENT_TASK_SENT, 0, 100);
    send_many(EVENT_TASK_SUCCEEDED, 0, 60);
    rig_pass(&rig, 590);
    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 100);

    rig_pass(&rig, 20);

    ASSERT_VALUE(&rig, "celery_exporter_tracked_tasks", 40);
    ASSERT_VALUE(&rig, "celery_exporter_evicted_tasks_total", 0);
}
END_TEST

START_TEST(an_unknown_family_is_named_in_the_error)
{
    static const char *const names[] = {"task_sent", "nonsense"};
    struct metrics_config config = rig_config();
    config.registry.no_collect = names;
    config.registry.nno_collect = COUNT_OF(names);
    struct buf err;
    buf_init(&err, 0);

    struct metrics *metrics =
        metrics_new(&config, (struct hash_key){1}, (struct now){0}, &err);

    ck_assert_ptr_null(metrics);
    ck_assert_ptr_nonnull(memmem(err.ptr, err.len, "nonsense", 8));
    buf_close(&err);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, fixed_sets_begin_at_zero);
    tcase_add_test(tc, a_page_without_any_event_has_every_family);
    tcase_add_test(tc, the_page_has_as_many_samples_as_it_says);
    tcase_add_test(tc, messages_bytes_and_rejections_are_counted);
    tcase_add_test(tc, custom_events_are_counted_as_other_and_ignored);
    tcase_add_loop_test(tc, delay_is_observed_unless_a_clock_is_wrong, 0,
                        COUNT_OF(delays));
    tcase_add_test(tc, blind_seconds_go_on_until_the_broker_is_back);
    tcase_add_test(tc, an_exact_repeat_counts_once_and_shows);
    tcase_add_test(tc, without_a_clock_every_event_counts);
    tcase_add_test(
        tc, a_worker_killed_by_a_task_again_and_again_shows_redeliveries);
    tcase_add_test(tc, generic_hostname_for_sent_only);
    tcase_add_test(tc, generic_hostname_for_workers_tasks_but_not_the_workers);
    tcase_add_test(tc, the_default_queue_has_the_name_that_is_given);
    tcase_add_test(tc, names_and_queues_survive_a_million_tasks_in_flight);
    tcase_add_test(tc,
                   past_the_limit_finished_tasks_give_way_to_those_in_flight);
    tcase_add_test(tc, finished_tasks_are_forgotten_after_ten_minutes);
    tcase_add_test(tc, an_unknown_family_is_named_in_the_error);
}
