#include "wire/pidbox.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "wire/pidbox_body.h"

const char suite_name[] = "pidbox";

/* ---- what the readers say, a line each ---- */

static struct buf said;

static void
open_said(void)
{
    buf_init(&said, 0);
}

static void
close_said(void)
{
    buf_close(&said);
}

static void
say_time(const char *key, double time_s)
{
    if (!isnan(time_s))
        buf_printf(&said, " %s=%.3f", key, time_s);
}

static void
on_stats(void *ctx, struct str node, const struct pidbox_stats *stats)
{
    (void)ctx;
    buf_printf(&said,
               "%.*s pid=%lld clock=%lld pool=%.*s n=%lld prefetch=%lld "
               "rss=%lld up=%lld",
               STR_FMT(node), (long long)stats->pid, (long long)stats->clock,
               STR_FMT(stats->pool), (long long)stats->processes,
               (long long)stats->prefetch, (long long)stats->maxrss,
               (long long)stats->uptime_s);
    for (size_t i = 0; i < stats->ntotals; i++)
        buf_printf(&said, " %.*s:%lld", STR_FMT(stats->totals[i].name),
                   (long long)stats->totals[i].n);
    buf_add_byte(&said, '\n');
}

static void
on_queue(void *ctx, struct str node, const struct pidbox_queue *queue)
{
    (void)ctx;
    if (queue == NULL)
        buf_printf(&said, "%.*s:\n", STR_FMT(node));
    else
        buf_printf(&said, "%.*s%s\n", STR_FMT(queue->name),
                   queue->direct ? " direct" : "");
}

static void
on_request(void *ctx, struct str node, const struct pidbox_request *request)
{
    (void)ctx;
    if (request == NULL) {
        buf_printf(&said, "%.*s:\n", STR_FMT(node));
        return;
    }
    buf_printf(&said, "%.*s %.*s", STR_FMT(request->id),
               STR_FMT(request->name));
    if (request->queue.len > 0)
        buf_printf(&said, " queue=%.*s", STR_FMT(request->queue));
    if (request->direct.len > 0)
        buf_printf(&said, " direct=%.*s", STR_FMT(request->direct));
    say_time("started", request->started_s);
    say_time("eta", request->eta_s);
    buf_add_byte(&said, '\n');
}

static void
on_registered(void *ctx, struct str node, struct str name)
{
    (void)ctx;
    if (name.ptr == NULL)
        buf_printf(&said, "%.*s:\n", STR_FMT(node));
    else
        buf_printf(&said, "%.*s\n", STR_FMT(name));
}

static void
on_ok(void *ctx, struct str node, bool ok, struct str words)
{
    (void)ctx;
    buf_printf(&said, "%.*s %s: %.*s\n", STR_FMT(node), ok ? "ok" : "error",
               STR_FMT(words));
}

enum reader { STATS, QUEUES, REQUESTS, REGISTERED, OK };

static bool
read_with(enum reader reader, struct str body, enum serializer serializer)
{
    buf_clear(&said);
    switch (reader) {
    case STATS:
        return pidbox_read_stats(body, serializer, on_stats, NULL);
    case QUEUES:
        return pidbox_read_queues(body, serializer, on_queue, NULL);
    case REQUESTS:
        return pidbox_read_requests(body, serializer, on_request, NULL);
    case REGISTERED:
        return pidbox_read_registered(body, serializer, on_registered, NULL);
    case OK:
        return pidbox_read_ok(body, serializer, on_ok, NULL);
    }
    return false;
}

static void
expect_said(const char *want)
{
    ck_assert_msg(str_eq(buf_str(&said), str_from(want)),
                  "\ngot:  %.*s\nwant: %s", STR_FMT(buf_str(&said)), want);
}

/* ---- what workers say ---- */

