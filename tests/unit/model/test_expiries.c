#include "model/expiries.h"

#include "../suite.h"

const char suite_name[] = "expiries";

enum { TASKS = 1000 };

/* The mark of each task that waits now; 0 = it does not. */
static uint32_t waiting[TASKS];
static struct expiries expiries;

static bool
waits(void *ctx, const struct expiry *expiry)
{
    (void)ctx;
    return waiting[expiry->task] == expiry->mark;
}

static void
open_with(size_t max)
{
    for (size_t i = 0; i < TASKS; i++)
        waiting[i] = 0;
    expiries_init(&expiries, max, waits, NULL);
}

static void
add(uint32_t at_s, uint32_t task, uint32_t mark)
{
    waiting[task] = mark;
    expiries_add(&expiries, &(struct expiry){at_s, task, mark});
}

START_TEST(they_come_in_order_and_not_before_their_time)
{
    struct expiry out;
    open_with(TASKS);
    for (uint32_t i = 0; i < 500; i++)
        add(1000 + i * 7919 % 500, i, 1);

    ck_assert(!expiries_take(&expiries, 999.9, &out));
    for (uint32_t i = 0; i < 500; i++) {
        ck_assert(expiries_take(&expiries, 1000 + i, &out));
        ck_assert_uint_eq(out.at_s, 1000 + i);
        ck_assert(!expiries_take(&expiries, 1000 + i, &out));
    }
    expiries_close(&expiries);
}
END_TEST

/* Most tasks start long before they expire. */
START_TEST(those_that_wait_no_more_take_no_room)
{
    open_with(TASKS);
    for (uint32_t i = 0; i < 1000000; i++) {
        add(5000 + i % 777, i % 100, i + 1);
        if (i % 100 >= 10)
            waiting[i % 100] = 0;
    }

    ck_assert_uint_le(expiries.cap, 1000);
    uint32_t n = 0;
    struct expiry out;
    while (expiries_take(&expiries, 1e9, &out))
        n += waits(NULL, &out);
    ck_assert_uint_eq(n, 10);
    expiries_close(&expiries);
}
END_TEST

/* The same sending again and again. */
START_TEST(one_past_the_limit_is_left_out)
{
    open_with(64);
    for (uint32_t i = 0; i < 100000; i++)
        add(5000, 7, 1);
    ck_assert_uint_eq(expiries.cap, 64);

    waiting[7] = 0;
    for (uint32_t i = 0; i < 64; i++)
        add(6000, 100 + i, 1);

    uint32_t n = 0;
    struct expiry out;
    while (expiries_take(&expiries, 1e9, &out))
        n += out.at_s == 6000;
    ck_assert_uint_ge(n, 40);
    expiries_close(&expiries);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, they_come_in_order_and_not_before_their_time);
    tcase_add_test(tc, those_that_wait_no_more_take_no_room);
    tcase_add_test(tc, one_past_the_limit_is_left_out);
}
