#include "../suite.h"
#include "broker_rig.h"

const char suite_name[] = "redis_control";

static void
open_up(struct rig *rig)
{
    rig_connect(rig, "redis://127.0.0.1:%u/1");
    WAIT_FOR(rig, rig->nup == 1);
}

/* The command connection is ready: it has answered a question. */
static void
wait_for_commands(struct rig *rig)
{
    WAIT_FOR(rig, broker_ask_queue(rig->broker, STR("probe")));
    WAIT_FOR(rig, contains(&rig->queues, "probe="));
    buf_clear(&rig->queues);
    buf_clear(&rig->steps);
    buf_clear(&rig->fake.log);
}

/* Broadcasts */

START_TEST(command_sent_when_up_waits_for_the_command_connection)
{
    struct rig rig;
    rig_open(&rig);
    rig.broadcast_when_up = "{\"method\": \"heartbeat\"}";
    rig.config.global_keyprefix = "p:";
    open_up(&rig);

    ck_assert(rig.broadcast_ok);
    WAIT_FOR(&rig, contains(&rig.fake.log, "2 PUBLISH"));
    ck_assert(broker_broadcast(rig.broker, STR("{}")));
    WAIT_FOR(&rig, contains(&rig.fake.log, "}\n2 PUBLISH"));

    ck_assert(contains(&rig.fake.log, "2 SELECT 1\n"
                                      "2 PUBLISH p:/1.celery.pidbox {\""));
    ck_assert(contains(&rig.fake.log, "\"celery.pidbox\""));
    rig_close(&rig);
}
END_TEST

START_TEST(the_same_waiting_command_is_sent_once)
{
    struct rig rig;
    rig_open(&rig);
    rig.broadcast_when_up = "{}";
    open_up(&rig);
    for (int i = 0; i < 20; i++)
        ck_assert(broker_broadcast(rig.broker, STR("{}")));

    WAIT_FOR(&rig, broker_ask_queue(rig.broker, STR("q")));
    WAIT_FOR(&rig, contains(&rig.queues, "q="));

    const char *first =
        memmem(rig.fake.log.ptr, rig.fake.log.len, "PUBLISH", 7);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(memmem(
        first + 1, rig.fake.log.len - (size_t)(first + 1 - rig.fake.log.ptr),
        "PUBLISH", 7));
    rig_close(&rig);
}
END_TEST

START_TEST(waiting_commands_are_few)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    int n = 0;
    char command[32];

    do
        snprintf(command, sizeof(command), "{\"n\": %d}", n);
    while (broker_broadcast(rig.broker, str_from(command)) && ++n < 100);

    ck_assert_int_eq(n, 8);
    rig_close(&rig);
}
END_TEST

START_TEST(command_is_refused_while_the_broker_is_down)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, "redis://127.0.0.1:1");
    WAIT_FOR(&rig, rig.nfailed == 1);

    ck_assert(!broker_broadcast(rig.broker, STR("{}")));
    ck_assert(!broker_ask_queue(rig.broker, STR("q")));

    rig_close(&rig);
}
END_TEST

