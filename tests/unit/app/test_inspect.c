#include "inspect_rig.h"

const char suite_name[] = "inspect";

/* ---- polls ---- */

START_TEST(connect_asks_everything_at_once)
{
    inspect_broker_up(inspect, true);

    static const char *const methods[] = {"active",    "reserved",
                                          "scheduled", "active_queues",
                                          "stats",     "registered"};
    ck_assert(fake.collecting);
    ck_assert_uint_eq(fake.ncommands, COUNT_OF(methods));
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        const json_t *asked = command(methods[i]);
        ck_assert_ptr_nonnull(asked);
        ck_assert(json_is_null(json_object_get(asked, "destination")));
        const json_t *to = json_object_get(asked, "reply_to");
        ck_assert_str_eq(json_string_value(json_object_get(to, "exchange")),
                         "reply.celery.pidbox");
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(ticket(methods[i]), ticket(methods[k]));
    }
}
END_TEST

START_TEST(first_poll_waits_for_workers_that_nobody_knows_yet)
{
    inspect_broker_up(inspect, true);
    see_worker("a@h");
    reply_to_all_as("a@h", "[]");
    ck_assert(fake.collecting);

    run_until(is_resting);

    ck_assert_double_eq(success("stats"), 1);
}
END_TEST

START_TEST(poll_ends_as_soon_as_every_live_worker_has_answered)
{
    inspect_broker_up(inspect, true);
    see_worker("a@h");
    see_worker("b@h");
    reply_to_all_as("a@h", "[]");
    reply_to_all_as("b@h", "[]");
    run_until(is_resting);
    forget_commands();
    inspect_soon(inspect);
    run_until(is_collecting);
    ck_assert(json_is_null(json_object_get(command("stats"), "destination")));

    reply_to_all_as("a@h", "[{\"name\": \"q\"}]");
    ck_assert(fake.collecting);
    reply_to_all_as("b@h", "[{\"name\": \"q\"}]");

    ck_assert(!fake.collecting);
    ck_assert_double_eq(processes("q"), 8);
    expect_lengths(" q");
}
END_TEST

START_TEST(replies_of_one_nodename_add_up)
{
    inspect_broker_up(inspect, true);

    reply_to_all_as("a@h", "[{\"name\": \"q\"}]");
    reply_to_all_as("a@h", "[{\"name\": \"q\"}]");
    run_until(is_resting);

    /* One that no event was heard of counts while it answers. */
    ck_assert_double_eq(processes("q"), 8);
    size_t nworkers;
    ck_assert(inspect_queue_workers(inspect, STR("q"), &nworkers));
    ck_assert_uint_eq(nworkers, 2);
    ck_assert(!inspect_queue_workers(inspect, STR("r"), &nworkers));
}
END_TEST

START_TEST(replies_to_other_questions_are_left_out)
{
    inspect_broker_up(inspect, true);
    const char *body = "{\"a@h\": [{\"name\": \"q\"}]}";
    char late[64];
    snprintf(late, sizeof(late), "%s", ticket("active_queues"));

    reply_with("", body);
    reply_with("somebody-elses", body);
    reply_with(ticket("stats"), body); /* not what was asked */
    run_until(is_resting);
    reply_with(late, body);
    inspect_soon(inspect);
    run_until(is_collecting);
    reply_with(late, body);

    ck_assert(isnan(processes("q")));
}
END_TEST

/* Everybody is asked, and not only the worker that is new. */
static bool
is_polling(void)
{
    return json_is_null(json_object_get(command("active"), "destination"));
}

START_TEST(broken_replies_count_as_none)
{
    come_up();
    see_worker("a@h");
    inspect_soon(inspect);
    run_until(is_polling);

    for (size_t i = 0; i < 20; i++) {
        reply("stats", "{\"a@h\": {\"error\": \"KeyError('stats')\"}}");
        reply("active_queues", "{\"a@h\": ");
        reply("active", "null");
    }
    run_until(is_resting);

    ck_assert_double_eq(success("active"), 0);
}
END_TEST

