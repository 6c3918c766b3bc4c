#include "model/senders.h"

#include <stdio.h>

#include "../suite.h"

const char suite_name[] = "senders";

static const struct hash_key key = {.seed = 5};

static struct event
event(int64_t clock, const char *uuid)
{
    return (struct event){
        .type = EVENT_TASK_STARTED,
        .hostname = STR("celery@h"),
        .pid = 7,
        .clock = clock,
        .uuid = str_from(uuid),
    };
}

static bool
repeated(struct senders *senders, struct event ev)
{
    struct recent_processes none = {0};
    const struct arrival arrival = arrival_of(&ev, (struct now){0}, key, &none);
    return senders_repeated(senders, &arrival);
}

START_TEST(an_exact_repeat_is_one)
{
    struct senders *senders = senders_new(10);

    ck_assert(!repeated(senders, event(5, "a")));
    ck_assert(repeated(senders, event(5, "a")));
    ck_assert(repeated(senders, event(5, "a")));
    senders_free(senders);
}
END_TEST

START_TEST(what_differs_in_any_part_is_none)
{
    struct senders *senders = senders_new(10);
    ck_assert(!repeated(senders, event(5, "a")));

    struct event ev = event(5, "a");
    ev.type = EVENT_TASK_SUCCEEDED;
    ck_assert(!repeated(senders, ev));
    ev = event(5, "a");
    ev.pid = 8;
    ck_assert(!repeated(senders, ev));
    ev = event(5, "a");
    ev.hostname = STR("celery@g");
    ck_assert(!repeated(senders, ev));
    ck_assert(!repeated(senders, event(5, "b")));
    ck_assert(!repeated(senders, event(4, "a")));
    senders_free(senders);
}
END_TEST

START_TEST(without_a_clock_nothing_is_a_repeat)
{
    struct senders *senders = senders_new(10);

    ck_assert(!repeated(senders, event(-1, "a")));
    ck_assert(!repeated(senders, event(-1, "a")));
    senders_free(senders);
}
END_TEST

/* After a failed publish a batch goes out again, some of it for the second
 * time. */
START_TEST(a_late_batch_is_recognised_in_any_order)
{
    struct senders *senders = senders_new(10);
    for (int64_t clock = 1; clock <= 20; clock++)
        ck_assert(!repeated(senders, event(clock, "a")));

    for (int64_t clock = 20; clock >= 1; clock--)
        ck_assert(repeated(senders, event(clock, "a")));

    ck_assert(!repeated(senders, event(21, "a")));
    senders_free(senders);
}
END_TEST

START_TEST(the_last_1024_events_are_remembered_and_no_more)
{
    struct senders *senders = senders_new(10);
    for (int64_t clock = 0; clock <= SENDERS_REMEMBERED; clock++)
        ck_assert(!repeated(senders, event(clock, "a")));

    ck_assert(repeated(senders, event(1, "a")));
    ck_assert(repeated(senders, event(SENDERS_REMEMBERED, "a")));
    ck_assert(!repeated(senders, event(0, "a")));
    senders_free(senders);
}
END_TEST

/* Threads of one process, its clock going on in leaps, and many repeats:
 * against a plain list. */
START_TEST(events_in_any_order_are_recognised_by_the_last_1024)
{
    enum { N = 40000 };
    struct senders *senders = senders_new(10);
    static int64_t seen[N];
    size_t nseen = 0;
    uint64_t random = 1;
    size_t nrepeats = 0;
    for (int64_t i = 0; i < N; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const uint64_t drawn = random >> 33;
        const int64_t back = drawn % 7 == 0 ? drawn % 2500 : drawn % 5;
        const int64_t clock = 10000 + i / 2 + i / 5000 * 3000 - back;
        bool want = false;
        for (size_t k = 0; k < 1024 && k < nseen; k++)
            want = want || seen[nseen - 1 - k] == clock;

        ck_assert(repeated(senders, event(clock, "a")) == want);

        if (!want)
            seen[nseen++] = clock;
        nrepeats += want;
    }
    ck_assert_uint_gt(nrepeats, 1000);
    senders_free(senders);
}
END_TEST

START_TEST(the_longest_silent_sender_is_forgotten)
{
    struct senders *senders = senders_new(3);
    struct event ev = event(1, "a");
    for (ev.pid = 1; ev.pid <= 3; ev.pid++)
        ck_assert(!repeated(senders, ev));
    ev.pid = 1;
    ck_assert(repeated(senders, ev));

    ev.pid = 4;
    ck_assert(!repeated(senders, ev));

    ev.pid = 1;
    ck_assert(repeated(senders, ev));
    ev.pid = 2;
    ck_assert(!repeated(senders, ev));
    senders_free(senders);
}
END_TEST

/* A task that kills its worker makes the container's only process, always of
 * the same pid, live through the same few events again and again. */
START_TEST(a_restarted_worker_of_the_same_pid_repeats_nothing)
{
    struct senders *senders = senders_new(10);
    struct event online = event(1, NULL);
    online.type = EVENT_WORKER_ONLINE;
    for (int run = 0; run < 3; run++) {
        ck_assert(!repeated(senders, online));
        ck_assert(!repeated(senders, event(2, "poison")));
        ck_assert(!repeated(senders, event(3, "poison")));
    }
    ck_assert(repeated(senders, event(3, "poison")));
    senders_free(senders);
}
END_TEST

START_TEST(a_worker_that_reconnects_goes_on_with_its_clock)
{
    struct senders *senders = senders_new(10);
    struct event online = event(30, NULL);
    online.type = EVENT_WORKER_ONLINE;
    ck_assert(!repeated(senders, event(20, "a")));

    ck_assert(!repeated(senders, online));

    ck_assert(repeated(senders, online));
    ck_assert(repeated(senders, event(20, "a")));
    senders_free(senders);
}
END_TEST

START_TEST(senders_without_number_take_no_more_than_their_share)
{
    struct senders *senders = senders_new(64);
    for (int i = 0; i < 100000; i++) {
        char node[32];
        snprintf(node, sizeof(node), "gen%d@h", i);
        struct event ev = event(i, "a");
        ev.hostname = str_from(node);
        ck_assert(!repeated(senders, ev));
        ck_assert(repeated(senders, ev));
    }
    senders_free(senders);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, an_exact_repeat_is_one);
    tcase_add_test(tc, what_differs_in_any_part_is_none);
    tcase_add_test(tc, without_a_clock_nothing_is_a_repeat);
    tcase_add_test(tc, a_late_batch_is_recognised_in_any_order);
    tcase_add_test(tc, the_last_1024_events_are_remembered_and_no_more);
    tcase_add_test(tc, events_in_any_order_are_recognised_by_the_last_1024);
    tcase_add_test(tc, the_longest_silent_sender_is_forgotten);
    tcase_add_test(tc, a_restarted_worker_of_the_same_pid_repeats_nothing);
    tcase_add_test(tc, a_worker_that_reconnects_goes_on_with_its_clock);
    tcase_add_test(tc, senders_without_number_take_no_more_than_their_share);
}