static const struct {
    enum reader reader;
    const char *body;
    const char *want; /* "" = nothing, and false */
} replies[] = {
    {STATS,
     "{\"w@h\": {\"pool\": {\"implementation\": "
     "\"celery.concurrency.prefork:TaskPool\", \"max-concurrency\": 4, "
     "\"processes\": [9, 8]}, \"pid\": 7, \"clock\": \"21\", "
     "\"prefetch_count\": 5, \"rusage\": {\"maxrss\": 55444}, \"uptime\": 6, "
     "\"total\": {\"demo.add\": 2, \"args\": 3}}}",
     "w@h pid=7 clock=21 pool=prefork n=4 prefetch=5 rss=56774656 up=6 "
     "demo.add:2 args:3\n"},
    /* Celery 4.4, the solo pool: no implementation, no uptime */
    {STATS, "{\"w@h\": {\"pool\": {\"processes\": [9]}, \"clock\": 3}}",
     "w@h pid=0 clock=3 pool= n=1 prefetch=-1 rss=-1 up=-1\n"},
    {STATS,
     "{\"w@h\": {\"pool\": {\"max-concurrency\": -4, \"implementation\": 3}, "
     "\"pid\": -1, \"clock\": \"1x\", \"prefetch_count\": 1e5, "
     "\"rusage\": {\"maxrss\": 9223372036854775807}, \"uptime\": NaN, "
     "\"total\": {\"a\": -1, \"b\": 99999999999999999999, \"c\": null}}}",
     "w@h pid=0 clock=-1 pool= n=0 prefetch=-1 rss=-1 up=-1\n"},
    {STATS, "{\"w@h\": {\"pool\": {}, \"total\": [1], \"rusage\": \"N/A\"}}",
     "w@h pid=0 clock=-1 pool= n=0 prefetch=-1 rss=-1 up=-1\n"},
    {STATS, "{\"w@h\": {\"error\": \"KeyError('stats')\"}}", ""},
    {STATS, "{\"w@h\": null}", ""},

    {QUEUES,
     "{\"w@h\": [{\"name\": \"celery\", \"exchange\": {\"name\": \"celery\", "
     "\"type\": \"direct\"}}, {\"name\": \"t\", \"exchange\": {\"name\": "
     "\"t\", \"type\": \"topic\"}}, {\"name\": \"o\", \"exchange\": "
     "{\"name\": \"x\", \"type\": \"direct\"}}]}",
     "w@h:\ncelery direct\nt\no\n"},
    {QUEUES, "{\"w@h\": []}", "w@h:\n"},
    {QUEUES, "{\"w@h\": [{\"name\": \"\"}, {\"name\": 3}, null, \"q\", []]}",
     "w@h:\n"},
    {QUEUES, "{\"w@h\": {\"error\": \"...\"}}", ""},
    {QUEUES, "{\"a@h\": [], \"b@h\": null, \"c@h\": []}", "a@h:\nc@h:\n"},

    {REQUESTS,
     "{\"w@h\": [{\"id\": \"1\", \"name\": \"demo.add\", \"args\": [NaN, "
     "\"\\ud800\"], \"kwargs\": {\"x\": Infinity}, \"time_start\": 17.5, "
     "\"delivery_info\": {\"exchange\": \"\", \"routing_key\": \"celery\"}}]}",
     "w@h:\n1 demo.add queue=celery started=17.500\n"},
    {REQUESTS,
     "{\"w@h\": [{\"eta\": \"2026-11-22T10:19:01.5+00:00\", \"priority\": 6, "
     "\"request\": {\"id\": \"1\", \"name\": \"demo.add\", \"time_start\": "
     "null, \"delivery_info\": {\"exchange\": \"q\", \"routing_key\": "
     "\"q\"}}}]}",
     "w@h:\n1 demo.add direct=q eta=1795342741.500\n"},
    /* a topic exchange: where that leads is not known */
    {REQUESTS,
     "{\"w@h\": [{\"id\": \"1\", \"name\": \"n\", \"time_start\": 1e999, "
     "\"delivery_info\": {\"exchange\": \"media\", \"routing_key\": "
     "\"video.x\"}}, {\"id\": \"2\", \"name\": \"n\", \"delivery_info\": "
     "{\"exchange\": null, \"routing_key\": \"q\"}}]}",
     "w@h:\n1 n\n2 n\n"},
    {REQUESTS,
     "{\"w@h\": [{\"id\": 3, \"name\": \"n\"}, {\"id\": \"\", \"name\": "
     "\"n\"}, {\"id\": \"1\"}, {\"eta\": \"soon\", \"request\": null}, 7, "
     "null, [], {\"id\": \"4\", \"name\": \"n\", \"delivery_info\": 5}]}",
     "w@h:\n4 n\n"},
    {REQUESTS, "{\"w@h\": []}", "w@h:\n"},
    {REQUESTS, "{\"w@h\": {\"error\": \"TypeError('safe')\"}}", ""},

    {REGISTERED,
     "{\"w@h\": [\"demo.add\", \"demo.slow [rate_limit=2/s]\", \"a[0]\", "
     "\"two words\", 5, \"\", \" [x]\"]}",
     "w@h:\ndemo.add\ndemo.slow\na[0]\ntwo words\n"},
    {REGISTERED, "{\"w@h\": null}", ""},

    {OK, "{\"w@h\": {\"ok\": \"task events enabled\"}}",
     "w@h ok: task events enabled\n"},
    {OK, "{\"w@h\": {\"error\": \"AttributeError(...)\"}}",
     "w@h error: AttributeError(...)\n"},
    {OK, "{\"w@h\": null}", ""},
    {OK, "{\"w@h\": {\"ok\": 1}}", ""},
};

