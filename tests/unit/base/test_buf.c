#include "base/buf.h"

#include <stdlib.h>

#include "../suite.h"

const char suite_name[] = "buf";

START_TEST(bytes_past_the_ceiling_fail_and_stay_failed)
{
    struct buf b;
    buf_init(&b, 4);

    buf_add_str(&b, STR("abc"));
    ck_assert(buf_ok(&b));
    buf_add_str(&b, STR("de"));
    ck_assert(!buf_ok(&b));
    buf_add_byte(&b, 'd');

    ck_assert(str_eq(buf_str(&b), STR("abc")));
    ck_assert(!buf_ok(&b));
    buf_clear(&b);
    ck_assert(buf_ok(&b));
    buf_close(&b);
}
END_TEST

START_TEST(integers_are_written_in_decimal)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {99, "99"},
        {100, "100"},
        {12345, "12345"},
        {UINT64_MAX, "18446744073709551615"},
    };
    const char *want = cases[_i].text;
    struct buf b;
    buf_init(&b, 0);

    buf_add_u64(&b, cases[_i].value);

    ck_assert(str_eq(buf_str(&b), str_from(want)));
    buf_close(&b);
}
END_TEST

START_TEST(the_smallest_integer_is_written_too)
{
    struct buf b;
    buf_init(&b, 0);

    buf_add_i64(&b, INT64_MIN);

    ck_assert(str_eq(buf_str(&b), STR("-9223372036854775808")));
    buf_close(&b);
}
END_TEST

START_TEST(taken_bytes_leave_an_empty_buffer)
{
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "%s-%d", "x", 7);

    size_t len;
    char *bytes = buf_take(&b, &len);

    ck_assert_uint_eq(len, 3);
    ck_assert_mem_eq(bytes, "x-7", 3);
    ck_assert_uint_eq(buf_str(&b).len, 0);
    free(bytes);
    buf_close(&b);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, bytes_past_the_ceiling_fail_and_stay_failed);
    tcase_add_loop_test(tc, integers_are_written_in_decimal, 0, 7);
    tcase_add_test(tc, the_smallest_integer_is_written_too);
    tcase_add_test(tc, taken_bytes_leave_an_empty_buffer);
}
