#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../suite.h"
#include "base/log_record.h"
#include "base/log_repeat.h"

const char suite_name[] = "log";

/* 2026-11-22T09:56:31.494Z */
static const int64_t EPOCH_MS = 1795341391494;

static void
zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static char *
record(enum log_format format, const char *key, struct str value)
{
    struct buf out;
    buf_init(&out, LOG_LINE_MAX);
    log_record_begin(&out, format, LOG_INFO, EPOCH_MS, "main.c", 77,
                     STR("Listening on"));
    log_record_pair(&out, format, key, value);
    log_record_end(&out, format);
    ck_assert(buf_ok(&out));
    buf_add_byte(&out, '\0');
    size_t len;
    return buf_take(&out, &len);
}

START_TEST(logfmt_line_is_what_prometheus_programs_print)
{
    zone("UTC");

    char *line = record(LOG_LOGFMT, "address", STR("[::]:9808"));

    ck_assert_str_eq(line, "time=2026-11-22T09:56:31.494Z level=INFO "
                           "source=main.c:77 msg=\"Listening on\" "
                           "address=[::]:9808\n");
    free(line);
}
END_TEST

START_TEST(json_line_has_the_same_keys)
{
    zone("UTC");

    char *line = record(LOG_JSON, "address", STR("[::]:9808"));

    ck_assert_str_eq(line, "{\"time\":\"2026-11-22T09:56:31.494Z\","
                           "\"level\":\"INFO\",\"source\":\"main.c:77\","
                           "\"msg\":\"Listening on\","
                           "\"address\":\"[::]:9808\"}\n");
    free(line);
}
END_TEST

static const struct {
    const char *tz;
    const char *time;
} zones[] = {
    {"UTC", "time=2026-11-22T09:56:31.494Z "},
    {"XXX-5:30", "time=2026-11-22T15:26:31.494+05:30 "},
    {"XXX+3:30", "time=2026-11-22T06:26:31.494-03:30 "},
    {"XXX-14", "time=2026-11-22T23:56:31.494+14:00 "},
};

START_TEST(time_is_local_with_its_offset)
{
    zone(zones[_i].tz);

    char *line = record(LOG_LOGFMT, "k", STR("v"));

    ck_assert_msg(strncmp(line, zones[_i].time, strlen(zones[_i].time)) == 0,
                  "%s", line);
    free(line);
    zone("UTC");
}
END_TEST

