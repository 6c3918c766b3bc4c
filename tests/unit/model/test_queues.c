#include "model/queues.h"

#include <stdio.h>
#include <string.h>

#include "rig.h"

const char suite_name[] = "queues";

enum { LEAVE_MS = 600 * 1000 };

static struct rig rig;
static struct queues *queues;
static bool is_alive;

static void
open_with(size_t max_queue_names)
{
    struct metrics_config config = rig_config();
    config.registry.max_queue_names = max_queue_names;
    rig_open(&rig, &config);
    queues = queues_new(metrics_registry(rig.metrics), LEAVE_MS);
    queues_know_workers(queues, true);
    is_alive = false;
}

static void
open_rig(void)
{
    open_with(1000);
}

static void
close_rig(void)
{
    queues_free(queues);
    rig_close(&rig);
}

static bool
alive(void *ctx, struct str node)
{
    (void)ctx;
    (void)node;
    return is_alive;
}

/* A worker of that many processes answers that it consumes this queue. */
static void
answer(const char *node, int64_t processes, const char *queue)
{
    queues_set_processes(queues, str_from(node), processes);
    queues_set_consumed(queues, str_from(node), (struct str){0}, rig.now);
    queues_set_consumed(queues, str_from(node), str_from(queue), rig.now);
}

static void
set_figures(const char *queue, const struct queue_figures *figures)
{
    queues_set_figures(queues, str_from(queue), figures, rig.now);
}

static void
set_length(const char *queue, int64_t length)
{
    set_figures(queue,
                &(struct queue_figures){.length = length, .consumers = -1});
}

static void
end_poll(void)
{
    queues_poll_end(queues, alive, NULL, rig.now);
}

START_TEST(a_known_queue_is_without_workers_and_its_length_is_not_known)
{
    queues_add(queues, STR("q"), rig.now);
    queues_add(queues, STR("q"), rig.now);

    ck_assert_uint_eq(queues_n(queues), 1);
    ck_assert(str_eq(queues_name(queues, 0), STR("q")));
    ASSERT_ABSENT(&rig, "celery_queue_length{queue_name='q'}");
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 0);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_active_consumer_count{"), 0);
}
END_TEST

START_TEST(workers_that_cannot_be_asked_are_not_shown_as_none)
{
    size_t n;
    queues_know_workers(queues, false);
    queues_add(queues, STR("q"), rig.now);
    end_poll();
    ck_assert_uint_eq(rig_n(&rig, "celery_active_"), 0);
    ck_assert(!queues_workers(queues, STR("q"), &n));

    queues_know_workers(queues, true);
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 0);
    ck_assert(queues_workers(queues, STR("q"), &n));

    queues_know_workers(queues, false);
    end_poll();
    ck_assert_uint_eq(rig_n(&rig, "celery_active_"), 0);
}
END_TEST

START_TEST(workers_and_processes_of_a_queue_add_up)
{
    queues_poll_begin(queues);
    answer("a@h", 4, "q");
    answer("b@h", 2, "q");
    queues_set_consumed(queues, STR("b@h"), STR("r"), rig.now);
    end_poll();

    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 2);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 6);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='r'}", 1);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='r'}", 2);
}
END_TEST

START_TEST(a_queue_listed_twice_has_one_worker)
{
    queues_poll_begin(queues);
    answer("a@h", 4, "q");
    queues_set_consumed(queues, STR("a@h"), STR("q"), rig.now);
    end_poll();

    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 1);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 4);
}
END_TEST

START_TEST(a_new_list_replaces_the_old_one)
{
    queues_poll_begin(queues);
    answer("a@h", 4, "q");
    end_poll();
    queues_poll_begin(queues);
    answer("a@h", 4, "r");
    end_poll();

    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 0);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='r'}", 1);
}
END_TEST

START_TEST(who_does_not_answer_counts_as_long_as_it_is_alive)
{
    queues_poll_begin(queues);
    answer("a@h", 1, "q");
    answer("b@h", 1, "q");
    end_poll();

    is_alive = true;
    queues_poll_begin(queues);
    answer("b@h", 1, "q");
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 2);

    is_alive = false;
    queues_poll_begin(queues);
    answer("b@h", 1, "q");
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 1);

    queues_poll_begin(queues);
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 0);
}
END_TEST

START_TEST(a_length_is_shown_as_it_was_told)
{
    queues_add(queues, STR("q"), rig.now);
    set_length("q", 12345);

    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='q'}", 12345);
}
END_TEST

