#include "model/tasks.h"

#include <math.h>
#include <stdio.h>

#include "../suite.h"

const char suite_name[] = "tasks";

static const struct hash_key key = {.seed = 5};

/* The names of the entries that left, in order. */
struct evicted {
    uint32_t names[64];
    size_t n;
};

static void
on_evict(void *ctx, struct task *task)
{
    struct evicted *evicted = ctx;
    if (evicted->n < 64)
        evicted->names[evicted->n] = task->name;
    evicted->n++;
}

static struct task *
get(struct tasks *tasks, unsigned id)
{
    char text[16];
    snprintf(text, sizeof(text), "id-%u", id);
    return tasks_get(tasks, hash_bytes(key, str_from(text)));
}

/* Entries 0 to n - 1, each with its number as its name. */
static void
fill(struct tasks *tasks, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        get(tasks, i)->name = i & TASK_NO_VALUE;
}

START_TEST(a_new_entry_knows_nothing)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(10, on_evict, &evicted);

    const struct task *task =
        tasks_get(tasks, hash_bytes(key, STR("any text: not only UUIDs")));

    ck_assert_uint_eq(task->name, TASK_NO_VALUE);
    ck_assert_uint_eq(task->queue, TASK_NO_VALUE);
    ck_assert_uint_eq(task->flags, 0);
    ck_assert_uint_eq(task->waiting, 0);
    ck_assert_uint_eq(task->worker, TASK_NO_WORKER);
    ck_assert(isnan(task->sent) && isnan(task->eta) && isnan(task->at));
    tasks_free(tasks);
}
END_TEST

START_TEST(an_entry_is_found_again_also_under_an_empty_id)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(10, on_evict, &evicted);
    tasks_get(tasks, hash_bytes(key, STR("")))->name = 1;
    tasks_get(tasks, hash_bytes(key, STR("a")))->name = 2;

    ck_assert_uint_eq(tasks_get(tasks, hash_bytes(key, STR("")))->name, 1);
    ck_assert_uint_eq(tasks_get(tasks, hash_bytes(key, STR("a")))->name, 2);
    ck_assert_uint_eq(tasks_n(tasks), 2);
    tasks_free(tasks);
}
END_TEST

START_TEST(when_full_the_least_recently_used_goes)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(4, on_evict, &evicted);
    fill(tasks, 4);
    get(tasks, 0);
    get(tasks, 2);

    get(tasks, 100);
    get(tasks, 101);
    get(tasks, 102);

    ck_assert_uint_eq(evicted.n, 3);
    ck_assert_uint_eq(evicted.names[0], 1);
    ck_assert_uint_eq(evicted.names[1], 3);
    ck_assert_uint_eq(evicted.names[2], 0);
    ck_assert_uint_eq(tasks_n(tasks), 4);
    ck_assert_uint_eq(tasks_nevicted(tasks), 3);
    tasks_free(tasks);
}
END_TEST

START_TEST(finished_tasks_go_before_any_other_the_longest_finished_first)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(5, on_evict, &evicted);
    fill(tasks, 5);
    tasks_finish(tasks, get(tasks, 4), 10);
    tasks_finish(tasks, get(tasks, 3), 11);
    get(tasks, 4); /* asked for again, but still finished */

    get(tasks, 100);
    get(tasks, 101);
    get(tasks, 102);

    ck_assert_uint_eq(evicted.n, 3);
    ck_assert_uint_eq(evicted.names[0], 4);
    ck_assert_uint_eq(evicted.names[1], 3);
    ck_assert_uint_eq(evicted.names[2], 0);
    tasks_free(tasks);
}
END_TEST

START_TEST(a_revived_task_is_live_again)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(3, on_evict, &evicted);
    fill(tasks, 3);
    tasks_finish(tasks, get(tasks, 0), 10);

    tasks_revive(tasks, get(tasks, 0));
    get(tasks, 100);

    ck_assert_uint_eq(evicted.names[0], 1);
    ck_assert_uint_eq(get(tasks, 0)->name, 0);
    ck_assert_uint_eq(get(tasks, 0)->worker, TASK_NO_WORKER);
    tasks_free(tasks);
}
END_TEST

START_TEST(only_what_finished_before_expires_and_only_so_many)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(10, on_evict, &evicted);
    fill(tasks, 5);
    for (unsigned i = 0; i < 4; i++)
        tasks_finish(tasks, get(tasks, i), 100 + i);

    tasks_expire(tasks, 103, 2);
    ck_assert_uint_eq(evicted.n, 2);
    tasks_expire(tasks, 103, 100);

    ck_assert_uint_eq(evicted.n, 3);
    ck_assert_uint_eq(evicted.names[2], 2);
    ck_assert_uint_eq(tasks_n(tasks), 2);
    ck_assert_uint_eq(tasks_nevicted(tasks), 0);
    tasks_free(tasks);
}
END_TEST

START_TEST(finished_twice_counts_from_the_second_time)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(10, on_evict, &evicted);
    fill(tasks, 2);
    tasks_finish(tasks, get(tasks, 0), 100);
    tasks_finish(tasks, get(tasks, 1), 100);
    tasks_finish(tasks, get(tasks, 0), 200);

    tasks_expire(tasks, 150, 10);

    ck_assert_uint_eq(evicted.n, 1);
    ck_assert_uint_eq(evicted.names[0], 1);
    tasks_free(tasks);
}
END_TEST

