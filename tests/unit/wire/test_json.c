#include "wire/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "json";

static const char *const accepted[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1.5e+10",
    "1E5",
    "NaN",
    "Infinity",
    "-Infinity",
    "1180591620717411303424",
    "\"\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud800\"",
    "\"0123456789abcdef0123456789abcdef\"",
    "\"\xff\"",
    "\"\x7f\"",
    "[]",
    "{}",
    " [ 1 , [ ] , { \"a\" : { } } ] ",
    "{\"a\":1,\"a\":2}",
    "[\"]\",\"}\",\"\\\"\"]",
};

static const char *const refused[] = {
    "",        " ",         "nul",       "True",       "+1",
    "01",      "1.",        ".5",        "1e",         "1e+",
    "-",       "-NaN",      "Infinit",   "0x10",       "\"",
    "\"a",     "\"\\\"",    "\"\\x\"",   "\"\\u12",    "\"\\u12g",
    "\"\n\"",  "\"\x1f\"",  "[",         "[1",         "[1,]",
    "[,1]",    "[1 2]",     "[1}",       "{",          "{\"a\"",
    "{\"a\":", "{\"a\":1",  "{\"a\" 1}", "{\"a\":1,}", "{1:2}",
    "{a:1}",   "{,}",       "1 1",       "[]]",        "\xef\xbb\xbf[]",
    "'a'",     "{\"a\":1]",
};

/* Everything as the pull interface sees it, one level entered, the rest read
 * over. */
static bool
walk(struct str text)
{
    struct json j;
    struct json_value value;
    json_init(&j, text);
    switch (json_peek(&j)) {
    case JSON_KIND_OBJECT:
        ck_assert(json_enter_object(&j));
        while (json_next_key(&j, &value))
            json_read(&j, &value);
        break;
    case JSON_KIND_ARRAY:
        ck_assert(json_enter_array(&j));
        while (json_next_element(&j))
            json_read(&j, &value);
        break;
    case JSON_KIND_ERROR:
    case JSON_KIND_STRING:
    case JSON_KIND_NUMBER:
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
    case JSON_KIND_NULL:
        json_read(&j, &value);
        break;
    }
    return json_finished(&j);
}

START_TEST(what_python_reads_is_accepted)
{
    ck_assert_msg(walk(str_from(accepted[_i])), "%s", accepted[_i]);
}
END_TEST

START_TEST(broken_documents_are_refused)
{
    ck_assert_msg(!walk(str_from(refused[_i])), "%s", refused[_i]);
}
END_TEST

START_TEST(the_error_is_sticky)
{
    struct json j;
    struct json_value value;
    json_init(&j, STR("[1,x,2]"));

    ck_assert(json_enter_array(&j));
    ck_assert(json_next_element(&j));
    ck_assert(json_read(&j, &value));
    ck_assert(json_next_element(&j));
    ck_assert(!json_read(&j, &value));

    ck_assert_int_eq(value.kind, JSON_KIND_ERROR);
    ck_assert_int_eq(json_peek(&j), JSON_KIND_ERROR);
    ck_assert(!json_next_element(&j));
    ck_assert(!json_next_key(&j, &value));
    ck_assert(!json_enter_object(&j));
    ck_assert(!json_enter_array(&j));
    ck_assert(!json_read(&j, &value));
    ck_assert(!json_finished(&j));
}
END_TEST

START_TEST(containers_nest_and_come_back_to_the_comma)
{
    struct json j;
    struct json_value key;
    struct json_value value;
    json_init(&j, STR("{\"a\": [ {} , {\"b\":2} ], \"c\": \"d\"}"));

    ck_assert(json_enter_object(&j));
    ck_assert(json_next_key(&j, &key));
    ck_assert(json_enter_array(&j));
    ck_assert(json_next_element(&j));
    ck_assert(json_enter_object(&j));
    ck_assert(!json_next_key(&j, &key));
    ck_assert(json_next_element(&j));
    ck_assert(json_enter_object(&j));
    ck_assert(json_next_key(&j, &key));
    ck_assert(str_eq(key.raw, STR("b")));
    ck_assert(json_read(&j, &value));
    ck_assert(!json_next_key(&j, &key));
    ck_assert(!json_next_element(&j));
    ck_assert(json_next_key(&j, &key));
    ck_assert(str_eq(key.raw, STR("c")));
    ck_assert(json_read(&j, &value));
    ck_assert(str_eq(value.raw, STR("d")));
    ck_assert(!json_next_key(&j, &key));
    ck_assert(json_finished(&j));
}
END_TEST