START_TEST(absurd_numbers_of_processes_do_not_overflow)
{
    static const int64_t counts[] = {INT64_MAX, INT64_MIN, -1};
    queues_poll_begin(queues);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        char node[16];
        snprintf(node, sizeof(node), "%zu@h", i);
        answer(node, counts[i], "q");
    }
    end_poll();

    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 1e9);
}
END_TEST

/* Two workers of one name, and one of them is stopped. */
START_TEST(replies_of_one_nodename_in_one_poll_add_up)
{
    for (int poll = 0; poll < 2; poll++) {
        queues_poll_begin(queues);
        answer("a@h", 4, "q");
        answer("a@h", 2, "q");
        end_poll();
        ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 2);
        ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 6);
    }

    is_alive = true;
    queues_poll_begin(queues);
    answer("a@h", 2, "q");
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 1);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 2);
}
END_TEST

START_TEST(silent_namesakes_both_count_while_the_name_is_alive)
{
    queues_poll_begin(queues);
    answer("a@h", 1, "q");
    answer("a@h", 1, "r");
    end_poll();

    is_alive = true;
    queues_poll_begin(queues);
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 1);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='r'}", 1);

    is_alive = false;
    queues_poll_begin(queues);
    end_poll();
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 0);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='r'}", 0);
}
END_TEST

START_TEST(workers_of_a_queue_can_be_asked_for)
{
    size_t n = 99;
    ck_assert(!queues_workers(queues, STR("q"), &n));
    ck_assert_uint_eq(n, 0);

    queues_poll_begin(queues);
    answer("a@h", 4, "q");
    answer("b@h", 4, "q");
    end_poll();
    queues_add(queues, STR("empty"), rig.now);

    ck_assert(queues_workers(queues, STR("q"), &n));
    ck_assert_uint_eq(n, 2);
    ck_assert(queues_workers(queues, STR("empty"), &n));
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* ---- what the broker says ---- */

static void
set_steps(const char *queue, int64_t first, int64_t second)
{
    static const int64_t steps[] = {0, 3};
    const int64_t lengths[] = {first, second};
    set_figures(queue, &(struct queue_figures){.length = first + second,
                                               .consumers = -1,
                                               .steps = steps,
                                               .step_lengths = lengths,
                                               .nsteps = 2});
}

START_TEST(steps_are_shown_once_a_higher_one_was_used)
{
    queues_add(queues, STR("q"), rig.now);
    queues_add(queues, STR("r"), rig.now);
    set_steps("q", 5, 0);
    set_steps("r", 5, 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_priority_length{"), 0);

    set_steps("q", 5, 2);
    ASSERT_VALUE(
        &rig, "celery_queue_priority_length{priority='0',queue_name='q'}", 5);
    ASSERT_VALUE(
        &rig, "celery_queue_priority_length{priority='3',queue_name='q'}", 2);
    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='q'}", 7);

    set_steps("q", 1, 0);
    ASSERT_VALUE(
        &rig, "celery_queue_priority_length{priority='3',queue_name='q'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_priority_length{"), 2);
}
END_TEST

START_TEST(missing_queue_is_empty_and_a_refused_one_not_shown)
{
    queues_add(queues, STR("q"), rig.now);
    set_figures("q", &(struct queue_figures){.length = 7, .consumers = 2});
    set_figures("q", &(struct queue_figures){.length = -1, .consumers = -1});
    ASSERT_ABSENT(&rig, "celery_queue_length{queue_name='q'}");
    ASSERT_ABSENT(&rig, "celery_active_consumer_count{queue_name='q'}");

    set_figures("q", &(struct queue_figures){.missing = true});
    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='q'}", 0);
    ASSERT_VALUE(&rig, "celery_active_consumer_count{queue_name='q'}", 0);
}
END_TEST

