#include "app/worker_check.h"

#include "../suite.h"

const char suite_name[] = "worker_check";

static struct worker_check check;
static struct buf line;

static void
set_up(void)
{
    worker_check_init(&check);
    buf_init(&line, 0);
}

static void
forget(void)
{
    worker_check_close(&check);
    buf_close(&line);
}

static void
expect(enum worker_verdict verdict, const struct worker_counts *counts,
       const char *text)
{
    buf_clear(&line);
    ck_assert_int_eq(worker_check_answer(&check, counts, &line), verdict);
    buf_add_byte(&line, '\0');
    ck_assert_str_eq(line.ptr, text);
}

static void
give(const char *key, const char *value)
{
    worker_check_parameter(&check, str_from(key), str_from(value));
}

static struct worker_counts
workers(size_t n)
{
    return (struct worker_counts){.nworkers = n, .is_known = true};
}

START_TEST(one_worker_is_enough)
{
    const struct worker_counts none = workers(0);
    const struct worker_counts one = workers(1);
    const struct worker_counts three = workers(3);

    expect(WORKER_CHECK_OK, &three, "3 workers are alive\n");
    expect(WORKER_CHECK_OK, &one, "1 worker is alive\n");
    expect(WORKER_CHECK_TOO_FEW, &none, "no worker is alive\n");
}
END_TEST

START_TEST(so_many_are_wanted)
{
    const struct worker_counts none = workers(0);
    const struct worker_counts four = workers(4);
    const struct worker_counts five = workers(5);
    give("min", "5");

    expect(WORKER_CHECK_OK, &five, "5 workers are alive\n");
    expect(WORKER_CHECK_TOO_FEW, &four, "4 workers are alive, 5 wanted\n");
    expect(WORKER_CHECK_TOO_FEW, &none, "no worker is alive, 5 wanted\n");
}
END_TEST

START_TEST(workers_of_a_queue_count)
{
    const struct worker_counts unknown = {0};
    const struct worker_counts none = workers(0);
    const struct worker_counts one = workers(1);
    const struct worker_counts two = workers(2);
    give("queue", "a b");

    expect(WORKER_CHECK_OK, &two, "2 workers consume queue 'a b'\n");
    expect(WORKER_CHECK_OK, &one, "1 worker consumes queue 'a b'\n");
    expect(WORKER_CHECK_TOO_FEW, &none, "no worker consumes queue 'a b'\n");
    expect(WORKER_CHECK_TOO_FEW, &unknown,
           "queue 'a b' is not known: no worker consumes it, or workers cannot "
           "be asked\n");

    give("min", "2");
    expect(WORKER_CHECK_TOO_FEW, &one,
           "1 worker consumes queue 'a b', 2 wanted\n");
}
END_TEST

START_TEST(an_outage_is_said_and_the_last_state_counts)
{
    struct worker_counts counts = workers(2);
    counts.away_ms = 41001;

    expect(WORKER_CHECK_OK, &counts,
           "2 workers are alive; the broker has been away for 42 s, this is "
           "what was known before\n");
}
END_TEST

static const struct {
    const char *key;
    const char *value;
    const char *said;
} wrong[] = {
    {"min", "", "min is '' and not a number from 1 to 1000000\n"},
    {"min", "0", "min is '0' and not a number from 1 to 1000000\n"},
    {"min", "-1", "min is '-1' and not a number from 1 to 1000000\n"},
    {"min", "2x", "min is '2x' and not a number from 1 to 1000000\n"},
    {"min", "1.5", "min is '1.5' and not a number from 1 to 1000000\n"},
    {"min", "1000001", "min is '1000001' and not a number from 1 to 1000000\n"},
    {"min", "99999999999999999999",
     "min is '99999999999999999999' and not a number from 1 to 1000000\n"},
    {"queue", "", "queue is empty\n"},
    {"quene", "x", "there is no parameter 'quene', only min and queue\n"},
    {"", "", "there is no parameter '', only min and queue\n"},
    {"a\r\nb", "", "there is no parameter 'a??b', only min and queue\n"},
    {"\xff", "", "there is no parameter '\xef\xbf\xbd', only min and queue\n"},
};

START_TEST(what_cannot_be_understood_is_said)
{
    const struct worker_counts many = workers(9);
    give(wrong[_i].key, wrong[_i].value);

    expect(WORKER_CHECK_WRONG, &many, wrong[_i].said);
}
END_TEST

START_TEST(nothing_is_given_twice)
{
    const struct worker_counts many = workers(9);
    give("min", "1");
    give("min", "2");
    expect(WORKER_CHECK_WRONG, &many, "min is given twice\n");

    forget();
    set_up();
    give("queue", "a");
    give("queue", "b");
    give("min", "x");
    expect(WORKER_CHECK_WRONG, &many, "queue is given twice\n");
}
END_TEST

START_TEST(long_names_are_cut_and_stay_on_one_line)
{
    const struct worker_counts none = workers(0);
    struct buf name;
    buf_init(&name, 0);
    buf_add_str(&name, STR("a\n\x1b[2J\xc3\xa9"));
    for (int i = 0; i < 5000; i++)
        buf_add_byte(&name, 'x');
    worker_check_parameter(&check, STR("queue"), buf_str(&name));

    worker_check_answer(&check, &none, &line);

    ck_assert_uint_lt(line.len, 300);
    ck_assert_uint_eq(str_find(buf_str(&line), '\n'), line.len - 1);
    ck_assert_uint_eq(str_find(buf_str(&line), '\x1b'), line.len);
    ck_assert(str_starts(buf_str(&line),
                         STR("no worker consumes queue 'a??[2J\xc3\xa9xxx")));
    buf_close(&name);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, forget);
    tcase_add_test(tc, one_worker_is_enough);
    tcase_add_test(tc, so_many_are_wanted);
    tcase_add_test(tc, workers_of_a_queue_count);
    tcase_add_test(tc, an_outage_is_said_and_the_last_state_counts);
    tcase_add_loop_test(tc, what_cannot_be_understood_is_said, 0,
                        COUNT_OF(wrong));
    tcase_add_test(tc, nothing_is_given_twice);
    tcase_add_test(tc, long_names_are_cut_and_stay_on_one_line);
}
