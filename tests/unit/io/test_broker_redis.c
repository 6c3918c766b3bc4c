#include "../suite.h"
#include "broker_rig.h"

const char suite_name[] = "broker_redis";

/* Login */

static const struct {
    const char *url;
    const char *want; /* first commands of the first connection */
    const char *prefix;
    const char *fanout;
    const char *exchange;
    bool no_patterns;
} logins[] = {
    {"redis://127.0.0.1:%u", "1 PSUBSCRIBE /0.celeryev/*\n"},
    {"redis://:pw@127.0.0.1:%u/3",
     "1 AUTH pw\n1 SELECT 3\n1 PSUBSCRIBE /3.celeryev/*\n"},
    {"redis://us%40er:p%20w@127.0.0.1:%u",
     "1 AUTH us@er p w\n1 PSUBSCRIBE /0.celeryev/*\n"},
    {"redis://us@127.0.0.1:%u", "1 AUTH us \n1 PSUBSCRIBE /0.celeryev/*\n"},
    {"redis://127.0.0.1:%u/9", "1 SELECT 9\n1 PSUBSCRIBE p:/9.celeryev/*\n",
     .prefix = "p:"},
    {"redis://127.0.0.1:%u", "1 PSUBSCRIBE celeryev/*\n", .fanout = ""},
    {"redis://127.0.0.1:%u", "1 PSUBSCRIBE /t0-0.ev/*\n",
     .fanout = "/t{db}-{db}.", .exchange = "ev"},
    {"redis://127.0.0.1:%u", "1 PSUBSCRIBE a\\*/0.\\?e\\[v\\\\]/*\n",
     .prefix = "a*", .exchange = "?e[v\\]"},
    {"redis://127.0.0.1:%u", "1 SUBSCRIBE a*/0.celeryev\n", .prefix = "a*",
     .no_patterns = true},
};

START_TEST(logs_in_and_subscribes_as_the_url_and_options_say)
{
    struct rig rig;
    rig_open(&rig);
    if (logins[_i].prefix != NULL)
        rig.config.global_keyprefix = logins[_i].prefix;
    if (logins[_i].fanout != NULL)
        rig.config.fanout_prefix = logins[_i].fanout;
    if (logins[_i].exchange != NULL)
        rig.config.event_exchange = logins[_i].exchange;
    rig.config.fanout_patterns = !logins[_i].no_patterns;
    rig_connect(&rig, logins[_i].url);

    WAIT_FOR(&rig, rig.nup == 1);

    ck_assert_msg(str_starts(buf_str(&rig.fake.log), str_from(logins[_i].want)),
                  "%.*s", STR_FMT(buf_str(&rig.fake.log)));
    rig_close(&rig);
}
END_TEST

static const struct {
    const char *verb; /* NULL: a greeting that nobody asked for */
    const char *answer;
    enum broker_reason reason;
} refusals[] = {
    {"AUTH", "-WRONGPASS invalid username-password pair\r\n", BROKER_AUTH},
    {"AUTH", "-ERR invalid password\r\n", BROKER_AUTH},
    {"AUTH", "-ERR AUTH <password> called without any password\r\n",
     BROKER_AUTH},
    {"AUTH", "-ERR wrong number of arguments for 'auth' command\r\n",
     BROKER_AUTH},
    {"AUTH", "-ERR unknown command `AUTH`, with args `SECRET`\r\n",
     BROKER_ERROR},
    {"AUTH", "-LOADING Redis is loading\r\n", BROKER_LOADING},
    {"SELECT", "-ERR DB index is out of range\r\n", BROKER_ERROR},
    {"PSUBSCRIBE", "-NOAUTH Authentication required.\r\n", BROKER_AUTH},
    {"PSUBSCRIBE", "-NOPERM no permission\r\n", BROKER_PERMISSION},
    {"PSUBSCRIBE", "-LOADING Redis is loading\r\n", BROKER_LOADING},
    {"PSUBSCRIBE", "-MASTERDOWN Link with MASTER is down\r\n", BROKER_LOADING},
    {"PSUBSCRIBE", "-BUSY Redis is busy running a script\r\n", BROKER_BUSY},
    {"PSUBSCRIBE", "-READONLY You can't\r\n", BROKER_ERROR},
    {"PSUBSCRIBE", "-ERR \x1b[31mfoo\r\n", BROKER_ERROR},
    {"PSUBSCRIBE", "+OK\r\n", BROKER_PROTOCOL},
    {"PSUBSCRIBE", NULL, BROKER_CLOSED},
    {NULL, "-ERR max number of clients reached\r\n", BROKER_BUSY},
    {NULL, "HTTP/1.1 400 Bad Request\r\n\r\n", BROKER_PROTOCOL},
    {NULL, "\x15\x03\x01", BROKER_PROTOCOL},
    {NULL, "AMQP", BROKER_PROTOCOL},
    {NULL, ">2\r\n+a\r\n+b\r\n", BROKER_PROTOCOL},
    {NULL, "*1000000000\r\n", BROKER_PROTOCOL},
};