START_TEST(what_the_account_may_not_do_costs_only_that)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "PUBLISH", "-NOPERM no publish\r\n");
    fake_answer(&rig.fake, "SADD", "-NOPERM no sadd\r\n");
    fake_answer(&rig.fake, "RPOP", "-NOPERM no rpop\r\n");
    fake_answer(&rig.fake, "LLEN", "-NOPERM no llen\r\n");
    open_up(&rig);
    wait_for_commands(&rig);

    broker_collect_replies(rig.broker, true);
    for (int i = 0; i < 3; i++) {
        ck_assert(broker_broadcast(rig.broker, STR("{}")));
        ck_assert(broker_ask_queue(rig.broker, STR("q")));
    }
    WAIT_FOR(&rig, text_is(&rig.queues, "q=-1\nq=-1\nq=-1\n"));
    WAIT_FOR(&rig, contains(&rig.fake.log, "RPOP"));
    send_event(rig.fake.conns[0], "event");
    WAIT_FOR(&rig, rig.nmessages == 1);

    ck_assert_uint_eq(rig.ndown, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(loss_of_the_command_connection_is_not_the_broker_s)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    wait_for_commands(&rig);

    fake_close_conn(rig.fake.conns[1]);
    WAIT_FOR(&rig, rig.fake.nconns == 3);
    wait_for_commands(&rig);

    ck_assert_uint_eq(rig.ndown, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(command_connection_survives_the_subscription)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    wait_for_commands(&rig);

    fake_close_conn(rig.fake.conns[0]);
    WAIT_FOR(&rig, rig.nup == 2);
    wait_for_commands(&rig);

    ck_assert_uint_eq(rig.fake.nconns, 3);
    rig_close(&rig);
}
END_TEST

START_TEST(silent_command_connection_is_replaced)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect_with(&rig, "redis://127.0.0.1:%u", &short_deadlines);
    WAIT_FOR(&rig, rig.nup >= 1);
    fake_answer(&rig.fake, "LLEN", "");
    WAIT_FOR(&rig, broker_ask_queue(rig.broker, STR("q")));
    fake_answer(&rig.fake, "PING", "");

    WAIT_FOR(&rig, contains(&rig.fake.log, "2 PING\n"));
    WAIT_FOR(&rig, rig.fake.nconns > 3);

    ck_assert_uint_eq(rig.queues.len, 0); /* nobody answers for it */
    rig_close(&rig);
}
END_TEST

/* Queue lengths */

START_TEST(queue_length_is_the_sum_of_its_priorities)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p:";
    fake_answer(&rig.fake, "LLEN", ":7\r\n");
    open_up(&rig);
    wait_for_commands(&rig);

    ck_assert(broker_ask_queue(rig.broker, STR("h i")));
    WAIT_FOR(&rig, rig.queues.len > 0);

    ck_assert(text_is(&rig.queues, "h i=28\n"));
    ck_assert(text_is(&rig.steps, "h i 0=7 3=7 6=7 9=7\n"));
    ck_assert(text_is(&rig.fake.log, "2 LLEN p:h i\n"
                                     "2 LLEN p:h i\x06\x16"
                                     "3\n"
                                     "2 LLEN p:h i\x06\x16"
                                     "6\n"
                                     "2 LLEN p:h i\x06\x16"
                                     "9\n"));
    rig_close(&rig);
}
END_TEST

START_TEST(steps_and_separator_are_the_transport_options)
{
    struct rig rig;
    rig_open(&rig);
    static const int64_t steps[] = {0, 5};
    rig.config.priority_steps = steps;
    rig.config.npriority_steps = COUNT_OF(steps);
    rig.config.sep = ":";
    open_up(&rig);
    wait_for_commands(&rig);

    ck_assert(broker_ask_queue(rig.broker, STR("q")));
    WAIT_FOR(&rig, rig.queues.len > 0);

    ck_assert(text_is(&rig.queues, "q=2\n"));
    ck_assert(text_is(&rig.steps, "q 0=1 5=1\n"));
    ck_assert(text_is(&rig.fake.log, "2 LLEN q\n2 LLEN q:5\n"));
    rig_close(&rig);
}
END_TEST

START_TEST(key_of_another_type_has_no_length)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "LLEN", "-WRONGTYPE not a list\r\n");
    open_up(&rig);
    wait_for_commands(&rig);

    ck_assert(broker_ask_queue(rig.broker, STR("q")));
    WAIT_FOR(&rig, rig.queues.len > 0);

    ck_assert(text_is(&rig.queues, "q=-1\n"));
    ck_assert(text_is(&rig.steps, "q\n"));
    rig_close(&rig);
}
END_TEST

START_TEST(too_many_open_questions_are_refused)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    wait_for_commands(&rig);
    size_t n = 0;

    while (n < 100000 && broker_ask_queue(rig.broker, STR("q")))
        n++;
    ck_assert_uint_eq(n, 20000 + 1024 / 4);
    buf_clear(&rig.queues);
    WAIT_FOR(&rig, rig.queues.len == n * strlen("q=4\n"));

    rig_close(&rig);
}
END_TEST

