#include "../suite.h"
#include "broker_rig.h"
#include "io/redis_binding.h"

/* What a Redis server is asked about queues, apart from their lengths. */

const char suite_name[] = "redis_questions";

#define SEP "\x06\x16"

static void
open_up(struct rig *rig)
{
    rig_connect(rig, "redis://127.0.0.1:%u/1");
    WAIT_FOR(rig, rig->nup == 1);
    WAIT_FOR(rig, broker_ask_queue(rig->broker, STR("probe")));
    WAIT_FOR(rig, contains(&rig->queues, "probe="));
    buf_clear(&rig->queues);
    buf_clear(&rig->steps);
    buf_clear(&rig->fake.log);
}

static size_t
count_of(const struct buf *b, const char *text)
{
    size_t n = 0;
    struct str rest = buf_str(b);
    const char *at;
    while (rest.len > 0 &&
           (at = memmem(rest.ptr, rest.len, text, strlen(text))) != NULL) {
        n++;
        rest = str_slice(rest, (size_t)(at - rest.ptr) + 1, rest.len);
    }
    return n;
}

static bool
is_logged(const struct rig *rig, const char *text, size_t times)
{
    struct buf log = logged(rig);
    const bool is = count_of(&log, text) == times;
    buf_close(&log);
    return is;
}

/* Unacknowledged messages */

static const struct {
    const char *count;
    const char *oldest;
    const char *want;
    size_t nwarnings;
} unacked[] = {
    {":4\r\n", "*2\r\n$3\r\ntag\r\n$18\r\n1790000000.1234567\r\n",
     "4 1790000000.123\n", 0},
    {":0\r\n", "*0\r\n", "0 nan\n", 0},
    {"-NOPERM no\r\n", "-NOPERM no\r\n", "-1 nan\n", 1},
    {"-WRONGTYPE no hash\r\n", "*0\r\n", "-1 nan\n", 1},
    {":4\r\n", "-NOPERM no\r\n", "4 nan\n", 1},
    {"-LOADING still\r\n", "-LOADING still\r\n", "-1 nan\n", 0},
    /* What no Redis says */
    {":-4\r\n", "*2\r\n$1\r\nt\r\n$3\r\ninf\r\n", "-1 nan\n", 0},
    {"$1\r\n4\r\n", "*2\r\n$1\r\nt\r\n$1\r\nx\r\n", "-1 nan\n", 0},
    {"*1\r\n:4\r\n", "*2\r\n$1\r\nt\r\n$-1\r\n", "-1 nan\n", 0},
    {":4\r\n", "*4\r\n$1\r\nt\r\n$1\r\n1\r\n$1\r\nu\r\n$1\r\n2\r\n", "4 nan\n",
     0},
    {":4\r\n", "*2\r\n$1\r\nt\r\n$2\r\n-1\r\n", "4 nan\n", 0},
};

START_TEST(unacked_messages_and_the_oldest_of_them)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "HLEN", unacked[_i].count);
    fake_answer(&rig.fake, "ZRANGE", unacked[_i].oldest);
    open_up(&rig);

    for (int i = 0; i < 2; i++) {
        buf_clear(&rig.unacked);
        ck_assert(broker_ask_unacked(rig.broker));
        WAIT_FOR(&rig, rig.unacked.len > 0);
        ck_assert_msg(text_is(&rig.unacked, unacked[_i].want), "%.*s",
                      STR_FMT(buf_str(&rig.unacked)));
    }

    ck_assert(is_logged(&rig, "Cannot read unacknowledged messages",
                        unacked[_i].nwarnings));
    rig_close(&rig);
}
END_TEST

START_TEST(keys_of_the_unacked_are_kombu_s)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p:";
    fake_answer(&rig.fake, "ZRANGE", "*0\r\n");
    open_up(&rig);

    ck_assert(broker_ask_unacked(rig.broker));
    ck_assert(!broker_ask_unacked(rig.broker)); /* one after the other */
    WAIT_FOR(&rig, rig.unacked.len > 0);

    ck_assert(text_is(&rig.fake.log, "2 HLEN p:unacked\n"
                                     "2 ZRANGE p:unacked_index 0 0 "
                                     "WITHSCORES\n"));
    rig_close(&rig);
}
END_TEST