/* ---- some workers ---- */

START_TEST(new_worker_is_asked_alone_until_it_answers)
{
    come_up();
    see_worker("a@h");

    run_until(is_collecting);
    const json_t *to = json_object_get(command("active_queues"), "destination");
    ck_assert_uint_eq(json_array_size(to), 1);
    ck_assert_str_eq(json_string_value(json_array_get(to, 0)), "a@h");
    run_until(is_resting);
    forget_commands();
    run_until(is_collecting);
    reply_to_all_as("a@h", "[{\"name\": \"q\"}]");

    ck_assert(!fake.collecting);
    ck_assert_double_eq(processes("q"), 4);
    /* A queue that is new to us, too: its length is asked at once. */
    expect_lengths(" q");
}
END_TEST

START_TEST(what_a_new_worker_has_answered_it_is_not_asked_again)
{
    come_up();
    see_worker("a@h");
    run_until(is_collecting);
    reply("active_queues", "{\"a@h\": []}");
    run_until(is_resting);
    forget_commands();

    run_until(is_collecting);

    ck_assert_ptr_null(command("active_queues"));
    ck_assert_ptr_nonnull(command("stats"));
}
END_TEST

START_TEST(events_are_enabled_only_with_the_option)
{
    inspect_broker_up(inspect, true);
    ck_assert_ptr_null(command("enable_events"));
    inspect_broker_up(inspect, false);
    options.enable_events_s = 60;
    inspect_broker_up(inspect, true);
    ck_assert_ptr_nonnull(command("enable_events"));

    run_until(is_resting);
    forget_commands();
    see_worker("a@h");
    run_until(is_collecting);

    const json_t *to = json_object_get(command("enable_events"), "destination");
    ck_assert_uint_eq(json_array_size(to), 1);
}
END_TEST

START_TEST(asking_one_says_nothing_of_the_others)
{
    /* No event was ever heard of this one, but it answers polls. */
    inspect_broker_up(inspect, true);
    reply_to_all_as("quiet@h", "[{\"name\": \"q\"}]");
    run_until(is_resting);
    ck_assert_double_eq(processes("q"), 4);

    see_worker("a@h");
    run_until(is_collecting);
    forget_commands();
    run_until(is_resting);
    ck_assert_double_eq(processes("q"), 4);

    inspect_soon(inspect);
    while (command("active") == NULL ||
           json_is_array(json_object_get(command("active"), "destination")))
        uv_run(&loop, UV_RUN_ONCE);
    run_until(is_resting);
    ck_assert_double_eq(processes("q"), 0);
}
END_TEST

START_TEST(worker_without_events_is_waited_for_once_it_has_answered)
{
    inspect_broker_up(inspect, true);
    see_worker("a@h");
    reply_to_all_as("a@h", "[]");
    reply_to_all_as("quiet@h", "[]");
    run_until(is_resting);
    inspect_soon(inspect);
    forget_commands();
    run_until(is_collecting);

    reply_to_all_as("a@h", "[]");
    ck_assert(fake.collecting);
    reply_to_all_as("quiet@h", "[]");

    ck_assert(!fake.collecting);
}
END_TEST

START_TEST(replies_of_unknown_workers_do_not_end_a_poll)
{
    inspect_broker_up(inspect, true);
    see_worker("a@h");
    reply_to_all_as("a@h", "[]");
    run_until(is_resting);
    inspect_soon(inspect);
    forget_commands();
    run_until(is_collecting);

    reply_to_all_as("quiet@h", "[]");
    ck_assert(fake.collecting);
    reply_to_all_as("a@h", "[]");

    ck_assert(!fake.collecting);
}
END_TEST

/* ---- the broker ---- */

START_TEST(polls_fail_while_the_broker_refuses)
{
    inspect_refused(inspect, true);
    come_up();
    ck_assert_double_eq(success("stats"), 0);
    ck_assert_double_eq(success("queues"), 1);

    inspect_refused(inspect, false);
    inspect_soon(inspect);
    run_until(is_collecting);
    run_until(is_resting);

    ck_assert_double_eq(success("stats"), 1);
}
END_TEST