/* Replies */

/* The answer to RPOP: one reply of a worker. */
static void
answer_rpop(struct rig *rig, struct buf *out, const char *ticket)
{
    struct buf payload;
    buf_init(&payload, 0);
    buf_printf(&payload,
               "{\"body\": \"e30=\", \"content-type\": \"application/json\", "
               "\"content-encoding\": \"utf-8\", \"headers\": {\"ticket\": "
               "\"%s\"}, \"properties\": {\"body_encoding\": \"base64\"}}",
               ticket);
    buf_init(out, 0);
    buf_printf(out, "$%zu\r\n%.*s\r\n", payload.len,
               STR_FMT(buf_str(&payload)));
    buf_add_byte(out, '\0');
    fake_answer(&rig->fake, "RPOP", out->ptr);
    buf_close(&payload);
}

static bool
log_has(struct rig *rig, const char *fmt)
{
    struct buf line;
    buf_init(&line, 0);
    const struct str key = broker_reply_key(rig->broker);
    for (; *fmt != '\0'; fmt++)
        if (*fmt == '@')
            buf_add_str(&line, key);
        else
            buf_add_byte(&line, *fmt);
    buf_add_byte(&line, '\0');
    const bool has = contains(&rig->fake.log, line.ptr);
    buf_close(&line);
    return has;
}

#define SADD                                                             \
    "SADD p:_kombu.binding.reply.celery.pidbox @\x06\x16\x06\x16@.reply" \
    ".celery.pidbox\n"
#define SREM                                                             \
    "SREM p:_kombu.binding.reply.celery.pidbox @\x06\x16\x06\x16@.reply" \
    ".celery.pidbox\n"
#define DEL "DEL p:@.reply.celery.pidbox\n"

START_TEST(replies_are_collected_while_on_and_nothing_is_left_behind)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p:";
    open_up(&rig);
    wait_for_commands(&rig);
    struct buf answer;

    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, log_has(&rig, "2 " SADD) &&
                       log_has(&rig, "2 RPOP p:@.reply.celery.pidbox\n"));
    ck_assert_uint_eq(rig.replies.len, 0);
    answer_rpop(&rig, &answer, "t1");
    WAIT_FOR(&rig, contains(&rig.replies, "t1 {}\nt1 {}\n"));
    broker_collect_replies(rig.broker, false);
    WAIT_FOR(&rig, log_has(&rig, "2 " SREM "2 " DEL));
    buf_clear(&rig.fake.log);
    rig_close(&rig);

    buf_close(&answer);
}
END_TEST

START_TEST(stop_takes_the_reply_queue_back)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p:";
    open_up(&rig);
    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, log_has(&rig, "RPOP"));

    broker_free(rig.broker, on_gone, &rig);
    WAIT_FOR(&rig, log_has(&rig, "2 " SREM "2 " DEL));
    WAIT_FOR(&rig, rig.gone);

    rig.broker = NULL;
    rig_close(&rig);
}
END_TEST

START_TEST(stop_does_not_wait_for_a_server_that_is_silent)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "SREM", "");
    fake_answer(&rig.fake, "DEL", "");
    open_up(&rig);
    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, log_has(&rig, "RPOP"));

    rig_close(&rig);
}
END_TEST

START_TEST(reply_queue_is_bound_again_after_a_reconnect)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p:";
    open_up(&rig);
    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, log_has(&rig, "2 " SADD));

    fake_close_conn(rig.fake.conns[1]);
    WAIT_FOR(&rig, log_has(&rig, "3 " SADD));

    rig_close(&rig);
}
END_TEST

START_TEST(binding_that_was_left_by_a_break_is_taken_back)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p:";
    open_up(&rig);
    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, log_has(&rig, "2 " SADD));

    fake_close_conn(rig.fake.conns[1]);
    broker_collect_replies(rig.broker, false);
    WAIT_FOR(&rig, log_has(&rig, "3 " SREM "3 " DEL));

    rig_close(&rig);
}
END_TEST