static const struct {
    struct str value;
    const char *logfmt;
    const char *json;
} values[] = {
    {STR_INIT("plain"), "plain", "\"plain\""},
    {STR_INIT(""), "\"\"", "\"\""},
    {STR_INIT("two words"), "\"two words\"", "\"two words\""},
    {STR_INIT("a=b"), "\"a=b\"", "\"a=b\""},
    {STR_INIT("say \"x\""), "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\""},
    {STR_INIT("C:\\dir"), "C:\\dir", "\"C:\\\\dir\""},
    {STR_INIT("one\ntwo"), "\"one\\ntwo\"", "\"one\\ntwo\""},
    {STR_INIT("tab\tcr\r"), "\"tab\\tcr\\r\"", "\"tab\\tcr\\r\""},
    {STR_INIT("\033[31m"), "\"\\x1b[31m\"", "\"\\\\x1b[31m\""},
    {STR_INIT("nul\0byte"), "\"nul\\x00byte\"", "\"nul\\\\x00byte\""},
    {STR_INIT("del\x7f"), "\"del\\x7f\"", "\"del\\\\x7f\""},
    {STR_INIT("\xc3\xa9t\xc3\xa9"), "\xc3\xa9t\xc3\xa9",
     "\"\xc3\xa9t\xc3\xa9\""},
    {STR_INIT("\xf0\x9f\x90\x8d"), "\xf0\x9f\x90\x8d", "\"\xf0\x9f\x90\x8d\""},
    /* broken UTF-8: a lone lead, an overlong slash, a surrogate */
    {STR_INIT("\xc3"), "\"\\xc3\"", "\"\\\\xc3\""},
    {STR_INIT("\xc0\xaf"), "\"\\xc0\\xaf\"", "\"\\\\xc0\\\\xaf\""},
    {STR_INIT("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"",
     "\"\\\\xed\\\\xa0\\\\x80\""},
    {STR_INIT("\xff\xfe"), "\"\\xff\\xfe\"", "\"\\\\xff\\\\xfe\""},
    /* C1 control, right-to-left override, byte order mark */
    {STR_INIT("\xc2\x9b"), "\"\\xc2\\x9b\"", "\"\\\\xc2\\\\x9b\""},
    {STR_INIT("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"",
     "\"\\\\xe2\\\\x80\\\\xae\""},
    {STR_INIT("\xef\xbb\xbf"), "\"\\xef\\xbb\\xbf\"",
     "\"\\\\xef\\\\xbb\\\\xbf\""},
};

START_TEST(values_are_cleaned_and_quoted_only_when_needed)
{
    char *logfmt = record(LOG_LOGFMT, "key", values[_i].value);
    char *json = record(LOG_JSON, "key", values[_i].value);

    char want[128];
    snprintf(want, sizeof(want), " key=%s\n", values[_i].logfmt);
    ck_assert_str_eq(strstr(logfmt, " key="), want);
    snprintf(want, sizeof(want), ",\"key\":%s}\n", values[_i].json);
    ck_assert_str_eq(strstr(json, ",\"key\":"), want);
    free(logfmt);
    free(json);
}
END_TEST

START_TEST(long_value_is_cut)
{
    char value[2000];
    memset(value, 'x', sizeof(value));
    const struct str all = {.ptr = value, .len = sizeof(value)};

    char *logfmt = record(LOG_LOGFMT, "key", all);
    char *json = record(LOG_JSON, "key", all);

    ck_assert_uint_lt(strlen(logfmt), 700);
    ck_assert_ptr_nonnull(strstr(logfmt, "xxx...\"\n"));
    ck_assert_ptr_nonnull(strstr(json, "xxx...\"}\n"));
    free(logfmt);
    free(json);
}
END_TEST

START_TEST(line_never_grows_past_what_a_pipe_takes_at_once)
{
    const enum log_format format = _i == 0 ? LOG_LOGFMT : LOG_JSON;
    char value[400];
    memset(value, 'y', sizeof(value));
    struct buf out;
    buf_init(&out, LOG_LINE_MAX);
    log_record_begin(&out, format, LOG_WARN, EPOCH_MS, "x.c", 1, STR("m"));

    for (int i = 0; i < 30; i++)
        log_record_pair(&out, format, "k", (struct str){value, sizeof(value)});
    log_record_end(&out, format);

    ck_assert(buf_ok(&out));
    ck_assert_uint_le(out.len, LOG_LINE_MAX);
    ck_assert_uint_gt(out.len, LOG_LINE_MAX - 2 * sizeof(value));
    ck_assert_msg(str_eq(str_slice(buf_str(&out), out.len - 2, out.len),
                         format == LOG_JSON ? STR("}\n") : STR("y\n")),
                  "ends in the middle of a pair");
    buf_close(&out);
}
END_TEST

START_TEST(key_of_our_own_is_renamed)
{
    char *line = record(LOG_JSON, "msg", STR("v"));

    ck_assert_ptr_nonnull(strstr(line, ",\"logged_msg\":\"v\"}"));
    free(line);
}
END_TEST

/* --- repeats --- */

static struct log_repeat repeat;

static bool
pass(uint64_t id, int64_t now_ms, uint64_t *nleft_out)
{
    return log_repeat_pass(&repeat, (struct hash128){.low = id, .high = 1},
                           now_ms, 10000, nleft_out);
}

START_TEST(repeat_is_left_out_and_counted_until_the_window_ends)
{
    repeat = (struct log_repeat){0};
    uint64_t nleft_out = 99;

    ck_assert(pass(1, 0, &nleft_out));
    ck_assert_uint_eq(nleft_out, 0);
    ck_assert(!pass(1, 1, &nleft_out));
    ck_assert(!pass(1, 9999, &nleft_out));
    ck_assert(pass(1, 10000, &nleft_out));
    ck_assert_uint_eq(nleft_out, 2);
    ck_assert(!pass(1, 10001, &nleft_out));
    ck_assert(pass(1, 30000, &nleft_out));
    ck_assert_uint_eq(nleft_out, 1);
}
END_TEST

START_TEST(another_reason_has_a_window_of_its_own)
{
    repeat = (struct log_repeat){0};
    uint64_t nleft_out;

    ck_assert(pass(1, 0, &nleft_out));
    ck_assert(pass(2, 0, &nleft_out));
    ck_assert(!pass(1, 5, &nleft_out));
}
END_TEST

START_TEST(storm_of_different_lines_is_bounded)
{
    repeat = (struct log_repeat){0};
    uint64_t nleft_out;
    int nsaid = 0;

    for (uint64_t id = 0; id < 1000; id++)
        nsaid += pass(id, 0, &nleft_out);

    ck_assert_int_eq(nsaid, LOG_REPEAT_SLOTS);
    ck_assert(pass(5000, 10000, &nleft_out));
    ck_assert_uint_eq(nleft_out, 1000 - LOG_REPEAT_SLOTS);
}
END_TEST

/* --- writing --- */

static int
pipe_to_log(int fds[2])
{
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    log_redirect(fds[1]);
    return fds[0];
}

static char *
read_all(int fd)
{
    static char text[65536];
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

START_TEST(line_carries_place_and_pairs)
{
    int fds[2];
    const int fd = pipe_to_log(fds);
    log_setup(LOG_INFO, LOG_LOGFMT);

    LOG(LOG_WARN, "Hello there", "a", "1", "b", "x y", NULL);

    const char *line = read_all(fd);
    ck_assert_ptr_nonnull(strstr(line, " level=WARN source=test_log.c:"));
    ck_assert_ptr_nonnull(strstr(line, " msg=\"Hello there\" a=1 b=\"x y\"\n"));
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(lines_below_the_level_are_not_written)
{
    int fds[2];
    const int fd = pipe_to_log(fds);
    log_setup(LOG_WARN, LOG_LOGFMT);

    LOG(LOG_INFO, "no", NULL);
    LOG_LIMITED(LOG_DEBUG, "x", "no", NULL);
    LOG(LOG_ERROR, "yes", NULL);

    ck_assert(!log_enabled(LOG_INFO));
    ck_assert(log_enabled(LOG_WARN));
    const char *lines = read_all(fd);
    ck_assert_ptr_null(strstr(lines, "msg=no"));
    ck_assert_ptr_nonnull(strstr(lines, "level=ERROR"));
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(limited_line_is_said_once_for_each_reason)
{
    int fds[2];
    const int fd = pipe_to_log(fds);
    log_setup(LOG_INFO, LOG_JSON);
    static const char *const reasons[] = {"a", "b", "a", "b", "a"};

    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        LOG_LIMITED(LOG_WARN, reasons[i], "trouble", "reason", reasons[i],
                    NULL);

    size_t nlines = 0;
    for (const char *at = read_all(fd); (at = strchr(at, '\n')) != NULL; at++)
        nlines++;
    ck_assert_uint_eq(nlines, 2);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(full_pipe_does_not_block)
{
    int fds[2];
    const int fd = pipe_to_log(fds);
    log_setup(LOG_INFO, LOG_LOGFMT);
    const uint64_t before = log_ndropped();

    for (int i = 0; i < 2000; i++)
        LOG(LOG_INFO, "a line of some length to fill the pipe with", NULL);

    ck_assert_uint_gt(log_ndropped(), before);
    const char *text = read_all(fd);
    ck_assert_ptr_nonnull(strchr(text, '\n'));
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(closed_or_broken_stderr_does_not_kill)
{
    int fds[2];
    pipe_to_log(fds);
    log_setup(LOG_INFO, LOG_LOGFMT);
    const uint64_t before = log_ndropped();

    close(fds[0]);
    LOG(LOG_INFO, "nobody reads", NULL);
    close(fds[1]);
    LOG(LOG_INFO, "closed", NULL);
    log_redirect(-1);
    LOG(LOG_INFO, "none", NULL);
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    log_redirect(full);
    LOG(LOG_INFO, "disk full", NULL);

    ck_assert_uint_eq(log_ndropped() - before, 4);
    close(full);
}
END_TEST

static void
restore(void)
{
    log_redirect(STDERR_FILENO);
    log_setup(LOG_INFO, LOG_LOGFMT);
}

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, NULL, restore);
    tcase_add_test(tc, logfmt_line_is_what_prometheus_programs_print);
    tcase_add_test(tc, json_line_has_the_same_keys);
    tcase_add_loop_test(tc, time_is_local_with_its_offset, 0, COUNT_OF(zones));
    tcase_add_loop_test(tc, values_are_cleaned_and_quoted_only_when_needed, 0,
                        COUNT_OF(values));
    tcase_add_test(tc, long_value_is_cut);
    tcase_add_loop_test(tc, line_never_grows_past_what_a_pipe_takes_at_once, 0,
                        2);
    tcase_add_test(tc, key_of_our_own_is_renamed);
    tcase_add_test(tc, repeat_is_left_out_and_counted_until_the_window_ends);
    tcase_add_test(tc, another_reason_has_a_window_of_its_own);
    tcase_add_test(tc, storm_of_different_lines_is_bounded);
    tcase_add_test(tc, line_carries_place_and_pairs);
    tcase_add_test(tc, lines_below_the_level_are_not_written);
    tcase_add_test(tc, limited_line_is_said_once_for_each_reason);
    tcase_add_test(tc, full_pipe_does_not_block);
    tcase_add_test(tc, closed_or_broken_stderr_does_not_kill);
}