START_TEST(keys_of_the_unacked_are_the_transport_options)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.unacked_key = "held";
    rig.config.unacked_index_key = "held since";
    fake_answer(&rig.fake, "ZRANGE", "*0\r\n");
    open_up(&rig);

    ck_assert(broker_ask_unacked(rig.broker));
    WAIT_FOR(&rig, rig.unacked.len > 0);

    ck_assert(contains(&rig.fake.log, "HLEN held\n"));
    ck_assert(contains(&rig.fake.log, "ZRANGE held since 0 0"));
    rig_close(&rig);
}
END_TEST

START_TEST(question_is_open_again_after_a_break)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "ZRANGE", "");
    fake_answer(&rig.fake, "SCAN", "");
    open_up(&rig);
    ck_assert(broker_ask_unacked(rig.broker));
    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, contains(&rig.fake.log, "SCAN"));

    fake_close_conn(rig.fake.conns[1]);
    fake_answer(&rig.fake, "ZRANGE", "*0\r\n");
    fake_answer(&rig.fake, "SCAN", "*2\r\n$1\r\n0\r\n*0\r\n");
    WAIT_FOR(&rig, rig.fake.nconns == 3);

    bool asked = false;
    WAIT_FOR(&rig, asked |= broker_ask_unacked(rig.broker));
    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, rig.unacked.len > 0 && rig.bound.len > 0);
    ck_assert(text_is(&rig.unacked, "1 nan\n"));
    ck_assert(text_is(&rig.bound, "."));
    rig_close(&rig);
}
END_TEST

/* Bindings */

/* A page: the cursor of the next, and what is in it, up to NULL. */
static char *
page(const char *cursor, const char *const *items)
{
    struct buf b;
    buf_init(&b, 0);
    size_t n = 0;
    while (items[n] != NULL)
        n++;
    buf_printf(&b, "*2\r\n$%zu\r\n%s\r\n*%zu\r\n", strlen(cursor), cursor, n);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "$%zu\r\n%s\r\n", strlen(items[i]), items[i]);
    buf_add_byte(&b, '\0');
    return b.ptr;
}

#define PAGE(cursor, ...) page(cursor, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(queues_are_found_in_the_sets_of_bindings)
{
    struct rig rig;
    rig_open(&rig);
    rig.config.global_keyprefix = "p*:";
    char *keys =
        PAGE("0", "p*:_kombu.binding.work", "p*:_kombu.binding.celeryev",
             "p*:_kombu.binding.celery.pidbox",
             "p*:_kombu.binding.reply.celery.pidbox");
    char *members = PAGE("0", "k" SEP SEP "work", SEP "#" SEP "idle");
    fake_answer(&rig.fake, "SCAN", keys);
    fake_answer(&rig.fake, "SSCAN", members);
    open_up(&rig);

    ck_assert(broker_ask_bindings(rig.broker));
    ck_assert(!broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, contains(&rig.bound, "."));

    ck_assert(text_is(&rig.bound, "work\nidle\n."));
    ck_assert(text_is(&rig.fake.log,
                      "2 SCAN 0 MATCH p\\*:_kombu.binding.* COUNT 1000\n"
                      "2 SSCAN p*:_kombu.binding.work 0 COUNT 1000\n"));
    rig_close(&rig);
    free(keys);
    free(members);
}
END_TEST

