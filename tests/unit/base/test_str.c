#include "base/str.h"

#include <stdlib.h>

#include "../suite.h"

const char suite_name[] = "str";

START_TEST(split_gives_every_part_also_empty_ones)
{
    struct str rest = STR("a,,b");
    struct str part;

    ck_assert(str_split(&rest, ',', &part));
    ck_assert(str_eq(part, STR("a")));
    ck_assert(str_split(&rest, ',', &part));
    ck_assert_uint_eq(part.len, 0);
    ck_assert(str_split(&rest, ',', &part));
    ck_assert(str_eq(part, STR("b")));
    ck_assert(!str_split(&rest, ',', &part));
}
END_TEST

START_TEST(slice_past_the_end_is_cut)
{
    ck_assert(str_eq(str_slice(STR("abc"), 1, 99), STR("bc")));
    ck_assert_uint_eq(str_slice(STR("abc"), 5, 99).len, 0);
    ck_assert_uint_eq(str_slice(STR("abc"), 2, 1).len, 0);
}
END_TEST

START_TEST(order_is_by_bytes_and_prefixes_come_first)
{
    ck_assert_int_lt(str_cmp(STR("a"), STR("ab")), 0);
    ck_assert_int_gt(str_cmp(STR("\xff"), STR("a")), 0);
    ck_assert_int_eq(str_cmp(STR("a"), STR("a")), 0);
}
END_TEST

START_TEST(trim_takes_blanks_at_both_ends)
{
    ck_assert(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
    ck_assert_uint_eq(str_trim(STR("  ")).len, 0);
}
END_TEST

START_TEST(case_is_folded_for_ascii_only)
{
    ck_assert(str_eq_nocase(STR("Accept"), STR("aCCEPT")));
    ck_assert(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
}
END_TEST

START_TEST(null_is_the_empty_slice)
{
    ck_assert_uint_eq(str_from(NULL).len, 0);
    ck_assert(str_eq(str_from(NULL), STR("")));
    ck_assert_uint_eq(str_find(str_from(NULL), 'x'), 0);
    char *copy = str_dup(str_from(NULL));
    ck_assert_str_eq(copy, "");
    free(copy);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, split_gives_every_part_also_empty_ones);
    tcase_add_test(tc, slice_past_the_end_is_cut);
    tcase_add_test(tc, order_is_by_bytes_and_prefixes_come_first);
    tcase_add_test(tc, trim_takes_blanks_at_both_ends);
    tcase_add_test(tc, case_is_folded_for_ascii_only);
    tcase_add_test(tc, null_is_the_empty_slice);
}
