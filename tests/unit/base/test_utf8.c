#include "base/utf8.h"

#include "../suite.h"

const char suite_name[] = "utf8";

#define FFFD "\xef\xbf\xbd"

static const struct {
    struct str text;
    struct str repaired;
} cases[] = {
    {STR_INIT(""), STR_INIT("")},
    {STR_INIT("plain ascii, longer than a word"),
     STR_INIT("plain ascii, longer than a word")},
    {STR_INIT("\xc3\xa9\xe2\x98\x83\xf0\x9f\x92\xa5"),
     STR_INIT("\xc3\xa9\xe2\x98\x83\xf0\x9f\x92\xa5")},
    {STR_INIT("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"),
     STR_INIT("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80")},
    {STR_INIT("\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
     STR_INIT("\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
    {STR_INIT("\x80"), STR_INIT(FFFD)},
    {STR_INIT("a\xff"
              "b\xfe"),
     STR_INIT("a" FFFD "b" FFFD)},
    /* overlong */
    {STR_INIT("\xc0\xaf"), STR_INIT(FFFD FFFD)},
    {STR_INIT("\xe0\x9f\xbf"), STR_INIT(FFFD FFFD FFFD)},
    {STR_INIT("\xf0\x8f\xbf\xbf"), STR_INIT(FFFD FFFD FFFD FFFD)},
    /* a surrogate, and what is past the last character */
    {STR_INIT("\xed\xa0\x80"), STR_INIT(FFFD FFFD FFFD)},
    {STR_INIT("\xf4\x90\x80\x80"), STR_INIT(FFFD FFFD FFFD FFFD)},
    {STR_INIT("\xf5\x80"), STR_INIT(FFFD FFFD)},
    /* cut off: one for the bytes that could have become a character */
    {STR_INIT("\xc3"), STR_INIT(FFFD)},
    {STR_INIT("\xe2\x98"), STR_INIT(FFFD)},
    {STR_INIT("\xf0\x9f\x92"), STR_INIT(FFFD)},
    {STR_INIT("\xf0\x9f\x92"
              "a\xe2\x98\xc3\xa9"),
     STR_INIT(FFFD "a" FFFD "\xc3\xa9")},
    /* Unicode, table 3-8 */
    {STR_INIT("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"),
     STR_INIT("a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d")},
};

START_TEST(each_maximal_subpart_becomes_one_replacement)
{
    struct buf out;
    buf_init(&out, 0);

    utf8_repair(&out, cases[_i].text);

    ck_assert(str_eq(buf_str(&out), cases[_i].repaired));
    ck_assert(utf8_valid(buf_str(&out)));
    ck_assert_int_eq(utf8_valid(cases[_i].text),
                     str_eq(cases[_i].text, cases[_i].repaired));
    buf_close(&out);
}
END_TEST

/* The definition, byte by byte, for all texts of three bytes. */
START_TEST(three_bytes_are_valid_exactly_as_unicode_says)
{
    size_t nvalid = 0;
    for (unsigned code = 0; code < 0x1000000; code++) {
        const char bytes[3] = {(char)(code >> 16), (char)(code >> 8),
                               (char)code};
        nvalid += utf8_valid((struct str){bytes, 3});
    }

    /* one of three bytes, two of which one has two bytes, three of one */
    const size_t one = 128;
    const size_t two = 0x800 - 0x80;
    const size_t three = 0x10000 - 0x800 - 0x800;
    ck_assert_uint_eq(nvalid, three + 2 * one * two + one * one * one);
}
END_TEST

START_TEST(the_valid_prefix_ends_before_the_broken_sequence)
{
    ck_assert_uint_eq(utf8_valid_prefix(STR("0123456789abcdef\xff")), 16);
    ck_assert_uint_eq(utf8_valid_prefix(STR("\xc3\xa9\xe2\x98")), 2);
    ck_assert_uint_eq(utf8_valid_prefix((struct str){0}), 0);
}
END_TEST

START_TEST(a_cut_does_not_part_a_character)
{
    const struct str text = STR("a\xc3\xa9\xe2\x98\x83\xf0\x9f\x92\xa5");
    static const size_t lens[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

    ck_assert_uint_eq(utf8_cut(text, (size_t)_i).len, lens[_i]);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, each_maximal_subpart_becomes_one_replacement, 0,
                        COUNT_OF(cases));
    tcase_add_test(tc, three_bytes_are_valid_exactly_as_unicode_says);
    tcase_add_test(tc, the_valid_prefix_ends_before_the_broken_sequence);
    tcase_add_loop_test(tc, a_cut_does_not_part_a_character, 0, 12);
}