START_TEST(pages_follow_each_other_to_the_last)
{
    struct rig rig;
    rig_open(&rig);
    char *first = PAGE("77", "_kombu.binding.a");
    char *last = PAGE("0", "_kombu.binding.b");
    char *members1 = PAGE("5", SEP SEP "q1");
    char *members2 = PAGE("0", SEP SEP "q2");
    fake_answer(&rig.fake, "SCAN", first);
    fake_answer(&rig.fake, "SSCAN", members1);
    open_up(&rig);

    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, contains(&rig.fake.log, "SSCAN _kombu.binding.a 0"));
    fake_answer(&rig.fake, "SSCAN", members2);
    fake_answer(&rig.fake, "SCAN", last);
    WAIT_FOR(&rig, contains(&rig.bound, "."));

    ck_assert(contains(&rig.fake.log, "SCAN 0 MATCH"));
    ck_assert(contains(&rig.fake.log, "SSCAN _kombu.binding.a 5 COUNT"));
    ck_assert(contains(&rig.fake.log, "SCAN 77 MATCH"));
    ck_assert(contains(&rig.fake.log, "SSCAN _kombu.binding.b 0 COUNT"));
    ck_assert(text_is(&rig.bound, "q1\nq2\nq2\n."));
    rig_close(&rig);
    free(first);
    free(last);
    free(members1);
    free(members2);
}
END_TEST

START_TEST(question_is_bounded_and_the_next_goes_on)
{
    struct rig rig;
    rig_open(&rig);
    char *endless = page("77", (const char *const[]){NULL});
    fake_answer(&rig.fake, "SCAN", endless);
    open_up(&rig);

    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, contains(&rig.bound, "."));
    ck_assert_uint_eq(count_of(&rig.fake.log, "SCAN"), 2000);
    buf_clear(&rig.fake.log);
    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, rig.fake.log.len > 0);

    ck_assert(contains(&rig.fake.log, "SCAN 77 MATCH"));
    rig_close(&rig);
    free(endless);
}
END_TEST

START_TEST(giant_set_does_not_hide_the_others)
{
    enum { MEMBERS = 1000 };
    struct rig rig;
    rig_open(&rig);
    char *keys = PAGE("0", "_kombu.binding.small", "_kombu.binding.giant");
    const char *items[MEMBERS + 1] = {NULL};
    for (size_t i = 0; i < MEMBERS; i++)
        items[i] = SEP SEP "same";
    char *members = page("9", items);
    fake_answer(&rig.fake, "SCAN", keys);
    fake_answer(&rig.fake, "SSCAN", members);
    open_up(&rig);

    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, count_of(&rig.bound, ".") == 1);
    ck_assert_uint_eq(rig.nbound, 10000);
    ck_assert(!contains(&rig.fake.log, "binding.small"));
    ck_assert(broker_ask_bindings(rig.broker));
    WAIT_FOR(&rig, count_of(&rig.bound, ".") == 2);

    ck_assert(contains(&rig.fake.log, "binding.small"));
    ck_assert_uint_eq(count_of(&rig.fake.log, " SCAN"), 1);
    rig_close(&rig);
    free(keys);
    free(members);
}
END_TEST

static const struct {
    const char *keys;
    const char *members;
    const char *want;
    size_t nwarnings;
} answers[] = {
    {"-NOPERM no\r\n", "", "refused.", 1},
    {"*2\r\n$1\r\n0\r\n*1\r\n$16\r\n_kombu.binding.a\r\n", "-NOPERM no\r\n",
     "refused.", 1},
    {"*2\r\n$1\r\n0\r\n*1\r\n$16\r\n_kombu.binding.a\r\n",
     "-WRONGTYPE no set\r\n", ".", 0},
    /* What no Redis says */
    {":1\r\n", "", "refused.", 0},
    {"*0\r\n", "", "refused.", 0},
    {"*2\r\n$1\r\n0\r\n$1\r\n0\r\n", "", "refused.", 0},
    {"*2\r\n$0\r\n\r\n*0\r\n", "", "refused.", 0},
    {"*2\r\n$21\r\n123456789012345678901\r\n*0\r\n", "", "refused.", 0},
    {"*2\r\n$1\r\n0\r\n*1\r\n$5\r\nother\r\n", "", ".", 0},
    {"*2\r\n$1\r\n0\r\n*2\r\n:1\r\n$-1\r\n", "", ".", 0},
    {"*2\r\n$1\r\n0\r\n*1\r\n$16\r\n_kombu.binding.a\r\n", ":1\r\n", ".", 0},
    {"*2\r\n$1\r\n0\r\n*1\r\n$16\r\n_kombu.binding.a\r\n",
     "*2\r\n$1\r\n0\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", ".", 0},
};