static struct json_value
read_value(struct str text)
{
    struct json j;
    struct json_value value;
    json_init(&j, text);
    ck_assert(json_read(&j, &value));
    ck_assert(json_finished(&j));
    return value;
}

START_TEST(raw_slices_are_the_text_between_the_quotes_or_all_of_it)
{
    ck_assert(str_eq(read_value(STR(" \"a\\n\" ")).raw, STR("a\\n")));
    ck_assert(str_eq(read_value(STR(" [1, {\"a\": 2}] ")).raw,
                     STR("[1, {\"a\": 2}]")));
    ck_assert(str_eq(read_value(STR(" -1.5e3 ")).raw, STR("-1.5e3")));
}
END_TEST

/* A stop at every distance from the start and the end of a string, for the
 * scan goes in blocks. */
START_TEST(every_length_and_place_is_scanned_alike)
{
    for (size_t len = 0; len < 70; len++) {
        for (size_t at = 0; at < len; at++) {
            char *text = malloc(len + 2);
            memset(text, 'x', len + 2);
            text[0] = text[len + 1] = '"';

            ck_assert(read_value((struct str){text, len + 2}).plain);
            text[1 + at] = '\xe9';
            ck_assert(!read_value((struct str){text, len + 2}).plain);
            text[1 + at] = '\x1f';
            ck_assert(!walk((struct str){text, len + 2}));
            text[1 + at] = '"';
            ck_assert(!walk((struct str){text, len + 2}));
            text[1 + at] = '\\';
            ck_assert(!walk((struct str){text, len + 2}));
            free(text);
        }
    }
}
END_TEST

static const struct {
    struct str json;
    struct str text;
    bool plain;
} texts[] = {
    {STR_INIT("\"\""), STR_INIT(""), true},
    {STR_INIT("\"abc\""), STR_INIT("abc"), true},
    {STR_INIT("\"\xc3\xa9 and \xe2\x98\x83\""),
     STR_INIT("\xc3\xa9 and \xe2\x98\x83"), true},
    {STR_INIT("\"a\xff\xe2\x98\""), STR_INIT("a\xef\xbf\xbd\xef\xbf\xbd"),
     false},
    {STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR_INIT("\"\\/\b\f\n\r\t"),
     false},
    {STR_INIT("\"\\u00e9\\u2603\\ud83d\\udca5\\uD83D\\uDCA5\""),
     STR_INIT("\xc3\xa9\xe2\x98\x83\xf0\x9f\x92\xa5\xf0\x9f\x92\xa5"), false},
    {STR_INIT("\"\\u0000\\ud800\\udc00x\\udc00\\ud800\""),
     STR_INIT("\xef\xbf\xbd\xf0\x90\x80\x80x\xef\xbf\xbd\xef\xbf\xbd"), false},
    {STR_INIT("\"\\ud800\\u0041\\ud800\\ud800\\udc00\""),
     STR_INIT("\xef\xbf\xbd"
              "A\xef\xbf\xbd\xf0\x90\x80\x80"),
     false},
    {STR_INIT("\"\xff\\n\xc3\""), STR_INIT("\xef\xbf\xbd\n\xef\xbf\xbd"),
     false},
};

START_TEST(strings_are_decoded_to_valid_text)
{
    const struct json_value value = read_value(texts[_i].json);
    struct buf scratch;
    buf_init(&scratch, 0);
    buf_add_str(&scratch, STR("kept"));

    const struct str text = json_text(&value, &scratch);

    ck_assert(str_eq(text, texts[_i].text));
    ck_assert_int_eq(value.plain, texts[_i].plain);
    ck_assert(str_starts(buf_str(&scratch), STR("kept")));
    ck_assert_uint_eq(scratch.len, texts[_i].plain ? 4 : 4 + text.len);
    buf_close(&scratch);
}
END_TEST

START_TEST(reserved_scratch_does_not_move)
{
    const struct json_value value = read_value(texts[_i].json);
    struct buf scratch;
    buf_init(&scratch, 0);
    ck_assert(buf_reserve(&scratch, 1000));
    scratch.len = scratch.cap - JSON_TEXT_GROWTH * value.raw.len;
    memset(scratch.ptr, 'x', scratch.len);
    const char *before = scratch.ptr;

    json_text(&value, &scratch);

    ck_assert_ptr_eq(scratch.ptr, before);
    buf_close(&scratch);
}
END_TEST

