#include "../cases.h"
#include "amqp_rig.h"

const char suite_name[] = "broker_amqp";

static void
open_up(struct rig *rig)
{
    rig_connect(rig);
    UNTIL(rig, rig->nups == 1);
}

START_TEST(up_once_it_consumes_a_queue_of_its_own)
{
    struct rig rig;
    rig_open(&rig);

    open_up(&rig);

    ck_assert(rig.exclusive && rig.auto_delete && !rig.durable);
    ck_assert_int_eq(rig.ttl_ms, 60000);
    ck_assert_int_eq(rig.max_bytes, 1 << 20);
    ck_assert_uint_eq(strlen(rig.event_queue), strlen("celeryev.") + 36);
    ck_assert_uint_eq(rig.nfailures + rig.ndowns, 0);
    rig_close(&rig);
    ck_assert(rig.goodbye);
    ck_assert_uint_eq(rig.ndowns, 0);
}
END_TEST

/* Of a recorded stream, what comes after the consumer was confirmed, up to the
 * close. */
static struct str
deliveries(struct str stream)
{
    static const char first[] = "\x00\x3c\x00\x3c"; /* basic.deliver */
    const char *at = memmem(stream.ptr, stream.len, first, 4);
    ck_assert_ptr_nonnull(at);
    const size_t start = (size_t)(at - stream.ptr) - 7;
    return str_slice(stream, start, stream.len - 12); /* close-ok */
}

static const size_t steps[] = {1, 7, 100, 4095, 100000};

START_TEST(recorded_deliveries_arrive_however_they_are_cut)
{
    static char path[2048];
    snprintf(path, sizeof(path), "%s/amqp/events", getenv("TEST_CASES"));
    const struct test_case recorded = {path, "events"};
    const struct str stream = case_file(&recorded, "input.bin");
    const struct str bytes = deliveries(stream);
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    for (size_t at = 0; at < bytes.len; at += steps[_i]) {
        const struct str piece = str_slice(bytes, at, at + steps[_i]);
        buf_add_str(&rig.out, piece);
        serve_flush(&rig);
        if (at % 64 == 0)
            turn(&rig);
    }

    UNTIL(&rig, rig.nmessages == 82);
    ck_assert_uint_eq(rig.body_bytes, 47347);
    ck_assert_uint_eq(rig.ndowns, 0);
    rig_close(&rig);
    case_close(stream);
}
END_TEST

START_TEST(lengths_come_in_order_past_queues_that_are_not_there)
{
    static const char *const names[] = {"a",     "gone1",  "bcd",  "gone2",
                                        "gone3", "locked", "efghi"};
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    for (size_t i = 0; i < COUNT_OF(names); i++)
        ck_assert(broker_ask_queue(rig.broker, str_from(names[i])));

    const struct str want = STR("a 1 2;gone1 0 0;bcd 3 2;gone2 0 0;gone3 0 0;"
                                "locked -1 -1;efghi 5 2;");
    UNTIL(&rig, rig.answers.len >= want.len);
    ck_assert(str_eq(buf_str(&rig.answers), want));
    ck_assert_uint_eq(rig.ndowns, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(more_lengths_than_fit_into_one_flight)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    for (size_t i = 0; i < 500; i++)
        ck_assert(broker_ask_queue(rig.broker,
                                   i % 3 == 0 ? STR("gone") : STR("abc")));

    UNTIL(&rig, rig.answers.len ==
                    167 * strlen("gone 0 0;") + 333 * strlen("abc 3 2;"));
    rig_close(&rig);
}
END_TEST

START_TEST(lengths_are_asked_for_while_others_are_told)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    struct buf want;
    buf_init(&want, 0);

    for (size_t i = 0; i < 600; i++) {
        char name[16];
        snprintf(name, sizeof(name), "q%zu", i);
        ck_assert(broker_ask_queue(rig.broker, str_from(name)));
        buf_printf(&want, "%s %zu 2;", name, strlen(name));
        if (i % 40 == 39)
            UNTIL(&rig, rig.answers.len >= want.len / 2);
    }

    UNTIL(&rig, rig.answers.len >= want.len);
    ck_assert(str_eq(buf_str(&rig.answers), buf_str(&want)));
    buf_close(&want);
    rig_close(&rig);
}
END_TEST