START_TEST(strange_and_refusing_answers_end_the_question)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "SCAN", answers[_i].keys);
    fake_answer(&rig.fake, "SSCAN", answers[_i].members);
    open_up(&rig);

    for (int i = 0; i < 2; i++) {
        buf_clear(&rig.bound);
        ck_assert(broker_ask_bindings(rig.broker));
        WAIT_FOR(&rig, rig.bound.len > 0);
        ck_assert_msg(text_is(&rig.bound, answers[_i].want), "%.*s",
                      STR_FMT(buf_str(&rig.bound)));
    }

    ck_assert(is_logged(&rig, "Cannot look for queues", answers[_i].nwarnings));
    ck_assert_uint_eq(rig.fake.nconns, 2); /* it is the same connection */
    rig_close(&rig);
}
END_TEST

START_TEST(freed_in_the_midst_of_a_question)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "SCAN", "*2\r\n$1\r\n7\r\n*0\r\n");
    open_up(&rig);

    ck_assert(broker_ask_bindings(rig.broker));
    ck_assert(broker_ask_unacked(rig.broker));
    for (int i = 0; i < _i; i++)
        uv_run(&rig.loop, UV_RUN_NOWAIT);

    rig_close(&rig);
}
END_TEST

static const struct {
    const char *sep;
    struct str member;
    const char *queue; /* NULL: none */
} members[] = {
    {NULL, STR_INIT("celery" SEP SEP "celery"), "celery"},
    {NULL, STR_INIT("a.#" SEP "a\\..*?" SEP "topic q"), "topic q"},
    {NULL, STR_INIT(SEP SEP "q"), "q"},
    {":", STR_INIT("k::q"), "q"},
    {":", STR_INIT("k::q:1"), NULL},
    {NULL, STR_INIT(""), NULL},
    {NULL, STR_INIT("q"), NULL},
    {NULL, STR_INIT("k" SEP "q"), NULL},
    {NULL, STR_INIT("k" SEP SEP), NULL},
    {NULL, STR_INIT(SEP SEP SEP), NULL},
    {NULL, STR_INIT("k" SEP SEP "q" SEP "more"), NULL},
    {NULL, STR_INIT("\x06"), NULL},
    {NULL, STR_INIT(SEP SEP "bcast.0a6b"), NULL},
    {NULL, STR_INIT(SEP SEP "celeryev.0a6b"), NULL},
    {NULL, STR_INIT(SEP SEP "w@h.celery.pidbox"), NULL},
    {NULL, STR_INIT(SEP SEP "celery\xff\n\"q"), "celery\xff\n\"q"},
};

START_TEST(queue_is_the_third_part_of_a_member)
{
    const struct broker_config config = {.sep = members[_i].sep,
                                         .global_keyprefix = "",
                                         .event_exchange = "celeryev"};
    struct str queue;

    const bool is = redis_binding_queue(&config, members[_i].member, &queue);

    ck_assert_int_eq(is, members[_i].queue != NULL);
    if (is)
        ck_assert(str_eq(queue, str_from(members[_i].queue)));
}
END_TEST

START_TEST(queue_has_a_name_of_at_most_255_bytes)
{
    const struct broker_config config = {.global_keyprefix = ""};
    char member[4 + 256];
    memset(member, 'q', sizeof(member));
    memcpy(member, SEP SEP, 4);
    struct str queue;

    ck_assert(
        redis_binding_queue(&config, (struct str){member, 4 + 255}, &queue));
    ck_assert(
        !redis_binding_queue(&config, (struct str){member, 4 + 256}, &queue));
}
END_TEST

static const struct {
    struct str key;
    bool is;
} keys[] = {
    {STR_INIT("p:_kombu.binding.celery"), true},
    {STR_INIT("p:_kombu.binding."), true},
    {STR_INIT("_kombu.binding.celery"), false},
    {STR_INIT("p:_kombu.binding"), false},
    {STR_INIT("p:"), false},
    {STR_INIT(""), false},
    {STR_INIT("p:_kombu.binding.celeryev"), false},
    {STR_INIT("p:_kombu.binding.myev"), false},
    {STR_INIT("p:_kombu.binding.celery.pidbox"), false},
    {STR_INIT("p:_kombu.binding.reply.celery.pidbox"), false},
    {STR_INIT("p:_kombu.binding.other.pidbox"), false},
    {STR_INIT("p:_kombu.binding.a\0b"), false},
};