START_TEST(polls_fail_while_commands_cannot_be_sent)
{
    fake.deaf = true;
    inspect_add_queue(inspect, STR("q"));
    come_up();

    ck_assert_double_eq(success("stats"), 0);
    ck_assert_double_eq(success("queues"), 0);
    ck_assert(isnan(success("unacked")));
}
END_TEST

START_TEST(broker_that_does_not_tell_has_no_such_source)
{
    fake.amqp = true;
    come_up();

    ck_assert(isnan(success("unacked")));
    ck_assert(isnan(success("bindings")));
}
END_TEST

START_TEST(unacked_is_shown_and_goes_when_it_is_refused)
{
    come_up();
    inspect_unacked(inspect, 3, 1.6e9);
    ck_assert_double_eq(sample(GROUP_EXPORTER, SELF_UNACKED_COL, ""), 3);
    ck_assert_double_eq(sample(GROUP_EXPORTER, SELF_OLDEST_UNACKED_COL, ""),
                        1.6e9);
    ck_assert_double_eq(success("unacked"), 1);

    inspect_unacked(inspect, 0, (double)NAN);
    ck_assert_double_eq(sample(GROUP_EXPORTER, SELF_UNACKED_COL, ""), 0);
    ck_assert(isnan(sample(GROUP_EXPORTER, SELF_OLDEST_UNACKED_COL, "")));

    inspect_unacked(inspect, -1, (double)NAN);
    ck_assert(isnan(sample(GROUP_EXPORTER, SELF_UNACKED_COL, "")));
    ck_assert_double_eq(success("unacked"), 0);
}
END_TEST

START_TEST(bound_queues_are_known_but_for_those_that_hold_no_tasks)
{
    static const char *const bound[] = {
        "celery",           "celery_delayed_0",   "celery_delayed_27",
        "celery_delayed_x", "w1@h.celery.pidbox", "5d1b.reply.celery.pidbox",
        "celeryev.7a3c",    "celeryevents",
    };
    come_up();
    for (size_t i = 0; i < COUNT_OF(bound); i++)
        inspect_binding(inspect, str_from(bound[i]), true);
    inspect_binding(inspect, str_from(NULL), true);

    expect_lengths(" celery celery_delayed_x celeryevents");
    ck_assert_double_eq(success("bindings"), 1);
}
END_TEST

START_TEST(length_of_a_new_queue_is_asked_at_once_and_once)
{
    come_up();

    inspect_add_queue(inspect, STR("q"));
    inspect_add_queue(inspect, STR("q"));
    inspect_add_queue(inspect, STR("celery_delayed_3"));

    expect_lengths(" q");
}
END_TEST

START_TEST(lengths_are_over_when_all_have_come)
{
    inspect_add_queue(inspect, STR("a"));
    inspect_add_queue(inspect, STR("b"));
    come_up();
    ck_assert_double_eq(success("queues"), 0); /* not yet */

    inspect_queue(inspect, STR("a"),
                  &(struct queue_state){.length = 3, .consumers = -1});
    ck_assert_double_eq(success("queues"), 0);
    inspect_queue(inspect, STR("b"),
                  &(struct queue_state){.length = 0, .consumers = 2});

    ck_assert_double_eq(success("queues"), 1);
    ck_assert_double_eq(sample(GROUP_QUEUE, QUEUE_LENGTH_COL, "a"), 3);
    ck_assert_double_eq(sample(GROUP_QUEUE, QUEUE_CONSUMERS_COL, "b"), 2);
}
END_TEST

/* ---- what is not known ---- */

static double
nworkers_of(const char *queue)
{
    return sample(GROUP_QUEUE, QUEUE_WORKERS_COL, queue);
}