START_TEST(a_number_leads_back_wherever_the_entry_stands)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(100, on_evict, &evicted);
    fill(tasks, 50);
    for (unsigned i = 0; i < 50; i += 3)
        tasks_finish(tasks, get(tasks, i), i);

    for (unsigned i = 0; i < 50; i++) {
        struct task *task = get(tasks, i);
        ck_assert_ptr_eq(tasks_at(tasks, tasks_number(tasks, task)), task);
    }
    tasks_free(tasks);
}
END_TEST

START_TEST(a_table_of_one_holds_the_last)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(1, on_evict, &evicted);

    fill(tasks, 10);

    ck_assert_uint_eq(tasks_n(tasks), 1);
    ck_assert_uint_eq(evicted.n, 9);
    ck_assert_uint_eq(get(tasks, 9)->name, 9);
    tasks_free(tasks);
}
END_TEST

/* Against a simple model of both orders. */
START_TEST(random_use_agrees_with_plain_lists)
{
    enum { IDS = 60, CAPACITY = 20 };
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(CAPACITY, on_evict, &evicted);
    static uint64_t used[IDS], finished[IDS];
    static bool there[IDS];
    uint64_t random = 9;
    size_t n = 0;
    for (uint64_t step = 1; step < 20000; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const unsigned id = (unsigned)(random >> 33) % IDS;
        unsigned oldest = IDS;
        for (unsigned i = 0; i < IDS; i++)
            if (there[i] &&
                (oldest == IDS ||
                 (finished[i] != 0 &&
                  (finished[oldest] == 0 || finished[i] < finished[oldest])) ||
                 (finished[i] == 0 && finished[oldest] == 0 &&
                  used[i] < used[oldest])))
                oldest = i;
        const size_t before = evicted.n;
        evicted.n = 0;
        struct task *task = get(tasks, id);
        ck_assert_uint_eq(evicted.n, !there[id] && n == CAPACITY);
        if (evicted.n > 0) {
            ck_assert_uint_eq(evicted.names[0], oldest);
            there[oldest] = false;
        }
        evicted.n += before;
        n += there[id] || n == CAPACITY ? 0 : 1;
        task->name = id & TASK_NO_VALUE;
        if (!there[id])
            finished[id] = 0;
        there[id] = true;
        used[id] = step;
        if (random >> 60 < 5) {
            tasks_finish(tasks, task, (uint32_t)step);
            finished[id] = step;
        } else if (random >> 60 < 8 && finished[id] != 0) {
            tasks_revive(tasks, task);
            finished[id] = 0;
        }
        ck_assert_uint_eq(tasks_n(tasks), n);
    }
    tasks_free(tasks);
}
END_TEST

START_TEST(a_search_makes_and_moves_nothing)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(3, on_evict, &evicted);
    fill(tasks, 3);
    ck_assert(tasks_find(tasks, hash_bytes(key, STR("nobody"))) == NULL);
    ck_assert_uint_eq(tasks_find(tasks, hash_bytes(key, STR("id-0")))->name, 0);

    get(tasks, 100);

    ck_assert_uint_eq(evicted.n, 1);
    ck_assert_uint_eq(evicted.names[0], 0);
    ck_assert_uint_eq(tasks_nnumbers(tasks), 3);
    tasks_free(tasks);
}
END_TEST

START_TEST(hearsay_goes_first_and_pushes_out_nothing_live)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(4, on_evict, &evicted);
    fill(tasks, 2);
    tasks_add_hearsay(tasks, hash_bytes(key, STR("said-1")))->name = 11;
    tasks_add_hearsay(tasks, hash_bytes(key, STR("said-2")))->name = 12;
    ck_assert(tasks_add_hearsay(tasks, hash_bytes(key, STR("said-3"))) == NULL);

    get(tasks, 100);
    get(tasks, 101);
    ck_assert_uint_eq(evicted.n, 2);
    ck_assert_uint_eq(evicted.names[0], 12);
    ck_assert_uint_eq(evicted.names[1], 11);

    /* A finished one gives way. */
    tasks_finish(tasks, get(tasks, 1), 10);
    ck_assert(tasks_add_hearsay(tasks, hash_bytes(key, STR("said-3"))) != NULL);
    ck_assert_uint_eq(evicted.names[2], 1);
    tasks_free(tasks);
}
END_TEST

START_TEST(hearsay_that_an_event_confirms_is_like_any_other)
{
    struct evicted evicted = {0};
    struct tasks *tasks = tasks_new(3, on_evict, &evicted);
    tasks_add_hearsay(tasks, hash_bytes(key, STR("id-7")))->name = 7;
    fill(tasks, 2);
    get(tasks, 7);

    get(tasks, 100);

    ck_assert_uint_eq(evicted.n, 1);
    ck_assert_uint_eq(evicted.names[0], 0);
    tasks_free(tasks);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, a_search_makes_and_moves_nothing);
    tcase_add_test(tc, hearsay_goes_first_and_pushes_out_nothing_live);
    tcase_add_test(tc, hearsay_that_an_event_confirms_is_like_any_other);
    tcase_add_test(tc, a_new_entry_knows_nothing);
    tcase_add_test(tc, an_entry_is_found_again_also_under_an_empty_id);
    tcase_add_test(tc, when_full_the_least_recently_used_goes);
    tcase_add_test(
        tc, finished_tasks_go_before_any_other_the_longest_finished_first);
    tcase_add_test(tc, a_revived_task_is_live_again);
    tcase_add_test(tc, only_what_finished_before_expires_and_only_so_many);
    tcase_add_test(tc, finished_twice_counts_from_the_second_time);
    tcase_add_test(tc, a_number_leads_back_wherever_the_entry_stands);
    tcase_add_test(tc, a_table_of_one_holds_the_last);
    tcase_add_test(tc, random_use_agrees_with_plain_lists);
}
