#include "model/waiting.h"

#include <stdio.h>
#include <stdlib.h>

#include "../suite.h"

const char suite_name[] = "waiting";

static const struct hash_key key = {.seed = 5};

/* Tallies are numbered by their detail, and come out in this order. */
struct out {
    uint32_t details[256];
    size_t n;
};

static struct tasks *tasks;
static struct waiting *waiting;
static struct out out;

static void
on_out(void *ctx, const struct tally *tally, struct task *task)
{
    struct out *o = ctx;
    ck_assert_uint_eq(task->waiting, 0);
    if (o->n < 256)
        o->details[o->n] = tally->detail;
    o->n++;
}

/* Those with an odd detail. */
static bool
is_ready(void *ctx, const struct tally *tally, const struct task *t)
{
    (void)ctx;
    (void)t;
    return tally->detail % 2 == 1;
}

static void
on_evict(void *ctx, struct task *task)
{
    (void)ctx;
    waiting_release(waiting, task);
}

static void
open_with(size_t max)
{
    out = (struct out){0};
    tasks = tasks_new(1000, on_evict, NULL);
    waiting = waiting_new(tasks, max, is_ready, on_out, &out);
}

static void
close_all(void)
{
    waiting_free(waiting);
    tasks_free(tasks);
}

static struct task *
task(unsigned id)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", id);
    return tasks_get(tasks, hash_bytes(key, str_from(text)));
}

static void
add(unsigned id, uint32_t detail, int64_t deadline_ms)
{
    const struct tally tally = {
        .detail = detail, .hostname = id, .worker = detail / 10};
    waiting_add(waiting, task(id), &tally, deadline_ms);
}

START_TEST(comes_out_when_it_is_due_and_not_before)
{
    open_with(100);
    add(1, 1, 10);
    add(2, 2, 20);
    ck_assert_int_eq(waiting_deadline(waiting), 10);

    waiting_expire(waiting, 9);
    ck_assert_uint_eq(out.n, 0);
    waiting_expire(waiting, 10);
    ck_assert_uint_eq(out.n, 1);
    ck_assert_int_eq(waiting_deadline(waiting), 20);
    waiting_expire(waiting, INT64_MAX);

    ck_assert_uint_eq(out.n, 2);
    ck_assert_uint_eq(waiting_n(waiting), 0);
    ck_assert_int_eq(waiting_deadline(waiting), INT64_MAX);
    close_all();
}
END_TEST

START_TEST(a_release_lets_out_one_task_in_order)
{
    open_with(100);
    for (uint32_t i = 0; i < 30; i++)
        add(i % 3, i, 10 + i);

    waiting_release(waiting, task(1));

    ck_assert_uint_eq(out.n, 10);
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_uint_eq(out.details[i], 3 * i + 1);
    ck_assert_uint_eq(waiting_n(waiting), 20);
    waiting_release(waiting, task(1));
    ck_assert_uint_eq(out.n, 10);
    close_all();
}
END_TEST

/* The deadline of what has gone is nobody's. */
START_TEST(none_waits_means_no_deadline)
{
    open_with(100);
    add(1, 1, 10);
    add(2, 2, 20);
    add(1, 3, 30);

    waiting_release(waiting, task(1));
    ck_assert_int_eq(waiting_deadline(waiting), 20);
    waiting_release(waiting, task(2));

    ck_assert_int_eq(waiting_deadline(waiting), INT64_MAX);
    close_all();
}
END_TEST

/* Its later events must not overtake the one that is due. */
START_TEST(the_due_event_takes_the_others_of_its_task_along)
{
    open_with(100);
    add(1, 1, 10);
    add(2, 2, 11);
    add(1, 3, 12);

    waiting_expire(waiting, 10);

    ck_assert_uint_eq(out.n, 2);
    ck_assert_uint_eq(out.details[0], 1);
    ck_assert_uint_eq(out.details[1], 3);
    close_all();
}
END_TEST

START_TEST(past_the_limit_the_oldest_goes_out)
{
    open_with(4);
    for (uint32_t i = 0; i < 10; i++)
        add(i, i, 100);

    ck_assert_uint_eq(waiting_n(waiting), 4);
    ck_assert_uint_eq(out.n, 6);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert_uint_eq(out.details[i], i);
    close_all();
}
END_TEST

