#include "model/oldest.h"

#include <stdlib.h>

#include "../suite.h"
#include "base/str.h"

const char suite_name[] = "oldest";

static struct oldest *oldest;

static void
open_oldest(void)
{
    oldest = oldest_new((struct hash_key){.seed = 5});
}

static void
close_oldest(void)
{
    oldest_free(oldest);
}

START_TEST(nothing_waits_at_first)
{
    ck_assert_uint_eq(oldest_of(oldest, 0), OLDEST_NONE);
    ck_assert_uint_eq(oldest_of(oldest, 4000000), OLDEST_NONE);
    oldest_settle(oldest);
    ck_assert_uint_eq(oldest_n(oldest), 0);
}
END_TEST

START_TEST(the_smallest_second_of_each_queue_counts)
{
    oldest_add(oldest, 1, 20);
    oldest_add(oldest, 2, 5);
    oldest_add(oldest, 1, 10);
    oldest_add(oldest, 1, 30);

    ck_assert_uint_eq(oldest_of(oldest, 1), 10);
    ck_assert_uint_eq(oldest_of(oldest, 2), 5);
    ck_assert_uint_eq(oldest_of(oldest, 3), OLDEST_NONE);
}
END_TEST

START_TEST(a_second_stays_until_the_last_of_it_has_gone)
{
    oldest_add(oldest, 1, 10);
    oldest_add(oldest, 1, 10);
    oldest_add(oldest, 1, 11);

    oldest_remove(oldest, 1, 10);
    oldest_settle(oldest);
    ck_assert_uint_eq(oldest_of(oldest, 1), 10);
    oldest_remove(oldest, 1, 10);
    oldest_settle(oldest);
    ck_assert_uint_eq(oldest_of(oldest, 1), 11);
    oldest_remove(oldest, 1, 11);

    ck_assert_uint_eq(oldest_of(oldest, 1), OLDEST_NONE);
    ck_assert_uint_eq(oldest_n(oldest), 0);
}
END_TEST

START_TEST(one_that_is_older_than_what_went_is_the_oldest_at_once)
{
    oldest_add(oldest, 1, 10);
    oldest_add(oldest, 1, 20);
    oldest_remove(oldest, 1, 10);
    oldest_add(oldest, 1, 9);

    ck_assert_uint_eq(oldest_of(oldest, 1), 9);
    oldest_settle(oldest);
    ck_assert_uint_eq(oldest_of(oldest, 1), 9);
}
END_TEST

/* Against a plain table of counts. */
START_TEST(random_use_gives_what_counting_gives)
{
    enum { STEPS = 200000, QUEUES = 7, SECONDS = 300 };
    static unsigned counts[QUEUES][SECONDS];
    uint64_t random = 11;
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const uint32_t queue = (uint32_t)(random >> 33) % QUEUES;
        const uint32_t second = (uint32_t)(random >> 45) % SECONDS;
        /* Phases of growth and of decline. */
        const unsigned chance = step / 5000 % 2 == 0 ? 12 : 4;
        if (random >> 60 < chance) {
            oldest_add(oldest, queue, second);
            counts[queue][second]++;
        } else if (counts[queue][second] > 0) {
            oldest_remove(oldest, queue, second);
            counts[queue][second]--;
        }
        if (step % 97 != 0)
            continue;
        oldest_settle(oldest);
        size_t n = 0;
        for (uint32_t q = 0; q < QUEUES; q++) {
            uint32_t first = OLDEST_NONE;
            for (uint32_t s = SECONDS; s-- > 0;)
                if (counts[q][s] > 0) {
                    first = s;
                    n++;
                }
            ck_assert_uint_eq(oldest_of(oldest, q), first);
        }
        ck_assert_uint_eq(oldest_n(oldest), n);
    }
}
END_TEST

START_TEST(many_seconds_come_and_go)
{
    enum { MANY = 300000 };
    for (uint32_t i = 0; i < MANY; i++)
        oldest_add(oldest, i % 2000, i * 7);
    for (uint32_t i = 0; i < MANY; i++) {
        oldest_remove(oldest, i % 2000, i * 7);
        if (i % 10000 == 0)
            oldest_settle(oldest);
    }
    ck_assert_uint_eq(oldest_n(oldest), 0);
    for (int i = 0; i < 20; i++)
        oldest_settle(oldest);
    oldest_add(oldest, 1999, 3);
    ck_assert_uint_eq(oldest_of(oldest, 1999), 3);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_oldest, close_oldest);
    tcase_add_test(tc, nothing_waits_at_first);
    tcase_add_test(tc, the_smallest_second_of_each_queue_counts);
    tcase_add_test(tc, a_second_stays_until_the_last_of_it_has_gone);
    tcase_add_test(tc, one_that_is_older_than_what_went_is_the_oldest_at_once);
    tcase_add_test(tc, random_use_gives_what_counting_gives);
    tcase_add_test(tc, many_seconds_come_and_go);
}
