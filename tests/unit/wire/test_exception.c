#include "wire/exception.h"

#include "../cases.h"
#include "../suite.h"

const char suite_name[] = "exception";

static void
check_case(const struct test_case *c)
{
    const struct str exception = case_file(c, "exception");
    const struct str traceback = case_file(c, "traceback");
    const struct str want = case_file(c, "expected");

    case_expect(c, exception_class(exception, traceback), str_trim(want));

    case_close(exception);
    case_close(traceback);
    case_close(want);
}

START_TEST(every_case_gives_the_class_that_was_raised)
{
    case_walk("exception", check_case);
}
END_TEST

START_TEST(absent_texts_give_the_unknown_class)
{
    const struct str none = {0};

    ck_assert(str_eq(exception_class(none, none), STR("UnknownException")));
    ck_assert(str_eq(exception_class(STR("("), STR("\n\n")),
                     STR("UnknownException")));
}
END_TEST

START_TEST(a_repr_that_names_the_class_needs_no_traceback)
{
    const struct str traceback = STR("a.b.Other: x");

    ck_assert(str_eq(exception_class(STR("a.b.C('x')"), traceback), STR("C")));
    ck_assert(str_eq(exception_class(STR("<a.b.D>"), traceback), STR("D")));
    ck_assert(str_eq(exception_class(STR("<D(1)>"), traceback), STR("D")));
    ck_assert(str_eq(exception_class(STR("<D-E>"), traceback), STR("Other")));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, every_case_gives_the_class_that_was_raised);
    tcase_add_test(tc, absent_texts_give_the_unknown_class);
    tcase_add_test(tc, a_repr_that_names_the_class_needs_no_traceback);
}
