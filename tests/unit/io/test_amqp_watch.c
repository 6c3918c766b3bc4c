#include "io/amqp_watch.h"

#include "../suite.h"

const char suite_name[] = "amqp_watch";

enum { HEARTBEAT_S = 5 };

START_TEST(silence_of_two_intervals_is_an_end)
{
    struct amqp_watch watch = {0};
    unsigned nticks = 0;

    for (; !amqp_watch_is_silent(&watch, HEARTBEAT_S); nticks++)
        amqp_watch_tick(&watch, false);

    ck_assert_uint_le(nticks * AMQP_TICK_MS, 2000 * HEARTBEAT_S);
    ck_assert_uint_gt(nticks * AMQP_TICK_MS, 1800 * HEARTBEAT_S);
}
END_TEST

START_TEST(bytes_now_and_then_are_enough)
{
    struct amqp_watch watch = {0};

    for (unsigned i = 0; i < 1000; i++) {
        watch.heard = i % 15 == 0;
        amqp_watch_tick(&watch, false);
        ck_assert(!amqp_watch_is_silent(&watch, HEARTBEAT_S));
    }
}
END_TEST

START_TEST(before_heartbeats_are_agreed_upon_there_is_no_silence)
{
    struct amqp_watch watch = {0};

    for (unsigned i = 0; i < 1000; i++) {
        amqp_watch_tick(&watch, false);
        ck_assert(!amqp_watch_is_silent(&watch, 0));
        ck_assert(!amqp_watch_is_time(&watch, 0));
    }
}
END_TEST

START_TEST(heartbeats_are_due_twice_an_interval)
{
    struct amqp_watch watch = {0};
    unsigned ndue = 0;

    for (unsigned i = 0; i < 60 * 1000 / AMQP_TICK_MS; i++) {
        amqp_watch_tick(&watch, false);
        ndue += amqp_watch_is_time(&watch, HEARTBEAT_S);
    }

    ck_assert_uint_eq(ndue, 2 * 60 / HEARTBEAT_S);
}
END_TEST

START_TEST(message_that_does_not_go_on_is_given_up_after_30_s)
{
    struct amqp_watch watch = {.nframes = 7, .nframes_at_tick = 7};
    unsigned nticks = 0;

    for (; !amqp_watch_is_stuck(&watch); nticks++) {
        watch.heard = true; /* heartbeats are no progress */
        amqp_watch_tick(&watch, true);
    }

    ck_assert_uint_eq(nticks * AMQP_TICK_MS / 1000, 30);
}
END_TEST

START_TEST(long_message_that_goes_on_is_waited_for)
{
    struct amqp_watch watch = {0};

    for (unsigned i = 0; i < 1000; i++) {
        watch.nframes += i % 50 == 0;
        amqp_watch_tick(&watch, true);
        ck_assert(!amqp_watch_is_stuck(&watch));
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, silence_of_two_intervals_is_an_end);
    tcase_add_test(tc, bytes_now_and_then_are_enough);
    tcase_add_test(tc, before_heartbeats_are_agreed_upon_there_is_no_silence);
    tcase_add_test(tc, heartbeats_are_due_twice_an_interval);
    tcase_add_test(tc, message_that_does_not_go_on_is_given_up_after_30_s);
    tcase_add_test(tc, long_message_that_goes_on_is_waited_for);
}