START_TEST(sets_of_events_and_commands_are_not_of_tasks)
{
    const struct broker_config config = {.global_keyprefix = "p:",
                                         .event_exchange = "myev"};

    ck_assert_int_eq(redis_binding_is_of_tasks(&config, keys[_i].key),
                     keys[_i].is);
}
END_TEST

/* Refusals */

START_TEST(refused_command_is_told_until_one_is_taken)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "PUBLISH", "-NOPERM no publish\r\n");
    open_up(&rig);

    ck_assert(broker_broadcast(rig.broker, STR("{}")));
    ck_assert(broker_broadcast(rig.broker, STR("{}")));
    WAIT_FOR(&rig, rig.refusals.len > 0);
    fake_answer(&rig.fake, "PUBLISH", ":0\r\n");
    ck_assert(broker_broadcast(rig.broker, STR("{}")));
    WAIT_FOR(&rig, contains(&rig.refusals, "allowed"));

    ck_assert(text_is(&rig.refusals, "refused allowed "));
    rig_close(&rig);
}
END_TEST

static const char *const reply_verbs[] = {"SADD", "RPOP"};

START_TEST(refused_reply_queue_is_told_until_it_works)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, reply_verbs[_i], "-NOPERM no\r\n");
    open_up(&rig);

    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, rig.refusals.len > 0);
    broker_collect_replies(rig.broker, false);
    fake_answer(&rig.fake, reply_verbs[_i], _i == 0 ? ":1\r\n" : "$-1\r\n");
    broker_collect_replies(rig.broker, true);
    WAIT_FOR(&rig, contains(&rig.refusals, "allowed"));

    ck_assert(text_is(&rig.refusals, "refused allowed "));
    rig_close(&rig);
}
END_TEST

START_TEST(refused_database_leaves_no_way_for_replies)
{
    struct rig rig;
    rig_open(&rig);
    fake_answer(&rig.fake, "SELECT", "-NOPERM no select\r\n");
    rig_connect(&rig, "redis://127.0.0.1:%u/1");

    WAIT_FOR(&rig, rig.refusals.len > 0);

    ck_assert(text_is(&rig.refusals, "refused "));
    ck_assert(!broker_ask_unacked(rig.broker));
    ck_assert(!broker_ask_bindings(rig.broker));
    rig_close(&rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, unacked_messages_and_the_oldest_of_them, 0,
                        (int)COUNT_OF(unacked));
    tcase_add_test(tc, keys_of_the_unacked_are_kombu_s);
    tcase_add_test(tc, keys_of_the_unacked_are_the_transport_options);
    tcase_add_test(tc, question_is_open_again_after_a_break);
    tcase_add_test(tc, queues_are_found_in_the_sets_of_bindings);
    tcase_add_test(tc, pages_follow_each_other_to_the_last);
    tcase_add_test(tc, question_is_bounded_and_the_next_goes_on);
    tcase_add_test(tc, giant_set_does_not_hide_the_others);
    tcase_add_loop_test(tc, strange_and_refusing_answers_end_the_question, 0,
                        (int)COUNT_OF(answers));
    tcase_add_loop_test(tc, freed_in_the_midst_of_a_question, 0, 8);
    tcase_add_loop_test(tc, queue_is_the_third_part_of_a_member, 0,
                        (int)COUNT_OF(members));
    tcase_add_test(tc, queue_has_a_name_of_at_most_255_bytes);
    tcase_add_loop_test(tc, sets_of_events_and_commands_are_not_of_tasks, 0,
                        (int)COUNT_OF(keys));
    tcase_add_test(tc, refused_command_is_told_until_one_is_taken);
    tcase_add_loop_test(tc, refused_reply_queue_is_told_until_it_works, 0,
                        (int)COUNT_OF(reply_verbs));
    tcase_add_test(tc, refused_database_leaves_no_way_for_replies);
}