START_TEST(queue_has_no_workers_once_nobody_answers_and_nobody_is_alive)
{
    size_t n;
    inspect_add_queue(inspect, STR("q"));
    inspect_broker_up(inspect, true);
    ck_assert(isnan(nworkers_of("q")));
    ck_assert(!inspect_queue_workers(inspect, STR("q"), &n));

    run_until(is_resting);

    ck_assert_double_eq(nworkers_of("q"), 0);
    ck_assert_double_eq(processes("q"), 0);
    ck_assert(inspect_queue_workers(inspect, STR("q"), &n));
}
END_TEST

START_TEST(silence_of_live_workers_is_not_none)
{
    inspect_add_queue(inspect, STR("q"));
    inspect_broker_up(inspect, true);
    see_worker("a@h");
    run_until(is_resting);
    ck_assert(isnan(nworkers_of("q")));

    inspect_soon(inspect);
    run_until(is_collecting);
    reply_to_all_as("a@h", "[{\"name\": \"q\"}]");
    run_until(is_resting);
    ck_assert_double_eq(nworkers_of("q"), 1);
}
END_TEST

START_TEST(workers_are_not_shown_while_the_broker_refuses)
{
    inspect_refused(inspect, true);
    inspect_add_queue(inspect, STR("q"));
    come_up();
    ck_assert(isnan(nworkers_of("q")));
    ck_assert(isnan(processes("q")));

    inspect_refused(inspect, false);
    inspect_soon(inspect);
    run_until(is_collecting);
    run_until(is_resting);
    ck_assert_double_eq(nworkers_of("q"), 0);

    fake.deaf = true;
    inspect_soon(inspect);
    run_until(is_collecting);
    run_until(is_resting);
    ck_assert(isnan(nworkers_of("q")));
}
END_TEST

START_TEST(lost_broker_ends_the_poll_and_the_next_connect_begins_anew)
{
    inspect_broker_up(inspect, true);
    see_worker("a@h");

    inspect_broker_up(inspect, false);

    ck_assert(!fake.collecting);
    reply("stats", "{\"a@h\": {\"pool\": {}}}");
    ck_assert_double_eq(success("stats"), 0);
    forget_commands();
    inspect_broker_up(inspect, true);
    ck_assert_ptr_nonnull(command("registered"));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, connect_asks_everything_at_once);
    tcase_add_test(tc, first_poll_waits_for_workers_that_nobody_knows_yet);
    tcase_add_test(tc, poll_ends_as_soon_as_every_live_worker_has_answered);
    tcase_add_test(tc, replies_of_one_nodename_add_up);
    tcase_add_test(tc, replies_to_other_questions_are_left_out);
    tcase_add_test(tc, broken_replies_count_as_none);
    tcase_add_test(tc, new_worker_is_asked_alone_until_it_answers);
    tcase_add_test(tc, what_a_new_worker_has_answered_it_is_not_asked_again);
    tcase_add_test(tc, events_are_enabled_only_with_the_option);
    tcase_add_test(tc, asking_one_says_nothing_of_the_others);
    tcase_add_test(tc,
                   worker_without_events_is_waited_for_once_it_has_answered);
    tcase_add_test(tc, replies_of_unknown_workers_do_not_end_a_poll);
    tcase_add_test(tc, polls_fail_while_the_broker_refuses);
    tcase_add_test(tc, polls_fail_while_commands_cannot_be_sent);
    tcase_add_test(tc, broker_that_does_not_tell_has_no_such_source);
    tcase_add_test(tc, unacked_is_shown_and_goes_when_it_is_refused);
    tcase_add_test(tc, bound_queues_are_known_but_for_those_that_hold_no_tasks);
    tcase_add_test(tc, length_of_a_new_queue_is_asked_at_once_and_once);
    tcase_add_test(tc, lengths_are_over_when_all_have_come);
    tcase_add_test(
        tc, queue_has_no_workers_once_nobody_answers_and_nobody_is_alive);
    tcase_add_test(tc, silence_of_live_workers_is_not_none);
    tcase_add_test(tc, workers_are_not_shown_while_the_broker_refuses);
    tcase_add_test(tc,
                   lost_broker_ends_the_poll_and_the_next_connect_begins_anew);
}