START_TEST(name_that_no_queue_can_have_is_not_asked_for)
{
    static char name[256];
    memset(name, 'x', sizeof(name));
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    ck_assert(!broker_ask_queue(rig.broker, (struct str){name, sizeof(name)}));
    ck_assert(!broker_ask_queue(rig.broker, STR("")));

    rig_close(&rig);
}
END_TEST

START_TEST(exchange_of_other_settings_is_looked_for)
{
    struct rig rig;
    rig_open(&rig);
    rig.exchange_code = 406;

    open_up(&rig);

    UNTIL(&rig, rig.npassive == 3); /* of events, commands and replies */
    ck_assert_uint_eq(rig.nfailures, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(deleted_queue_is_made_anew_at_once)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    char before[256];
    snprintf(before, sizeof(before), "%s", rig.event_queue);
    amqp_basic_cancel_t cancel = {.consumer_tag = amqp_cstring_bytes("tag"),
                                  .nowait = 1};

    serve_method(&rig, 1, AMQP_BASIC_CANCEL_METHOD, &cancel);
    serve_flush(&rig);

    UNTIL(&rig, rig.nups == 2);
    ck_assert_uint_eq(rig.ndowns, 1);
    ck_assert_int_eq(rig.reason, BROKER_CLOSED);
    ck_assert_str_ne(before, rig.event_queue);
    rig_close(&rig);
}
END_TEST

START_TEST(command_reaches_the_exchange_of_workers)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    ck_assert(broker_broadcast(rig.broker, STR("{\"method\": \"ping\"}")));

    UNTIL(&rig, rig.published.len > 0);
    ck_assert(str_eq(buf_str(&rig.published), STR("{\"method\": \"ping\"}")));
    rig_close(&rig);
}
END_TEST

static void
send_reply(struct rig *rig)
{
    amqp_basic_deliver_t deliver = {.consumer_tag = amqp_cstring_bytes("tag")};
    serve_method(rig, 3, AMQP_BASIC_DELIVER_METHOD, &deliver);
    static const char header[] =
        "\x02\x00\x03\x00\x00\x00\x37"
        "\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
        "\xa0\x00\x10"
        "application/json\x00\x00\x00\x14\x06"
        "ticketS\x00\x00\x00\x08"
        "12345678\xce";
    static const char body[] = "\x03\x00\x03\x00\x00\x00\x02{}\xce";
    buf_add(&rig->out, header, sizeof(header) - 1);
    buf_add(&rig->out, body, sizeof(body) - 1);
    serve_flush(rig);
}

START_TEST(replies_are_handed_on_while_they_are_wanted)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    /* All channels are set up once this is answered, the last to be opened. */
    broker_ask_queue(rig.broker, STR("a"));
    UNTIL(&rig, rig.answers.len > 0);

    send_reply(&rig);
    broker_ask_queue(rig.broker, STR("b"));
    UNTIL(&rig, rig.answers.len > 6);
    ck_assert_uint_eq(rig.nreplies, 0);

    broker_collect_replies(rig.broker, true);
    send_reply(&rig);

    UNTIL(&rig, rig.nreplies == 1);
    ck_assert(str_eq(buf_str(&rig.ticket), STR("12345678")));
    rig_close(&rig);
}
END_TEST

START_TEST(heartbeats_are_sent_and_missed)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    /* The server sends none for two seconds, twice the interval. */
    UNTIL(&rig, rig.ndowns == 1);

    ck_assert_uint_ge(rig.nheartbeats, 2);
    ck_assert_int_eq(rig.reason, BROKER_SILENT);
    /* Two intervals of a second but for a tick, on a machine of any speed. */
    ck_assert_int_ge(rig.unheard_ms, 1000);
    rig_close(&rig);
}
END_TEST