START_TEST(reply_is_read_as_expected)
{
    const bool any = read_with(replies[_i].reader, str_from(replies[_i].body),
                               SERIALIZER_JSON);

    expect_said(replies[_i].want);
    ck_assert_int_eq(any, replies[_i].want[0] != '\0');
}
END_TEST

static const char *const broken[] = {
    "",
    "null",
    "[]",
    "{}",
    "7",
    "\"w@h\"",
    "{\"w@h\"",
    "{\"w@h\": [",
    "{\"w@h\": [}",
    "{\"w@h\": []}x",
    "{\"w@h\": [] \"a\": []}",
    "\xff\xfe",
};

START_TEST(what_is_no_reply_gives_nothing)
{
    for (int reader = STATS; reader <= OK; reader++) {
        ck_assert(!read_with((enum reader)reader, str_from(broken[_i]),
                             SERIALIZER_JSON));
        expect_said("");
        ck_assert(!read_with((enum reader)reader, str_from(broken[_i]),
                             SERIALIZER_MSGPACK));
        expect_said("");
    }
}
END_TEST

START_TEST(texts_of_any_kind_come_out_as_utf8_without_nul)
{
    ck_assert(read_with(REGISTERED,
                        STR("{\"w\\u0040h\": [\"t\\u00e2che\", \"a\\u0000b\", "
                            "\"\\ud800\", \"\xff\"]}"),
                        SERIALIZER_JSON));

    expect_said("w@h:\nt\xc3\xa2"
                "che\na\xef\xbf\xbd"
                "b\n\xef\xbf\xbd\n\xef\xbf\xbd\n");
}
END_TEST

START_TEST(the_last_of_two_results_of_one_node_counts)
{
    ck_assert(read_with(REGISTERED, STR("{\"w@h\": [\"a\"], \"w@h\": [\"b\"]}"),
                        SERIALIZER_JSON));

    expect_said("w@h:\nb\n");
}
END_TEST

/* ---- bounds ---- */

static void
add_times(struct buf *body, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_add_str(body, str_from(text));
}

START_TEST(nesting_without_end_is_harmless)
{
    struct buf body;
    buf_init(&body, 0);
    buf_add_str(&body, STR("{\"w@h\": [\"a\", "));
    add_times(&body, "[{\"x\":", 100000);
    buf_add_byte(&body, '1');
    add_times(&body, "}]", 100000);
    buf_add_str(&body, STR(", \"b\"]}"));

    ck_assert(read_with(REGISTERED, buf_str(&body), SERIALIZER_JSON));

    expect_said("w@h:\na\nb\n");
    buf_close(&body);
}
END_TEST

START_TEST(a_reply_of_too_many_values_or_bytes_is_refused)
{
    struct buf body;
    buf_init(&body, 0);
    buf_add_str(&body, STR("{\"w@h\": [0"));
    add_times(&body, ",0", PIDBOX_MAX_VALUES - 3);
    buf_add_str(&body, STR("]}"));
    ck_assert(read_with(REGISTERED, buf_str(&body), SERIALIZER_JSON));
    body.len -= 2;
    buf_add_str(&body, STR(",0]}"));
    ck_assert(!read_with(REGISTERED, buf_str(&body), SERIALIZER_JSON));

    buf_clear(&body);
    buf_add_str(&body, STR("{\"w@h\": []}"));
    add_times(&body, " ", PIDBOX_MAX_BYTES - body.len);
    ck_assert(read_with(REGISTERED, buf_str(&body), SERIALIZER_JSON));
    buf_add_byte(&body, ' ');
    ck_assert(!read_with(REGISTERED, buf_str(&body), SERIALIZER_JSON));
    buf_close(&body);
}
END_TEST

/* ---- msgpack ---- */

/* A build may have none. */
static bool
has_msgpack(void)
{
    json_t *empty = pidbox_load_msgpack(STR("\x80"));
    const bool has = empty != NULL;
    json_decref(empty);
    return has;
}

/* As a worker with task_serializer msgpack replies, and the same from one that
 * packs texts as bytes. */
static const struct str packed[] = {
    STR_INIT("\x81\xa3w@h\x91\x84\xa2id\xa1"
             "1\xa4name\xa6"
             "demo.x\xa4"
             "args\x91\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xaa"
             "time_start\xcb\x40\x31\x80\x00\x00\x00\x00\x00"),
    STR_INIT("\x81\xc4\x03w@h\x91\x84\xc4\x02id\xc4\x01"
             "1\xc4\x04name\xc4\x06"
             "demo.x\xc4\x04"
             "args\xc0\xc4\x0a"
             "time_start\xcb\x40\x31\x80\x00\x00\x00\x00\x00"),
};