/* S4 and S5 */
START_TEST(each_refusal_has_its_reason)
{
    struct rig rig;
    rig_open(&rig);
    if (refusals[_i].verb == NULL)
        rig.fake.greeting = refusals[_i].answer;
    else
        fake_answer(&rig.fake, refusals[_i].verb, refusals[_i].answer);
    rig_connect(&rig, "redis://user:SECRET@127.0.0.1:%u/1");

    WAIT_FOR(&rig, rig.nfailed == 1);

    ck_assert_int_eq(rig.failed, refusals[_i].reason);
    ck_assert_uint_eq(rig.nup + rig.ndown, 0);
    struct buf log = logged(&rig);
    ck_assert_msg(!contains(&log, "SECRET"), "%s", log.ptr);
    buf_close(&log);
    rig_close(&rig);
}
END_TEST

START_TEST(database_that_may_not_be_selected_costs_no_subscription)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "SELECT", "-NOPERM no permission\r\n");
    rig_connect(&rig, "redis://127.0.0.1:%u/1");

    WAIT_FOR(&rig, contains(&rig.fake.log, "2 SELECT"));
    WAIT_FOR(&rig, rig.nup == 1);

    ck_assert(!broker_ask_queue(rig.broker, STR("q")));
    rig_close(&rig);
}
END_TEST

START_TEST(login_that_is_never_answered_times_out)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "AUTH", "");
    rig_connect_with(&rig, "redis://:pw@127.0.0.1:%u", &short_deadlines);

    WAIT_FOR(&rig, rig.nfailed == 1);

    ck_assert_int_eq(rig.failed, BROKER_TIMEOUT);
    rig_close(&rig);
}
END_TEST

START_TEST(subscription_that_is_never_confirmed_times_out)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "PSUBSCRIBE", "");
    rig_connect_with(&rig, "redis://127.0.0.1:%u", &short_deadlines);

    WAIT_FOR(&rig, rig.nfailed == 1);

    ck_assert_int_eq(rig.failed, BROKER_TIMEOUT);
    rig_close(&rig);
}
END_TEST

/* Failover and reconnect */

START_TEST(next_url_is_tried_after_a_failure)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, "redis+socket:///nonexistent/socket;"
                      "redis://127.0.0.1:%u");

    WAIT_FOR(&rig, rig.nup == 1);

    ck_assert_uint_eq(rig.nfailed, 1);
    ck_assert_int_eq(rig.failed, BROKER_REFUSED);
    rig_close(&rig);
}
END_TEST

START_TEST(refused_port_and_overlong_socket_path_are_refusals)
{
    static const char *const urls[] = {
        "redis://127.0.0.1:1",
        "redis+socket:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, urls[_i]);

    WAIT_FOR(&rig, rig.nfailed == 3);

    ck_assert_int_eq(rig.failed, BROKER_REFUSED);
    rig_close(&rig);
}
END_TEST

/* F8, F9 */
START_TEST(lost_connection_comes_back_and_drops_the_half_message)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, "redis://127.0.0.1:%u");
    WAIT_FOR(&rig, rig.nup == 1);
    struct buf bytes;
    buf_init(&bytes, 0);
    add_event(&bytes, STR("first"));
    const size_t whole = bytes.len;
    add_event(&bytes, STR("half"));

    fake_send(rig.fake.conns[0], str_slice(buf_str(&bytes), 0, whole + 50));
    fake_close_conn(rig.fake.conns[0]);
    WAIT_FOR(&rig, rig.ndown == 1 && rig.nup == 2);
    struct fake_conn *last = rig.fake.conns[rig.fake.nconns - 1];
    send_event(last, "second");
    WAIT_FOR(&rig, rig.nmessages == 2);

    ck_assert_int_eq(rig.down, BROKER_CLOSED);
    ck_assert_int_eq(rig.unheard_ms, 0);
    ck_assert(text_is(&rig.bodies, "first\nsecond\n"));
    ck_assert_uint_eq(rig.nrejects, 0);
    buf_close(&bytes);
    rig_close(&rig);
}
END_TEST

