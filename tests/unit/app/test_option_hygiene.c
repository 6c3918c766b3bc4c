/* The options that say what is counted, and under which host. */

#include "../suite.h"
#include "app/options.h"

const char suite_name[] = "option_hygiene";

static struct options o;
static struct buf print;
static struct buf errors;

static void
set_up(void)
{
    o = (struct options){0};
    buf_init(&print, 0);
    buf_init(&errors, 0);
}

static void
forget(void)
{
    options_free(&o);
    buf_close(&print);
    buf_close(&errors);
}

/* `next` and `variable` may be NULL. */
static enum options_verdict
parse(const char *word, const char *next, const char *variable)
{
    forget();
    set_up();
    const char *argv[] = {"celery-exporter", "--broker-url=redis://h",
                          word == NULL ? "--port=1" : word, next, NULL};
    const char *env[] = {variable, NULL};
    const enum options_verdict verdict =
        options_parse_to(&o, next == NULL ? 3 : 4, (char **)(uintptr_t)argv,
                         (char **)(uintptr_t)env, &print, &errors);
    buf_add_byte(&errors, '\0');
    return verdict;
}

static void
expect_said(const char *text)
{
    ck_assert_msg(strstr(errors.ptr, text) != NULL, "wanted: %s\nsaid: %s",
                  text, errors.ptr);
}

/* --- --enable-events --- */

static const struct {
    const char *word;
    const char *variable;
    int seconds; /* -1 = refused */
} intervals[] = {
    {NULL, NULL, 0},
    {"--enable-events", NULL, 60},
    {"--enable-events=30", NULL, 30},
    {"--enable-events=5m", NULL, 300},
    {"--enable-events=true", NULL, 60},
    {"--enable-events=1", NULL, 60},
    {"--enable-events=0", NULL, 0},
    {"--enable-events=off", NULL, 0},
    {"--no-enable-events", NULL, 0},
    {NULL, "CE_ENABLE_EVENTS=true", 60},
    {NULL, "CE_ENABLE_EVENTS= yes ", 60},
    {NULL, "CE_ENABLE_EVENTS=1", 60},
    {NULL, "CE_ENABLE_EVENTS=2", 2},
    {NULL, "CE_ENABLE_EVENTS=false", 0},
    {NULL, "CE_ENABLE_EVENTS=0", 0},
    {NULL, "CE_ENABLE_EVENTS=", 0},
    {NULL, "CE_ENABLE_EVENTS=1h", 3600},
    {"--no-enable-events", "CE_ENABLE_EVENTS=1h", 0},
    {"--enable-events", "CE_ENABLE_EVENTS=1h", 60},
    {"--enable-events=", NULL, -1},
    {"--enable-events=1s", NULL, -1},
    {"--enable-events=2d", NULL, -1},
    {"--enable-events=2.5", NULL, -1},
    {"--enable-events=often", NULL, -1},
    {"--no-enable-events=5", NULL, -1},
    {NULL, "CE_ENABLE_EVENTS=-5", -1},
};

START_TEST(events_are_enabled_every_so_often)
{
    const enum options_verdict verdict =
        parse(intervals[_i].word, NULL, intervals[_i].variable);

    if (intervals[_i].seconds < 0) {
        ck_assert_int_eq(verdict, OPTIONS_USAGE);
        expect_said("enable-events'");
        return;
    }
    ck_assert_msg(verdict == OPTIONS_RUN, "%s", errors.ptr);
    ck_assert_int_eq(o.enable_events_s, intervals[_i].seconds);
}
END_TEST

/* As with all options whose value may be left out. */
START_TEST(next_word_is_no_interval)
{
    ck_assert_int_eq(parse("--enable-events", "30", NULL), OPTIONS_USAGE);

    expect_said("Got an unexpected extra argument (30)");
}
END_TEST

/* --- --hostname-label --- */

START_TEST(hostname_label_is_host_or_worker)
{
    ck_assert_int_eq(parse("--hostname-label=worker", NULL, NULL), OPTIONS_RUN);
    ck_assert(o.hostname_is_worker);
    ck_assert_int_eq(parse("--hostname-label", "HOST", NULL), OPTIONS_RUN);
    ck_assert(!o.hostname_is_worker);

    ck_assert_int_eq(parse("--hostname-label=pid", NULL, NULL), OPTIONS_WRONG);
    expect_said("'--hostname-label' (CE_HOSTNAME_LABEL): 'pid' is not one of "
                "host, worker.");
}
END_TEST

/* --- --hostname-rewrite --- */

static const struct {
    const char *text;
    const char *trouble; /* NULL = none */
} rewrites[] = {
    {"-[0-9a-f]+$=", NULL},
    {"^(a|b)=(.*)$=\\2-\\1", NULL},
    {"a=b\\=c", NULL},
    {"web-.*", "it is not REGEX=REPLACEMENT"},
    {"=x", "it is not REGEX=REPLACEMENT"},
    {"a\\=b", "it is not REGEX=REPLACEMENT"},
    {"", "it is not REGEX=REPLACEMENT"},
    {"(a=b", "not a regular expression: "},
    {"[a=b", "not a regular expression: "},
    {"a(b)=\\2", "the replacement has \\2 and the expression 1 group."},
    {"a=\\1", "the replacement has \\1 and the expression 0 groups."},
    {"a=\\0", "a backslash in the replacement"},
    {"a=\\n", "a backslash in the replacement"},
    {"a=b\\", "a backslash in the replacement"},
};

START_TEST(hostname_rewrite_is_checked)
{
    const enum options_verdict verdict =
        parse("--hostname-rewrite", rewrites[_i].text, NULL);

    if (rewrites[_i].trouble == NULL) {
        ck_assert_msg(verdict == OPTIONS_RUN, "%s", errors.ptr);
        return;
    }
    ck_assert_int_eq(verdict, OPTIONS_WRONG);
    expect_said("'--hostname-rewrite' (CE_HOSTNAME_REWRITE): '");
    expect_said(rewrites[_i].trouble);
}
END_TEST

START_TEST(each_wrong_rewrite_of_the_variable_is_named)
{
    ck_assert_int_eq(parse(NULL, NULL, "CE_HOSTNAME_REWRITE=(x=a ok=fine y[=b"),
                     OPTIONS_WRONG);

    expect_said("'(x=a'");
    expect_said("'y[=b'");
    ck_assert_ptr_null(strstr(errors.ptr, "fine"));
}
END_TEST

/* --- static labels --- */

static const char *const taken[] = {"hostname=x", "table=x",   "priority=x",
                                    "sw_ver=x",   "source=x",  "le=1",
                                    "revision=x", "quantile=x"};

START_TEST(static_label_cannot_have_the_name_of_one_of_ours)
{
    ck_assert_int_eq(parse("--static-label", taken[_i], NULL), OPTIONS_WRONG);

    expect_said("has the name of a label that the exporter sets itself");
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, forget);
    tcase_add_loop_test(tc, events_are_enabled_every_so_often, 0,
                        COUNT_OF(intervals));
    tcase_add_test(tc, next_word_is_no_interval);
    tcase_add_test(tc, hostname_label_is_host_or_worker);
    tcase_add_loop_test(tc, hostname_rewrite_is_checked, 0, COUNT_OF(rewrites));
    tcase_add_test(tc, each_wrong_rewrite_of_the_variable_is_named);
    tcase_add_loop_test(tc, static_label_cannot_have_the_name_of_one_of_ours, 0,
                        COUNT_OF(taken));
}