START_TEST(answer_for_a_queue_that_is_not_known_is_dropped)
{
    set_length("stranger", 5);

    ck_assert_uint_eq(queues_n(queues), 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_length{"), 0);
}
END_TEST

/* ---- leaving ---- */

static void
round_after(double seconds)
{
    rig_pass(&rig, seconds);
    queues_forget(queues, rig.now);
}

START_TEST(queue_that_nobody_mentions_leaves_with_its_series)
{
    queues_add(queues, STR("q"), rig.now);
    queues_pin(queues, STR("kept"), rig.now);
    set_steps("q", 0, 1);
    set_steps("q", 0, 0);

    round_after(600);
    ck_assert_uint_eq(queues_n(queues), 2);
    round_after(1);

    ck_assert_uint_eq(queues_n(queues), 1);
    ck_assert(str_eq(queues_name(queues, 0), STR("kept")));
    ASSERT_ABSENT(&rig, "celery_queue_length{queue_name='q'}");
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_priority_length{"), 0);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='kept'}", 0);
    ASSERT_VALUE(&rig, "celery_exporter_table_entries{table='queues'}", 1);
}
END_TEST

START_TEST(queue_comes_back_when_it_is_mentioned)
{
    queues_add(queues, STR("q"), rig.now);
    set_steps("q", 0, 1);
    set_steps("q", 0, 0);
    round_after(601);

    queues_add(queues, STR("q"), rig.now);
    set_steps("q", 0, 0);

    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='q'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_priority_length{"), 0);
}
END_TEST

START_TEST(mention_messages_consumers_and_workers_keep_a_queue)
{
    static const char *const names[] = {"named", "full", "consumed", "worked"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        queues_add(queues, str_from(names[i]), rig.now);
    for (int i = 0; i < 4; i++) {
        round_after(500);
        queues_add(queues, STR("named"), rig.now);
        set_length("full", 1);
        set_figures("consumed", &(struct queue_figures){.consumers = 1});
        queues_poll_begin(queues);
        answer("a@h", 1, "worked");
        end_poll();
    }
    ck_assert_uint_eq(queues_n(queues), 4);

    /* The stay begins anew with the last of these. */
    set_length("full", 0);
    round_after(500);
    ck_assert_uint_eq(queues_n(queues), 4);
    round_after(101);
    /* The worker was never polled again. */
    ck_assert_uint_eq(queues_n(queues), 1);
    ck_assert(str_eq(queues_name(queues, 0), STR("worked")));
}
END_TEST

START_TEST(queue_with_messages_stays_however_long_it_is_not_told)
{
    queues_add(queues, STR("q"), rig.now);
    set_length("q", 3);

    round_after(10000);

    ck_assert_uint_eq(queues_n(queues), 1);
}
END_TEST

START_TEST(outage_is_no_silence)
{
    queues_add(queues, STR("q"), rig.now);
    rig_pass(&rig, 3600);
    queues_excuse(queues, rig.now);

    queues_forget(queues, rig.now);

    ck_assert_uint_eq(queues_n(queues), 1);
}
END_TEST

START_TEST(queues_never_leave_when_told_so)
{
    queues_free(queues);
    queues = queues_new(metrics_registry(rig.metrics), 0);
    queues_add(queues, STR("q"), rig.now);

    round_after(1000000);

    ck_assert_uint_eq(queues_n(queues), 1);
}
END_TEST

/* Numbers of queues shift when one leaves; lists of workers hold numbers. */
START_TEST(those_behind_a_queue_that_leaves_keep_their_workers)
{
    queues_add(queues, STR("gone"), rig.now);
    rig_pass(&rig, 500);
    queues_poll_begin(queues);
    answer("a@h", 4, "q");
    queues_set_consumed(queues, STR("a@h"), STR("r"), rig.now);
    end_poll();
    round_after(101);
    ck_assert_uint_eq(queues_n(queues), 2);

    is_alive = true;
    queues_poll_begin(queues);
    end_poll();

    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 1);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='r'}", 4);
    size_t n;
    ck_assert(queues_workers(queues, STR("r"), &n));
    ck_assert_uint_eq(n, 1);
    ck_assert(!queues_workers(queues, STR("gone"), &n));
}
END_TEST

/* Tasks may be shown under the queue; and names that are cut alike share a
 * value. */
START_TEST(label_value_outlives_its_queue)
{
    SEND(&rig, EVENT_TASK_SENT, .name = STR("t"), .queue = STR("q"));
    queues_add(queues, STR("q"), rig.now);
    queues_add(queues, STR("a\x01"), rig.now);
    rig_pass(&rig, 500);
    queues_add(queues, STR("a\x02"), rig.now);
    set_length("a\x02", 5);

    round_after(101);

    ck_assert_uint_eq(queues_n(queues), 1);
    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='a\xef\xbf\xbd'}", 5);
    ASSERT_VALUE(&rig,
                 "celery_task_sent_total{hostname='h',name='t',queue_name='q'}",
                 1);
    ASSERT_ABSENT(&rig, "celery_queue_length{queue_name='q'}");
}
END_TEST

/* The gauges of several queues do not add up under one label. */
START_TEST(queues_past_the_label_cap_are_not_asked_for)
{
    close_rig();
    open_with(2); /* the default queue's name is one of them */
    queues_poll_begin(queues);
    answer("a@h", 1, "q");
    answer("b@h", 1, "r");
    end_poll();
    set_length("r", 99);

    ck_assert_uint_eq(queues_n(queues), 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_active_worker_count{"), 1);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 1);
}
END_TEST

START_TEST(names_and_nodes_without_number_are_bounded)
{
    char text[32];
    for (int poll = 0; poll < 2; poll++) {
        queues_poll_begin(queues);
        for (int i = 0; i < 30000; i++) {
            snprintf(text, sizeof(text), "x%d", i);
            answer(text, 1, text);
            queues_set_consumed(queues, STR("all@h"), str_from(text), rig.now);
        }
        end_poll();
    }
    ck_assert_uint_eq(queues_n(queues), 999);
    ck_assert_uint_eq(rig_n(&rig, "celery_active_worker_count{"), 999);
}
END_TEST

START_TEST(name_that_no_queue_can_have_is_left_out)
{
    char text[256];
    memset(text, 'q', sizeof(text));

    queues_add(queues, (struct str){text, 256}, rig.now);
    ck_assert_uint_eq(queues_n(queues), 0);
    queues_add(queues, (struct str){text, 255}, rig.now);

    ck_assert_uint_eq(queues_n(queues), 1);
}
END_TEST

START_TEST(a_name_with_a_nul_is_one_like_any)
{
    queues_poll_begin(queues);
    for (int i = 0; i < 3; i++)
        queues_set_processes(queues, STR("a\0b@h"), 1);
    queues_set_consumed(queues, STR("a\0b@h"), STR("q\0r"), rig.now);
    queues_set_consumed(queues, STR("a\0b@h"), STR("q\0r"), rig.now);
    end_poll();

    ck_assert_uint_eq(queues_n(queues), 1);
    ASSERT_VALUE(&rig,
                 "celery_active_worker_count{queue_name='q\xef\xbf\xbdr'}", 1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(
        tc, a_known_queue_is_without_workers_and_its_length_is_not_known);
    tcase_add_test(tc, workers_that_cannot_be_asked_are_not_shown_as_none);
    tcase_add_test(tc, workers_and_processes_of_a_queue_add_up);
    tcase_add_test(tc, a_queue_listed_twice_has_one_worker);
    tcase_add_test(tc, a_new_list_replaces_the_old_one);
    tcase_add_test(tc, who_does_not_answer_counts_as_long_as_it_is_alive);
    tcase_add_test(tc, a_length_is_shown_as_it_was_told);
    tcase_add_test(tc, absurd_numbers_of_processes_do_not_overflow);
    tcase_add_test(tc, queues_past_the_label_cap_are_not_asked_for);
    tcase_add_test(tc, names_and_nodes_without_number_are_bounded);
    tcase_add_test(tc, name_that_no_queue_can_have_is_left_out);
    tcase_add_test(tc, a_name_with_a_nul_is_one_like_any);
    tcase_add_test(tc, replies_of_one_nodename_in_one_poll_add_up);
    tcase_add_test(tc, silent_namesakes_both_count_while_the_name_is_alive);
    tcase_add_test(tc, workers_of_a_queue_can_be_asked_for);
    tcase_add_test(tc, steps_are_shown_once_a_higher_one_was_used);
    tcase_add_test(tc, missing_queue_is_empty_and_a_refused_one_not_shown);
    tcase_add_test(tc, answer_for_a_queue_that_is_not_known_is_dropped);
    tcase_add_test(tc, queue_that_nobody_mentions_leaves_with_its_series);
    tcase_add_test(tc, queue_comes_back_when_it_is_mentioned);
    tcase_add_test(tc, mention_messages_consumers_and_workers_keep_a_queue);
    tcase_add_test(tc, queue_with_messages_stays_however_long_it_is_not_told);
    tcase_add_test(tc, outage_is_no_silence);
    tcase_add_test(tc, queues_never_leave_when_told_so);
    tcase_add_test(tc, those_behind_a_queue_that_leaves_keep_their_workers);
    tcase_add_test(tc, label_value_outlives_its_queue);
}