START_TEST(frame_of_a_channel_that_is_not_ours_ends_it)
{
    struct rig rig;
    rig_open(&rig);
    rig.foreign_channel = 59999;
    rig_connect(&rig);

    UNTIL(&rig, rig.nfailures + rig.ndowns > 0);

    ck_assert_int_eq(rig.reason, BROKER_PROTOCOL);
    rig_close(&rig);
}
END_TEST

START_TEST(server_that_hangs_up_is_come_back_to)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);

    serve_hang_up(&rig);

    UNTIL(&rig, rig.nups == 2);
    ck_assert_uint_eq(rig.ndowns, 1);
    ck_assert_uint_eq(rig.nconnects, 2);
    ck_assert_int_eq(rig.unheard_ms, 0); /* all it said has come */
    rig_close(&rig);
}
END_TEST

START_TEST(refused_command_makes_workers_unaskable)
{
    struct rig rig;
    rig_open(&rig);
    rig.publish_code = 403;
    open_up(&rig);

    broker_broadcast(rig.broker, STR("{}"));
    UNTIL(&rig, rig.nrefused == 1);
    ck_assert(!broker_broadcast(rig.broker, STR("{}")));
    rig.publish_code = 0;
    serve_hang_up(&rig);

    UNTIL(&rig, rig.nallowed == 1); /* the next connection may do it */
    ck_assert_uint_eq(rig.nrefused, 1);
    rig_close(&rig);
}
END_TEST

START_TEST(refused_reply_queue_makes_workers_unaskable)
{
    struct rig rig;
    rig_open(&rig);
    rig.reply_code = 403;

    open_up(&rig);

    UNTIL(&rig, rig.nrefused == 1);
    ck_assert(broker_broadcast(rig.broker, STR("{}")));
    ck_assert_uint_eq(rig.nallowed + rig.ndowns, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(freed_at_any_moment)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig);
    for (int i = 0; i < _i; i++)
        turn(&rig);

    rig_close(&rig);

    ck_assert_uint_eq(rig.nfailures + rig.ndowns, 0);
}
END_TEST

START_TEST(goodbye_to_a_mute_server_takes_less_than_a_second)
{
    struct rig rig;
    rig_open(&rig);
    open_up(&rig);
    rig.mute = true;

    const int64_t start_ms = clock_now_ms();
    rig_close(&rig);

    ck_assert_int_lt(clock_now_ms() - start_ms, 1500);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, up_once_it_consumes_a_queue_of_its_own);
    tcase_add_loop_test(tc, recorded_deliveries_arrive_however_they_are_cut, 0,
                        COUNT_OF(steps));
    tcase_add_test(tc, lengths_come_in_order_past_queues_that_are_not_there);
    tcase_add_test(tc, more_lengths_than_fit_into_one_flight);
    tcase_add_test(tc, lengths_are_asked_for_while_others_are_told);
    tcase_add_test(tc, name_that_no_queue_can_have_is_not_asked_for);
    tcase_add_test(tc, exchange_of_other_settings_is_looked_for);
    tcase_add_test(tc, deleted_queue_is_made_anew_at_once);
    tcase_add_test(tc, command_reaches_the_exchange_of_workers);
    tcase_add_test(tc, replies_are_handed_on_while_they_are_wanted);
    tcase_add_test(tc, heartbeats_are_sent_and_missed);
    tcase_add_test(tc, frame_of_a_channel_that_is_not_ours_ends_it);
    tcase_add_test(tc, server_that_hangs_up_is_come_back_to);
    tcase_add_test(tc, refused_command_makes_workers_unaskable);
    tcase_add_test(tc, refused_reply_queue_makes_workers_unaskable);
    tcase_add_loop_test(tc, freed_at_any_moment, 0, 12);
    tcase_add_test(tc, goodbye_to_a_mute_server_takes_less_than_a_second);
}
