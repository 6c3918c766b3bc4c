#include "model/values.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/utf8.h"

#include "../suite.h"

const char suite_name[] = "values";

static const struct hash_key key = {.seed = 3};

#define ASSERT_TEXT(values, id, want)                                   \
    do {                                                                \
        const struct str text_ = values_text(values, id);               \
        ck_assert_msg(str_eq(text_, str_from(want)), "%.*s and not %s", \
                      STR_FMT(text_), want);                            \
    } while (0)

START_TEST(a_value_keeps_its_number)
{
    struct values *values = values_new(key, 10, 256);

    const uint32_t a = values_id(values, STR("a"));
    const uint32_t b = values_id(values, STR("b"));

    ck_assert_uint_ne(a, b);
    ck_assert_uint_ne(a, VALUES_OTHER);
    ck_assert_uint_eq(values_id(values, STR("a")), a);
    ck_assert_uint_eq(values_n(values), 2);
    ASSERT_TEXT(values, a, "a");
    values_free(values);
}
END_TEST

static const struct {
    const char *raw;
    const char *text;
} escapes[] = {
    {"plain", "plain"},
    {"", ""},
    {"t\xc3\xa2"
     "che.\xe2\x98\x83",
     "t\xc3\xa2"
     "che.\xe2\x98\x83"},
    {"q\"uote", "q\\\"uote"},
    {"back\\slash", "back\\\\slash"},
    {"\\", "\\\\"},
    {"\"", "\\\""},
    {"new\nline", "new\\nline"},
    {"x\"} 1\n# TYPE y counter\n", "x\\\"} 1\\n# TYPE y counter\\n"},
    /* What reaches a terminal must not move its cursor. */
    {"\x1b[2J", "\xef\xbf\xbd[2J"},
    {"\r\t\x7f", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    /* Broken UTF-8, one mark for each maximal subpart. */
    {"a\xff"
     "b",
     "a\xef\xbf\xbd"
     "b"},
    {"a\xf0\x9f\x98", "a\xef\xbf\xbd"},
    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
};

START_TEST(text_is_fit_for_a_page)
{
    struct values *values = values_new(key, 10, 256);

    const uint32_t id = values_id(values, str_from(escapes[_i].raw));

    ASSERT_TEXT(values, id, escapes[_i].text);
    values_free(values);
}
END_TEST

START_TEST(nul_bytes_are_replaced)
{
    struct values *values = values_new(key, 10, 256);

    const uint32_t id = values_id(values, STR("a\0b"));

    ASSERT_TEXT(values, id,
                "a\xef\xbf\xbd"
                "b");
    values_free(values);
}
END_TEST

/* Two numbers for one text would be one series twice, and a scraper refuses
 * the page. */
START_TEST(values_that_look_alike_are_one)
{
    struct values *values = values_new(key, 10, 32);

    const uint32_t id = values_id(values, STR("a\x01"
                                              "b"));

    ck_assert_uint_eq(values_id(values, STR("a\x02"
                                            "b")),
                      id);
    ck_assert_uint_eq(values_id(values, STR("a\xff"
                                            "b")),
                      id);
    ck_assert_uint_eq(values_id(values, STR("a\xef\xbf\xbd"
                                            "b")),
                      id);
    ck_assert_uint_eq(values_n(values), 1);

    const uint32_t cut =
        values_id(values, STR("0123456789012345678901234567890123456789"));
    const struct str text = values_text(values, cut);
    ck_assert_uint_eq(text.len, 32);
    ck_assert_uint_eq(values_id(values, text), cut);
    ck_assert_uint_eq(values_n(values), 2);
    values_free(values);
}
END_TEST

START_TEST(other_is_the_overflow_whoever_says_it)
{
    struct values *values = values_new(key, 10, 256);

    ck_assert_uint_eq(values_id(values, STR("__other__")), VALUES_OTHER);
    ASSERT_TEXT(values, VALUES_OTHER, "__other__");
    ck_assert_uint_eq(values_n(values), 0);
    ck_assert_uint_eq(values_noverflows(values), 0);
    values_free(values);
}
END_TEST

START_TEST(past_the_cap_new_values_are_other_and_counted)
{
    struct values *values = values_new(key, 2, 256);
    const uint32_t a = values_id(values, STR("a"));
    values_id(values, STR("b"));

    for (int i = 0; i < 1000; i++) {
        char raw[16];
        snprintf(raw, sizeof(raw), "new%d", i);
        ck_assert_uint_eq(values_id(values, str_from(raw)), VALUES_OTHER);
    }

    ck_assert_uint_eq(values_n(values), 2);
    ck_assert_uint_eq(values_max(values), 2);
    ck_assert_uint_eq(values_noverflows(values), 1000);
    ck_assert_uint_eq(values_id(values, STR("a")), a);
    values_free(values);
}
END_TEST

START_TEST(a_dropped_value_makes_room_and_its_number_is_used_again)
{
    struct values *values = values_new(key, 2, 256);
    const uint32_t a = values_id(values, STR("a"));
    const uint32_t b = values_id(values, STR("b"));

    values_drop(values, a);
    const uint32_t c = values_id(values, STR("c"));

    ck_assert_uint_eq(c, a);
    ASSERT_TEXT(values, c, "c");
    ck_assert_uint_eq(values_id(values, STR("b")), b);
    ck_assert_uint_eq(values_id(values, STR("a")), VALUES_OTHER);
    values_free(values);
}
END_TEST

START_TEST(dropping_twice_does_nothing)
{
    struct values *values = values_new(key, 5, 256);
    const uint32_t a = values_id(values, STR("a"));

    values_drop(values, a);
    values_drop(values, a);

    ck_assert_uint_eq(values_n(values), 0);
    ck_assert_uint_ne(values_id(values, STR("x")), values_id(values, STR("y")));
    values_free(values);
}
END_TEST

START_TEST(pinned_values_stay)
{
    struct values *values = values_new(key, 5, 256);
    const uint32_t a = values_id(values, STR("a"));

    values_pin(values, a);
    values_drop(values, a);
    values_drop(values, VALUES_OTHER);

    ck_assert(values_is_pinned(values, a));
    ck_assert(values_is_pinned(values, VALUES_OTHER));
    ck_assert_uint_eq(values_id(values, STR("a")), a);
    ASSERT_TEXT(values, VALUES_OTHER, "__other__");
    values_free(values);
}
END_TEST

START_TEST(long_values_are_cut_at_a_character_and_stay_apart)
{
    struct values *values = values_new(key, 10, 32);
    char raw[4096];
    memset(raw, 'x', sizeof(raw));
    memcpy(raw + 20, "\xe2\x98\x83\xe2\x98\x83", 6);

    const uint32_t first = values_id(values, (struct str){raw, 4000});
    const uint32_t second = values_id(values, (struct str){raw, 4001});
    const uint32_t third = values_id(values, (struct str){raw, 33});

    ck_assert_uint_ne(first, second);
    ck_assert_uint_ne(first, third);
    const struct str text = values_text(values, first);
    ck_assert_uint_le(text.len, 32);
    ck_assert(utf8_valid(text));
    ck_assert(str_starts(text, STR("xxxxxxxxxxxxxxxxxxxx\xe2\x98\x83~")));
    values_free(values);
}
END_TEST

START_TEST(a_value_of_just_the_length_is_not_cut)
{
    struct values *values = values_new(key, 10, 32);
    const struct str raw = STR("01234567890123456789012345678901");

    ck_assert(str_eq(values_text(values, values_id(values, raw)), raw));
    values_free(values);
}
END_TEST

/* Controls and broken bytes treble when they are replaced. */
START_TEST(replacement_does_not_outgrow_the_cap)
{
    struct values *values = values_new(key, 10, 32);
    char raw[64];
    for (int byte = 1; byte < 256; byte += 254) {
        memset(raw, byte, sizeof(raw));
        for (size_t len = 8; len <= sizeof(raw); len++) {
            const uint32_t id = values_id(values, (struct str){raw, len});
            ck_assert_uint_le(values_text(values, id).len, 32);
            ck_assert(utf8_valid(values_text(values, id)));
        }
    }
    values_free(values);
}
END_TEST

START_TEST(the_mark_of_a_cut_does_not_depend_on_the_key)
{
    struct values *one = values_new((struct hash_key){1}, 10, 32);
    struct values *two = values_new((struct hash_key){2}, 10, 32);
    const struct str raw = STR("0123456789012345678901234567890123456789");

    ck_assert(str_eq(values_text(one, values_id(one, raw)),
                     values_text(two, values_id(two, raw))));
    values_free(one);
    values_free(two);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, a_value_keeps_its_number);
    tcase_add_loop_test(tc, text_is_fit_for_a_page, 0, COUNT_OF(escapes));
    tcase_add_test(tc, nul_bytes_are_replaced);
    tcase_add_test(tc, values_that_look_alike_are_one);
    tcase_add_test(tc, other_is_the_overflow_whoever_says_it);
    tcase_add_test(tc, past_the_cap_new_values_are_other_and_counted);
    tcase_add_test(tc, a_dropped_value_makes_room_and_its_number_is_used_again);
    tcase_add_test(tc, dropping_twice_does_nothing);
    tcase_add_test(tc, pinned_values_stay);
    tcase_add_test(tc, long_values_are_cut_at_a_character_and_stay_apart);
    tcase_add_test(tc, a_value_of_just_the_length_is_not_cut);
    tcase_add_test(tc, replacement_does_not_outgrow_the_cap);
    tcase_add_test(tc, the_mark_of_a_cut_does_not_depend_on_the_key);
}
