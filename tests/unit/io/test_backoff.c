#include "io/backoff.h"

#include "../suite.h"
#include "base/attr.h"

const char suite_name[] = "backoff";

static const int64_t ceilings[] = {0,    100,  200,   400,   800,  1600,
                                   3200, 6400, 10000, 10000, 10000};

START_TEST(first_attempt_is_immediate_and_the_ceiling_doubles_to_10_s)
{
    struct backoff backoff = {0};

    for (size_t i = 0; i < COUNT_OF(ceilings); i++) {
        struct backoff low = backoff;
        struct backoff high = backoff;
        ck_assert_int_eq(backoff_next(&low, 0), 0);
        /* the last number before the remainder is 0 again */
        ck_assert_int_eq(backoff_next(&high, (uint64_t)ceilings[i] * 7 + 7 +
                                                 (uint64_t)ceilings[i]),
                         ceilings[i]);
        backoff_next(&backoff, 0);
    }
}
END_TEST

START_TEST(any_random_number_gives_a_delay_in_range)
{
    struct backoff backoff = {.nattempts = 3};
    ck_assert_int_le(backoff_next(&backoff, UINT64_MAX), 400);
    ck_assert_int_ge(backoff_next(&backoff, UINT64_MAX), 0);
    backoff.nattempts = UINT32_MAX;
    ck_assert_int_le(backoff_next(&backoff, UINT64_MAX), 10000);
    ck_assert_uint_eq(backoff.nattempts, UINT32_MAX);
}
END_TEST

START_TEST(series_starts_anew_only_after_10_s_of_connection)
{
    struct backoff backoff = {.nattempts = 5};

    backoff_held(&backoff, 9999);
    ck_assert_uint_eq(backoff.nattempts, 5);
    backoff_held(&backoff, 10000);

    ck_assert_int_eq(backoff_next(&backoff, 99), 0);
    ck_assert_int_eq(backoff_next(&backoff, 99), 99);
}
END_TEST

START_TEST(a_lower_most_holds_from_the_first_attempt_on)
{
    struct backoff backoff = {.most_ms = BACKOFF_SENTINEL_MS};
    static const int64_t wanted[] = {0, 100, 200, 400, 800, 1600, 2000, 2000};

    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        ck_assert_int_eq(backoff_next(&backoff, (uint64_t)wanted[i]),
                         wanted[i]);
}
END_TEST

START_TEST(refused_credentials_wait_a_minute)
{
    struct backoff backoff = {0};
    ck_assert_int_eq(backoff_refused(&backoff, 0), 60000);
    ck_assert_int_eq(backoff_refused(&backoff, 0), 60000);
    ck_assert_int_eq(backoff_next(&backoff, 200), 200);
}
END_TEST

START_TEST(fixed_interval_replaces_the_series_but_not_the_first_attempt)
{
    struct backoff backoff = {.fixed_ms = 5000};
    ck_assert_int_eq(backoff_next(&backoff, 1), 0);
    ck_assert_int_eq(backoff_next(&backoff, 1), 5000);
    ck_assert_int_eq(backoff_refused(&backoff, 1), 5000);
    backoff_held(&backoff, 3600 * 1000);
    ck_assert_int_eq(backoff_next(&backoff, 1), 5000);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc,
                   first_attempt_is_immediate_and_the_ceiling_doubles_to_10_s);
    tcase_add_test(tc, any_random_number_gives_a_delay_in_range);
    tcase_add_test(tc, series_starts_anew_only_after_10_s_of_connection);
    tcase_add_test(tc, a_lower_most_holds_from_the_first_attempt_on);
    tcase_add_test(tc, refused_credentials_wait_a_minute);
    tcase_add_test(
        tc, fixed_interval_replaces_the_series_but_not_the_first_attempt);
}