START_TEST(past_the_limit_a_task_may_push_out_its_own)
{
    open_with(4);
    for (uint32_t i = 0; i < 9; i++)
        add(1, i, 100);

    ck_assert_uint_eq(out.n, 8);
    waiting_release(waiting, task(1));
    ck_assert_uint_eq(out.n, 9);
    for (uint32_t i = 0; i < 9; i++)
        ck_assert_uint_eq(out.details[i], i);
    close_all();
}
END_TEST

START_TEST(only_the_hosts_that_leave_are_let_out)
{
    open_with(100);
    struct idset hosts = {0};
    for (uint32_t i = 0; i < 12; i++)
        add(i % 4, i, 100);
    idset_add(&hosts, 1);
    idset_add(&hosts, 3);

    waiting_release_hosts(waiting, &hosts);

    ck_assert_uint_eq(out.n, 6);
    for (uint32_t i = 0; i < 6; i++)
        ck_assert_uint_eq(out.details[i] % 2, 1);
    ck_assert_uint_eq(waiting_n(waiting), 6);
    idset_close(&hosts);
    close_all();
}
END_TEST

/* A worker sent ten details each. */
START_TEST(what_a_worker_sent_and_is_ready_comes_out_with_its_task)
{
    open_with(1000);
    add(1, 10, 100); /* not ready, but of a task that is */
    add(1, 21, 100);
    add(2, 22, 100);
    add(3, 31, 100);
    for (uint32_t i = 0; i < 200; i++)
        add(100 + i, 1000, 100);

    waiting_release_worker(waiting, 2);

    ck_assert_uint_eq(out.n, 2);
    ck_assert_uint_eq(out.details[0], 10);
    ck_assert_uint_eq(out.details[1], 21);
    waiting_release_ready(waiting, task(2));
    ck_assert_uint_eq(out.n, 2);
    waiting_release_all_ready(waiting);
    ck_assert_uint_eq(out.n, 3);
    ck_assert_uint_eq(out.details[2], 31);
    ck_assert_uint_eq(waiting_n(waiting), 201);
    close_all();
}
END_TEST

/* Every tally comes out exactly once, and those of a task in order. */
START_TEST(random_use_loses_and_doubles_nothing)
{
    enum { N = 50000, IDS = 40 };
    open_with(64);
    static uint32_t last[IDS];
    uint64_t random = 3;
    uint32_t detail = 0;
    for (int step = 0; step < N; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const unsigned id = (unsigned)(random >> 40) % IDS;
        const size_t before = out.n;
        if (random >> 60 < 11)
            add(id, ++detail * IDS + id, step + 50);
        else if (random >> 60 < 15)
            waiting_release(waiting, task(id));
        else
            waiting_expire(waiting, step);
        for (size_t i = 0; before < 256 && i < out.n && i < 256; i++) {
            const uint32_t of = out.details[i] % IDS;
            ck_assert_uint_gt(out.details[i], last[of]);
            last[of] = out.details[i];
        }
        ck_assert_uint_le(waiting_n(waiting), 64);
        static size_t ntotal;
        ntotal += out.n;
        out.n = 0;
        ck_assert_uint_eq(ntotal + waiting_n(waiting), detail);
    }
    close_all();
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, what_a_worker_sent_and_is_ready_comes_out_with_its_task);
    tcase_add_test(tc, comes_out_when_it_is_due_and_not_before);
    tcase_add_test(tc, a_release_lets_out_one_task_in_order);
    tcase_add_test(tc, none_waits_means_no_deadline);
    tcase_add_test(tc, the_due_event_takes_the_others_of_its_task_along);
    tcase_add_test(tc, past_the_limit_the_oldest_goes_out);
    tcase_add_test(tc, past_the_limit_a_task_may_push_out_its_own);
    tcase_add_test(tc, only_the_hosts_that_leave_are_let_out);
    tcase_add_test(tc, random_use_loses_and_doubles_nothing);
}
