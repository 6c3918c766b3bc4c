#include "model/queues.h"

#include <stdio.h>

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

START_TEST(a_known_queue_is_shown_empty_and_without_workers)
{
    queues_add(queues, STR("q"), rig.now);
    queues_add(queues, STR("q"), rig.now);

    ck_assert_uint_eq(queues_n(queues), 1);
    ck_assert(str_eq(queues_name(queues, 0), STR("q")));
    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='q'}", 0);
    ASSERT_VALUE(&rig, "celery_active_worker_count{queue_name='q'}", 0);
    ASSERT_VALUE(&rig, "celery_active_process_count{queue_name='q'}", 0);
    ck_assert_uint_eq(rig_n(&rig, "celery_active_consumer_count{"), 0);
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
    ASSERT_VALUE(&rig, "celery_queue_length{queue_name='q'}", 0);
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
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_length{"), 1);
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
    ck_assert_uint_eq(rig_n(&rig, "celery_queue_length{"), 999);
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
    tcase_add_test(tc, a_known_queue_is_shown_empty_and_without_workers);
    tcase_add_test(tc, workers_and_processes_of_a_queue_add_up);
    tcase_add_test(tc, a_queue_listed_twice_has_one_worker);
    tcase_add_test(tc, a_new_list_replaces_the_old_one);
    tcase_add_test(tc, who_does_not_answer_counts_as_long_as_it_is_alive);
    tcase_add_test(tc, a_length_is_shown_as_it_was_told);
    tcase_add_test(tc, absurd_numbers_of_processes_do_not_overflow);
    tcase_add_test(tc, queues_past_the_label_cap_are_not_asked_for);
    tcase_add_test(tc, names_and_nodes_without_number_are_bounded);
    tcase_add_test(tc, a_name_with_a_nul_is_one_like_any);
}