/* Events */

START_TEST(message_past_the_limit_is_skipped_and_the_next_one_delivered)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, "redis://127.0.0.1:%u");
    WAIT_FOR(&rig, rig.nup == 1);
    struct buf bytes, body;
    buf_init(&bytes, 0);
    buf_init(&body, 0);
    buf_printf(&body, "%05000d", 0);
    add_event(&bytes, buf_str(&body));
    add_event(&bytes, STR("next"));

    fake_send(rig.fake.conns[0], buf_str(&bytes));
    WAIT_FOR(&rig, rig.nmessages == 1);

    ck_assert_uint_eq(rig.nrejects, 1);
    ck_assert_int_eq(rig.reject, REJECT_SIZE);
    ck_assert(text_is(&rig.bodies, "next\n"));
    buf_close(&bytes);
    buf_close(&body);
    rig_close(&rig);
}
END_TEST

START_TEST(payload_that_is_no_envelope_is_rejected_and_nothing_else_lost)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, "redis://127.0.0.1:%u");
    WAIT_FOR(&rig, rig.nup == 1);

    fake_send(rig.fake.conns[0],
              STR("*4\r\n$8\r\npmessage\r\n$1\r\np\r\n$1\r\nc\r\n$1\r\nx\r\n"
                  "*4\r\n$8\r\npmessage\r\n$1\r\np\r\n$1\r\nc\r\n$-1\r\n"
                  "*4\r\n$8\r\npmessage\r\n$1\r\np\r\n$1\r\nc\r\n:5\r\n"
                  "*2\r\n+pmessage\r\n+x\r\n*0\r\n+OK\r\n"));
    send_event(rig.fake.conns[0], "next");
    WAIT_FOR(&rig, rig.nmessages == 1);

    ck_assert_uint_eq(rig.nrejects, 3);
    ck_assert_int_eq(rig.reject, REJECT_ENVELOPE);
    ck_assert_uint_eq(rig.ndown, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(plain_channel_messages_have_three_items)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.fanout_patterns = false;
    rig_connect(&rig, "redis://127.0.0.1:%u");
    WAIT_FOR(&rig, rig.nup == 1);
    struct buf payload, bytes;
    buf_init(&payload, 0);
    buf_init(&bytes, 0);
    kombu_encode(&payload, STR("[]"), STR("celeryev"), STR(""), STR("t"));
    buf_printf(&bytes,
               "*3\r\n$7\r\nmessage\r\n$11\r\n/0.celeryev\r\n$%zu\r\n%.*s\r\n",
               payload.len, STR_FMT(buf_str(&payload)));

    fake_send(rig.fake.conns[0], buf_str(&bytes));
    WAIT_FOR(&rig, rig.nmessages == 1);

    ck_assert(text_is(&rig.bodies, "[]\n"));
    buf_close(&payload);
    buf_close(&bytes);
    rig_close(&rig);
}
END_TEST

/* B24: the burst is twenty times the buffer. */
START_TEST(burst_past_the_buffer_arrives_complete)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.burst_buffer = 256 * 1024;
    rig_connect(&rig, "redis://127.0.0.1:%u");
    WAIT_FOR(&rig, rig.nup == 1);
    struct buf bytes;
    buf_init(&bytes, 0);
    enum { N = 20000 };
    for (int i = 0; i < N; i++)
        add_event(&bytes, STR("[{\"type\": \"task-sent\"}, 0123456789]"));
    ck_assert_uint_gt(bytes.len, 5 * 1024 * 1024);

    fake_send(rig.fake.conns[0], buf_str(&bytes));
    WAIT_FOR(&rig, rig.nmessages == N);

    ck_assert_uint_eq(rig.nrejects + rig.ndown, 0);
    buf_close(&bytes);
    rig_close(&rig);
}
END_TEST

