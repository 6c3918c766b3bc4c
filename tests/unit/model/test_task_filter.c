#include "model/task_filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/buf.h"
#include "model/glob.h"

const char suite_name[] = "task_filter";

static bool
fits(const char *pattern, struct str text)
{
    struct glob *glob = glob_new(pattern);
    const bool result = glob_matches(glob, text);
    glob_free(glob);
    return result;
}

static const struct {
    const char *pattern;
    const char *name;
} pairs[] = {
    {"billing.*", "billing.send"},
    {"billing.*", "xbilling.send"},
    {"*.cleanup", "app.tasks.cleanup"},
    {"*.cleanup", "app.tasks.cleanups"},
    {"*.tasks.*.r*t*", "a.tasks.b.report"},
    {"*", ""},
    {"", ""},
    {"", "x"},
    {"**a**", "bab"},
    {"a?c", "abc"},
    {"a?c", "ac"},
    {"a\\*c", "a*c"},
    {"a\\*c", "abc"},
    {"[a-c]*", "beta"},
    {"[!a-c]*", "beta"},
    {"[^a-c]*", "delta"},
    {"[]x]*", "]"},
    {"[!]x]*", "]"},
    {"[a", "[a"},
    {"a]", "a]"},
    {"[[:digit:]]*", "1x"},
    {"[[:digit:]a]*", "ax"},
    {"[[:alpha:]]", "1"},
    {"[\\]]", "]"},
    {"[a/b]", "/"},
    {"a\\", "a\\"},
    {"a\\", "a"},
    {"*a*b*c*", "xxaxxbxxcxx"},
    {"*a*b*c", "abcabc"},
    {"caf\xc3\xa9*", "caf\xc3\xa9.x"},
};

START_TEST(pattern_fits_as_with_fnmatch)
{
    const char *pattern = pairs[_i].pattern;
    const char *name = pairs[_i].name;

    ck_assert_msg(fits(pattern, str_from(name)) ==
                      (fnmatch(pattern, name, 0) == 0),
                  "%s, %s", pattern, name);
}
END_TEST

START_TEST(made_up_patterns_fit_as_with_fnmatch)
{
    static const char signs[] = "ab*?[]!-\\";
    srandom(4);
    for (int round = 0; round < rounds(200000); round++) {
        char pattern[9] = {0};
        char name[9] = {0};
        const size_t pattern_len = (size_t)random() % 8;
        const size_t name_len = (size_t)random() % 8;
        for (size_t i = 0; i < pattern_len; i++)
            pattern[i] = signs[(size_t)random() % (sizeof(signs) - 1)];
        for (size_t i = 0; i < name_len; i++)
            name[i] = signs[(size_t)random() % 4];
        ck_assert_msg(fits(pattern, str_from(name)) ==
                          (fnmatch(pattern, name, 0) == 0),
                      "%s, %s", pattern, name);
    }
}
END_TEST

START_TEST(name_may_hold_any_byte)
{
    ck_assert(fits("a?c", STR("a\0c")));
    ck_assert(fits("*c", STR("a\0c")));
    ck_assert(!fits("a", STR("a\0c")));
}
END_TEST

/* With fnmatch this would take years. */
START_TEST(no_name_takes_long)
{
    struct buf name;
    buf_init(&name, 0);
    for (int i = 0; i < rounds(1000000); i++)
        buf_add_byte(&name, 'a');

    ck_assert(!fits("*a*a*a*a*a*a*a*a*a*b", buf_str(&name)));

    buf_close(&name);
}
END_TEST

#define PATTERNS(...) ((const char *const[]){__VA_ARGS__})

START_TEST(without_patterns_everything_counts)
{
    ck_assert_ptr_null(task_filter_new(NULL, 0, NULL, 0));
    ck_assert(task_filter_counts(NULL, STR("x")));
    task_filter_free(NULL);
}
END_TEST

START_TEST(one_of_those_to_include_has_to_fit)
{
    struct task_filter *filter =
        task_filter_new(PATTERNS("a.*", "b.*"), 2, NULL, 0);

    ck_assert(task_filter_counts(filter, STR("a.x")));
    ck_assert(task_filter_counts(filter, STR("b.x")));
    ck_assert(!task_filter_counts(filter, STR("c.x")));
    ck_assert(!task_filter_counts(filter, STR("")));
    task_filter_free(filter);
}
END_TEST

START_TEST(exclusion_is_stronger)
{
    struct task_filter *filter =
        task_filter_new(PATTERNS("a.*"), 1, PATTERNS("*.debug", "*.x"), 2);

    ck_assert(task_filter_counts(filter, STR("a.y")));
    ck_assert(!task_filter_counts(filter, STR("a.x")));
    ck_assert(!task_filter_counts(filter, STR("a.debug")));
    ck_assert(!task_filter_counts(filter, STR("b.y")));
    task_filter_free(filter);
}
END_TEST

START_TEST(exclusion_alone_leaves_the_rest)
{
    struct task_filter *filter = task_filter_new(NULL, 0, PATTERNS("a"), 1);

    ck_assert(!task_filter_counts(filter, STR("a")));
    ck_assert(task_filter_counts(filter, STR("b")));
    task_filter_free(filter);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, pattern_fits_as_with_fnmatch, 0, COUNT_OF(pairs));
    tcase_add_test(tc, made_up_patterns_fit_as_with_fnmatch);
    tcase_add_test(tc, name_may_hold_any_byte);
    tcase_add_test(tc, no_name_takes_long);
    tcase_add_test(tc, without_patterns_everything_counts);
    tcase_add_test(tc, one_of_those_to_include_has_to_fit);
    tcase_add_test(tc, exclusion_is_stronger);
    tcase_add_test(tc, exclusion_alone_leaves_the_rest);
}