START_TEST(broken_reply_is_skipped)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "RPOP", "$1\r\nx\r\n");
    open_up(&rig);
    broker_collect_replies(rig.broker, true);

    WAIT_FOR(&rig, log_has(&rig, "2 RPOP @.reply.celery.pidbox\n"
                                 "2 RPOP @.reply.celery.pidbox\n"));

    ck_assert_uint_eq(rig.replies.len, 0);
    ck_assert_uint_eq(rig.nrejects, 0);
    rig_close(&rig);
}
END_TEST

/* Probe */

struct verdict {
    bool given;
    bool ok;
    enum broker_reason reason;
};

static void
on_verdict(void *ctx, bool ok, enum broker_reason reason)
{
    *(struct verdict *)ctx =
        (struct verdict){.given = true, .ok = ok, .reason = reason};
}

static const struct {
    const char *url;
    const char *verb;
    const char *answer;
    bool ok;
    enum broker_reason reason;
} probes[] = {
    {"redis://:pw@127.0.0.1:%u", NULL, NULL, true, 0},
    {"redis://127.0.0.1:1;redis://127.0.0.1:%u", NULL, NULL, true, 0},
    {"redis://127.0.0.1:%u", "PING", "-NOPERM no ping\r\n", true, 0},
    {"redis://:pw@127.0.0.1:%u", "AUTH", "-WRONGPASS no\r\n", false,
     BROKER_AUTH},
    {"redis://127.0.0.1:1", NULL, NULL, false, BROKER_REFUSED},
    {"redis://127.0.0.1:%u", "PING", NULL, false, BROKER_CLOSED},
};

START_TEST(probe_says_whether_the_broker_answers)
{
    struct rig rig;
    rig_open(&rig);
    if (probes[_i].verb != NULL)
        fake_answer(&rig.fake, probes[_i].verb, probes[_i].answer);
    rig_connect(&rig, probes[_i].url);
    struct verdict verdict = {0};

    broker_probe(&rig.loop, &rig.config, on_verdict, &verdict);
    WAIT_FOR(&rig, verdict.given);

    ck_assert_int_eq(verdict.ok, probes[_i].ok);
    if (!verdict.ok)
        ck_assert_int_eq(verdict.reason, probes[_i].reason);
    rig_close(&rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, command_sent_when_up_waits_for_the_command_connection);
    tcase_add_test(tc, the_same_waiting_command_is_sent_once);
    tcase_add_test(tc, waiting_commands_are_few);
    tcase_add_test(tc, command_is_refused_while_the_broker_is_down);
    tcase_add_test(tc, what_the_account_may_not_do_costs_only_that);
    tcase_add_test(tc, loss_of_the_command_connection_is_not_the_broker_s);
    tcase_add_test(tc, command_connection_survives_the_subscription);
    tcase_add_test(tc, silent_command_connection_is_replaced);
    tcase_add_test(tc, queue_length_is_the_sum_of_its_priorities);
    tcase_add_test(tc, steps_and_separator_are_the_transport_options);
    tcase_add_test(tc, key_of_another_type_has_no_length);
    tcase_add_test(tc, too_many_open_questions_are_refused);
    tcase_add_test(tc,
                   replies_are_collected_while_on_and_nothing_is_left_behind);
    tcase_add_test(tc, stop_takes_the_reply_queue_back);
    tcase_add_test(tc, stop_does_not_wait_for_a_server_that_is_silent);
    tcase_add_test(tc, reply_queue_is_bound_again_after_a_reconnect);
    tcase_add_test(tc, binding_that_was_left_by_a_break_is_taken_back);
    tcase_add_test(tc, broken_reply_is_skipped);
    tcase_add_loop_test(tc, probe_says_whether_the_broker_answers, 0,
                        (int)COUNT_OF(probes));
}