START_TEST(msgpack_says_the_same)
{
    ck_assert(read_with(REQUESTS, packed[_i], SERIALIZER_MSGPACK));

    expect_said("w@h:\n1 demo.x started=17.500\n");
}
END_TEST

START_TEST(msgpack_cut_short_or_announcing_too_much_gives_nothing)
{
    for (size_t len = 0; len < packed[0].len; len++)
        ck_assert(!read_with(REQUESTS, str_slice(packed[0], 0, len),
                             SERIALIZER_MSGPACK));
    ck_assert(!read_with(REQUESTS, STR("\x81\xa3w@h\xdd\xff\xff\xff\xff"),
                         SERIALIZER_MSGPACK));
    ck_assert(
        !read_with(REQUESTS, STR("\x81\xa3w@h\x90\x90"), SERIALIZER_MSGPACK));
}
END_TEST

START_TEST(msgpack_values_of_any_kind_are_harmless)
{
    /* keys that are no texts, extensions, integers beyond 63 bits, NUL */
    ck_assert(read_with(
        REGISTERED,
        STR("\x82\x01\x90\xa3w@h\x96\xc7\x01\x05x\xcf\xff\xff\xff\xff\xff"
            "\xff\xff\xff\xa3"
            "a\x00"
            "b\xc0\x82\xc0\xc0\x90\x91\xc0\xa1"
            "c"),
        SERIALIZER_MSGPACK));

    expect_said("w@h:\na\xef\xbf\xbd"
                "b\nc\n");
}
END_TEST

/* ---- commands ---- */

static json_t *
encode(const struct pidbox_command *command)
{
    struct buf out;
    buf_init(&out, 0);
    pidbox_encode(&out, command);
    json_t *body = json_loadb(out.ptr, out.len, 0, NULL);
    buf_close(&out);
    ck_assert_ptr_nonnull(body);
    return body;
}

static void
expect_command(const struct pidbox_command *command, const char *want)
{
    json_t *got = encode(command);
    json_t *wanted = json_loads(want, 0, NULL);
    ck_assert_ptr_nonnull(wanted);
    ck_assert_msg(json_equal(got, wanted), "%s", want);
    json_decref(wanted);
    json_decref(got);
}

START_TEST(a_command_to_all_has_no_destination)
{
    expect_command(&(struct pidbox_command){.method = "heartbeat"},
                   "{\"method\": \"heartbeat\", \"arguments\": {}, "
                   "\"destination\": null, \"pattern\": null, "
                   "\"matcher\": null}");
}
END_TEST

START_TEST(a_question_says_where_the_answer_goes)
{
    const struct str nodes[] = {STR_INIT("w@h"), STR_INIT("w\"2@h")};

    expect_command(
        &(struct pidbox_command){.method = "active",
                                 .ticket = "t1",
                                 .exchange = "reply.celery.pidbox",
                                 .reply_key = STR("key and more"),
                                 .destination = nodes,
                                 .ndestination = COUNT_OF(nodes),
                                 .flag = "safe"},
        "{\"method\": \"active\", \"arguments\": {\"safe\": true}, "
        "\"destination\": [\"w@h\", \"w\\\"2@h\"], \"pattern\": null, "
        "\"matcher\": null, \"ticket\": \"t1\", \"reply_to\": {\"exchange\": "
        "\"reply.celery.pidbox\", \"routing_key\": \"key and more\"}}");
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_said, close_said);
    tcase_add_loop_test(tc, reply_is_read_as_expected, 0, COUNT_OF(replies));
    tcase_add_loop_test(tc, what_is_no_reply_gives_nothing, 0,
                        COUNT_OF(broken));
    tcase_add_test(tc, texts_of_any_kind_come_out_as_utf8_without_nul);
    tcase_add_test(tc, the_last_of_two_results_of_one_node_counts);
    tcase_add_test(tc, nesting_without_end_is_harmless);
    tcase_add_test(tc, a_reply_of_too_many_values_or_bytes_is_refused);
    if (has_msgpack()) {
        tcase_add_loop_test(tc, msgpack_says_the_same, 0, COUNT_OF(packed));
        tcase_add_test(tc,
                       msgpack_cut_short_or_announcing_too_much_gives_nothing);
        tcase_add_test(tc, msgpack_values_of_any_kind_are_harmless);
    }
    tcase_add_test(tc, a_command_to_all_has_no_destination);
    tcase_add_test(tc, a_question_says_where_the_answer_goes);
}
