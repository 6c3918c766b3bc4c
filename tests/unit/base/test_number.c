#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "number";

static const struct {
    double value;
    const char *text;
    const char *bound;
} doubles[] = {
    {0, "0", "0.0"},
    {-0.0, "-0", "-0.0"},
    {1, "1", "1.0"},
    {-1, "-1", "-1.0"},
    {10, "10", "10.0"},
    {1800, "1800", "1800.0"},
    {100000, "100000", "100000.0"},
    {999999, "999999", "999999.0"},
    {1000000, "1000000", "1e+06"},
    {1234567, "1234567", "1.234567e+06"},
    {9007199254740991, "9007199254740991", "9.007199254740991e+15"},
    {9007199254740992, "9.007199254740992e+15", "9.007199254740992e+15"},
    {1e16, "1e+16", "1e+16"},
    {1e100, "1e+100", "1e+100"},
    {0.001, "0.001", "0.001"},
    {0.005, "0.005", "0.005"},
    {0.1, "0.1", "0.1"},
    {0.25, "0.25", "0.25"},
    {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
    {2.5, "2.5", "2.5"},
    {0.95, "0.95", "0.95"},
    {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
    {0.0001, "0.0001", "0.0001"},
    {0.00001, "1e-05", "1e-05"},
    {1e-7, "1e-07", "1e-07"},
    {1e-9, "1e-09", "1e-09"},
    {1.5e-9, "1.5e-09", "1.5e-09"},
    {1e-10, "1e-10", "1e-10"},
    {0.001197887999978775, "0.001197887999978775", "0.001197887999978775"},
    {123456.7, "123456.7", "123456.7"},
    {1234567.5, "1.2345675e+06", "1.2345675e+06"},
    {-1234567.5, "-1.2345675e+06", "-1.2345675e+06"},
    {1795340934.76572, "1.79534093476572e+09", "1.79534093476572e+09"},
    {1e23, "1e+23", "1e+23"},
    {DBL_MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308", "2.2250738585072014e-308"},
    {5e-324, "5e-324", "5e-324"},
    {INFINITY, "+Inf", "+Inf"},
    {-INFINITY, "-Inf", "-Inf"},
    {NAN, "NaN", "NaN"},
};

START_TEST(doubles_are_written_as_go_writes_them)
{
    struct buf text;
    struct buf bound;
    buf_init(&text, 0);
    buf_init(&bound, 0);

    number_add_double(&text, doubles[_i].value);
    number_add_bound(&bound, doubles[_i].value);

    ck_assert_msg(str_eq(buf_str(&text), str_from(doubles[_i].text)),
                  "%s: %.*s", doubles[_i].text, STR_FMT(buf_str(&text)));
    ck_assert_msg(str_eq(buf_str(&bound), str_from(doubles[_i].bound)),
                  "%s: %.*s", doubles[_i].bound, STR_FMT(buf_str(&bound)));
    buf_close(&bound);
    buf_close(&text);
}
END_TEST

/* A generator of our own, so that a failure comes back. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
check_round_trip(double value)
{
    struct buf out;
    buf_init(&out, 0);
    number_add_double(&out, value);
    double back = 0;
    ck_assert(number_parse_double(buf_str(&out), &back));
    buf_add_byte(&out, '\0');
    ck_assert_msg(memcmp(&back, &value, sizeof(back)) == 0, "%a: %s", value,
                  out.ptr);
    ck_assert_msg(strtod(out.ptr, NULL) == value, "%a: %s", value, out.ptr);
    buf_close(&out);
}

START_TEST(every_double_written_reads_back_the_same)
{
    uint64_t state = 88172645463325252;
    for (int i = 0; i < rounds(100000); i++) {
        const uint64_t bits = next_random(&state);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
            check_round_trip(value);
        check_round_trip((double)(bits >> 20) / 1e6);
        check_round_trip((double)(bits >> 40) / 1e3);
    }
}
END_TEST

START_TEST(decimals_are_read_as_strtod_reads_them)
{
    uint64_t state = 2463534242;
    for (int i = 0; i < rounds(200000); i++) {
        char text[64];
        const uint64_t digits = next_random(&state) >> (i % 50);
        const int point = (int)(next_random(&state) % 22);
        snprintf(text, sizeof(text), "%llue-%d", (unsigned long long)digits,
                 point);

        double value = 0;
        ck_assert(number_parse_double(str_from(text), &value));

        ck_assert_msg(value == strtod(text, NULL), "%s", text);
    }
}
END_TEST

static const struct {
    const char *text;
    double value;
} numbers[] = {
    {"0", 0},
    {"-0", -0.0},
    {"+1.5", 1.5},
    {".5", 0.5},
    {"5.", 5},
    {"1e3", 1000},
    {"1E+3", 1000},
    {"1e-3", 0.001},
    {"-2.5e-1", -0.25},
    {"0000000000000000000000000000001", 1},
    {"0.00000000000000000000000000001", 1e-29},
    {"1.00000000000000000000000000001", 1},
    {"123456789012345678901234567890", 123456789012345678901234567890.0},
    {"1795341226.4573927", 1795341226.4573927},
    {"18446744073709551615", 18446744073709551615.0},
    {"1e999", INFINITY},
    {"-1e999", -INFINITY},
    {"1e-999", 0},
    {"0e999999999999999999999999999", 0},
    {"1e99999999999999999999999999", INFINITY},
    {"inf", INFINITY},
    {"+Inf", INFINITY},
    {"-INF", -INFINITY},
    {"9007199254740993", 9007199254740992.0}, /* half way, to even */
    {"9007199254740993.0000000000000001", 9007199254740994.0},
};

START_TEST(decimal_texts_are_read)
{
    double value = 42;

    ck_assert(number_parse_double(str_from(numbers[_i].text), &value));

    ck_assert_double_eq(value, numbers[_i].value);
    ck_assert_int_eq(signbit(value), signbit(numbers[_i].value));
}
END_TEST

START_TEST(nan_is_read_in_any_case)
{
    double value = 42;

    ck_assert(number_parse_double(STR("NaN"), &value));

    ck_assert(isnan(value));
}
END_TEST

static const char *const no_numbers[] = {
    "",    " ",   "1 ",    " 1",    "-",   "+",    ".",
    "e1",  "1e",  "1e+",   "1.e",   "--1", "0x10", "infinity",
    "1_0", "1,5", "1.2.3", "1e1.5", "na",  "1e5x", "\xd9\xa1",
};

START_TEST(other_texts_are_no_numbers)
{
    double value;
    int64_t integer;

    ck_assert(!number_parse_double(str_from(no_numbers[_i]), &value));
    ck_assert(!number_parse_int(str_from(no_numbers[_i]), &integer));
}
END_TEST

START_TEST(more_than_64_bytes_are_not_read)
{
    char text[65];
    memset(text, '1', sizeof(text));
    double value;

    ck_assert(number_parse_double((struct str){text, 64}, &value));
    ck_assert(!number_parse_double((struct str){text, 65}, &value));
}
END_TEST

START_TEST(integers_are_read_up_to_64_bits)
{
    int64_t value = 0;

    ck_assert(number_parse_int(STR("9223372036854775807"), &value));
    ck_assert_int_eq(value, INT64_MAX);
    ck_assert(number_parse_int(STR("-9223372036854775808"), &value));
    ck_assert_int_eq(value, INT64_MIN);
    ck_assert(number_parse_int(STR("+0042"), &value));
    ck_assert_int_eq(value, 42);
    ck_assert(!number_parse_int(STR("9223372036854775808"), &value));
    ck_assert(!number_parse_int(STR("-9223372036854775809"), &value));
    ck_assert(!number_parse_int(STR("92233720368547758070"), &value));
    ck_assert(!number_parse_int(STR("1.0"), &value));
    ck_assert(!number_parse_int((struct str){0}, &value));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, doubles_are_written_as_go_writes_them, 0,
                        COUNT_OF(doubles));
    tcase_add_test(tc, every_double_written_reads_back_the_same);
    tcase_add_test(tc, decimals_are_read_as_strtod_reads_them);
    tcase_add_loop_test(tc, decimal_texts_are_read, 0, COUNT_OF(numbers));
    tcase_add_test(tc, nan_is_read_in_any_case);
    tcase_add_loop_test(tc, other_texts_are_no_numbers, 0,
                        COUNT_OF(no_numbers));
    tcase_add_test(tc, more_than_64_bytes_are_not_read);
    tcase_add_test(tc, integers_are_read_up_to_64_bits);
}