/* Silence */

START_TEST(silent_server_is_asked_and_an_answer_keeps_it_alive)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect_with(&rig, "redis://127.0.0.1:%u", &short_deadlines);
    WAIT_FOR(&rig, rig.nup == 1);

    WAIT_FOR(&rig, contains(&rig.fake.log, "1 PING\n1 PING\n") ||
                       (contains(&rig.fake.log, "1 PING\n2 PING\n1 PING\n") ||
                        contains(&rig.fake.log, "2 PING\n1 PING\n1 PING\n")));

    ck_assert_uint_eq(rig.ndown, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(server_that_stays_silent_is_given_up)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "PING", "");
    rig_connect_with(&rig, "redis://127.0.0.1:%u", &short_deadlines);

    WAIT_FOR(&rig, rig.ndown == 1);

    ck_assert_int_eq(rig.down, BROKER_SILENT);
    ck_assert(contains(&rig.fake.log, "1 PING\n"));
    const int64_t ms = short_deadlines.tick_ms * short_deadlines.dead_ticks;
    ck_assert_int_ge(rig.unheard_ms, ms - short_deadlines.tick_ms);
    rig_close(&rig);
}
END_TEST

START_TEST(error_answer_to_a_ping_is_a_sign_of_life)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "PING", "-BUSY Redis is busy\r\n");
    rig_connect_with(&rig, "redis://127.0.0.1:%u", &short_deadlines);
    WAIT_FOR(&rig, rig.nup == 1);
    struct buf *log = &rig.fake.log;

    for (int i = 0; i < 4; i++) {
        buf_clear(log);
        WAIT_FOR(&rig, contains(log, "1 PING\n"));
    }

    ck_assert_uint_eq(rig.ndown, 0);
    rig_close(&rig);
}
END_TEST

/* Bytes trickle in, but the message never ends. */
static void
trickle(uv_timer_t *timer)
{
    fake_send(timer->data, STR("x"));
}

START_TEST(reply_that_never_ends_is_given_up)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect_with(&rig, "redis://127.0.0.1:%u", &short_deadlines);
    WAIT_FOR(&rig, rig.nup == 1);
    uv_timer_t timer;
    uv_timer_init(&rig.loop, &timer);
    timer.data = rig.fake.conns[0];

    fake_send(rig.fake.conns[0], STR("*4\r\n$8\r\npmessage\r\n$4000\r\n"));
    uv_timer_start(&timer, trickle, 2, 2);
    WAIT_FOR(&rig, rig.ndown == 1);

    ck_assert_int_eq(rig.down, BROKER_SILENT);
    uv_close((uv_handle_t *)&timer, NULL);
    rig_close(&rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, logs_in_and_subscribes_as_the_url_and_options_say,
                        0, (int)COUNT_OF(logins));
    tcase_add_loop_test(tc, each_refusal_has_its_reason, 0,
                        (int)COUNT_OF(refusals));
    tcase_add_test(tc, database_that_may_not_be_selected_costs_no_subscription);
    tcase_add_test(tc, login_that_is_never_answered_times_out);
    tcase_add_test(tc, subscription_that_is_never_confirmed_times_out);
    tcase_add_test(tc, next_url_is_tried_after_a_failure);
    tcase_add_loop_test(tc, refused_port_and_overlong_socket_path_are_refusals,
                        0, 2);
    tcase_add_test(tc, lost_connection_comes_back_and_drops_the_half_message);
    tcase_add_test(
        tc, message_past_the_limit_is_skipped_and_the_next_one_delivered);
    tcase_add_test(
        tc, payload_that_is_no_envelope_is_rejected_and_nothing_else_lost);
    tcase_add_test(tc, plain_channel_messages_have_three_items);
    tcase_add_test(tc, burst_past_the_buffer_arrives_complete);
    tcase_add_test(tc, silent_server_is_asked_and_an_answer_keeps_it_alive);
    tcase_add_test(tc, server_that_stays_silent_is_given_up);
    tcase_add_test(tc, error_answer_to_a_ping_is_a_sign_of_life);
    tcase_add_test(tc, reply_that_never_ends_is_given_up);
}