START_TEST(what_is_no_string_has_no_text)
{
    struct buf scratch;
    buf_init(&scratch, 0);
    const struct json_value null = read_value(STR("null"));
    const struct json_value number = read_value(STR("12"));

    ck_assert_ptr_null(json_text(&null, &scratch).ptr);
    ck_assert_ptr_null(json_text(&number, &scratch).ptr);
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_none)
{
    struct buf scratch;
    buf_init(&scratch, 2);
    const struct json_value escaped = read_value(STR("\"\\u00e9\""));
    const struct json_value broken = read_value(STR("\"\xff\""));

    ck_assert_ptr_null(json_text(&escaped, &scratch).ptr);
    buf_clear(&scratch);
    ck_assert_ptr_null(json_text(&broken, &scratch).ptr);
    buf_close(&scratch);
}
END_TEST

START_TEST(numbers_have_values_and_nothing_else_has)
{
    const struct json_value real = read_value(STR("1795341226.4573927"));
    const struct json_value integer = read_value(STR("-42"));
    const struct json_value big = read_value(STR("9223372036854775808"));
    const struct json_value nan = read_value(STR("NaN"));
    const struct json_value most = read_value(STR("Infinity"));
    const struct json_value least = read_value(STR("-Infinity"));
    const struct json_value text = read_value(STR("\"1\""));
    char digits[65];
    memset(digits, '1', sizeof(digits));
    const struct json_value endless =
        read_value((struct str){digits, sizeof(digits)});

    ck_assert_double_eq(json_double(&real), 1795341226.4573927);
    ck_assert_double_eq(json_double(&integer), -42);
    ck_assert_double_eq(json_double(&big), 9223372036854775808.0);
    ck_assert(isnan(json_double(&nan)));
    ck_assert_double_eq(json_double(&most), (double)INFINITY);
    ck_assert_double_eq(json_double(&least), (double)-INFINITY);
    ck_assert(isnan(json_double(&text)));
    ck_assert(isnan(json_double(&endless)));
    ck_assert_int_eq(json_int(&integer, -1), -42);
    ck_assert_int_eq(json_int(&real, -1), -1);
    ck_assert_int_eq(json_int(&big, -1), -1);
    ck_assert_int_eq(json_int(&text, -1), -1);
    ck_assert_int_eq(json_int(&endless, -7), -7);
}
END_TEST

START_TEST(brackets_pair_up_to_the_depth_that_is_remembered)
{
    char text[2 * 200 + 1];
    for (size_t depth = 1; depth <= 200; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        const struct str nested = {text, 2 * depth};

        ck_assert(read_value(nested).kind == JSON_KIND_ARRAY);
        ck_assert(!walk((struct str){text, 2 * depth - 1}));
        if (depth < JSON_MAX_DEPTH) {
            text[depth] = '}'; /* the innermost */
            ck_assert(!walk(nested));
        }
        memset(text + depth, ']', depth);
        text[2 * depth - 1] = '}'; /* the outermost */
        ck_assert(!walk(nested));
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, what_python_reads_is_accepted, 0,
                        COUNT_OF(accepted));
    tcase_add_loop_test(tc, broken_documents_are_refused, 0, COUNT_OF(refused));
    tcase_add_test(tc, the_error_is_sticky);
    tcase_add_test(tc, containers_nest_and_come_back_to_the_comma);
    tcase_add_test(tc, raw_slices_are_the_text_between_the_quotes_or_all_of_it);
    tcase_add_test(tc, every_length_and_place_is_scanned_alike);
    tcase_add_loop_test(tc, strings_are_decoded_to_valid_text, 0,
                        COUNT_OF(texts));
    tcase_add_loop_test(tc, reserved_scratch_does_not_move, 0, COUNT_OF(texts));
    tcase_add_test(tc, what_is_no_string_has_no_text);
    tcase_add_test(tc, a_text_that_does_not_fit_is_none);
    tcase_add_test(tc, numbers_have_values_and_nothing_else_has);
    tcase_add_test(tc, brackets_pair_up_to_the_depth_that_is_remembered);
}
