#include "wire/resp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "resp";

/* Collects replies as text: strings quoted, "+status", "-error", ":integer",
 * "nil", "skipped", "*n" of an inner array; [ ] around an array. */
struct log {
    struct buf text;
    size_t nreplies;
    size_t wire_bytes;
    struct resp *stop; /* stopped by the first reply */
};

static void
log_item(struct buf *out, const struct resp_item *item)
{
    switch (item->type) {
    case RESP_STRING:
        buf_printf(out, "\"%.*s\"", STR_FMT(item->str));
        break;
    case RESP_STATUS:
        buf_printf(out, "+%.*s", STR_FMT(item->str));
        break;
    case RESP_ERROR:
        buf_printf(out, "-%.*s", STR_FMT(item->str));
        break;
    case RESP_INTEGER:
        buf_printf(out, ":%lld", (long long)item->integer);
        break;
    case RESP_NIL:
        buf_printf(out, "nil");
        break;
    case RESP_SKIPPED:
        buf_printf(out, "skipped");
        break;
    case RESP_ARRAY:
        buf_printf(out, "*%lld", (long long)item->integer);
        break;
    }
}

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct log *log = ctx;
    ck_assert(reply->array || reply->nitems == 1);
    buf_printf(&log->text, "%s%s", log->nreplies > 0 ? " " : "",
               reply->array ? "[" : "");
    for (size_t i = 0; i < reply->nitems; i++) {
        if (i > 0)
            buf_add_byte(&log->text, ' ');
        log_item(&log->text, &reply->items[i]);
    }
    if (reply->array)
        buf_add_byte(&log->text, ']');
    log->nreplies++;
    log->wire_bytes += reply->wire_bytes;
    if (log->stop != NULL)
        resp_stop(log->stop);
}

static const struct resp_limits small = {.max_string = 10, .max_items = 6};
static const struct resp_limits usual = {.max_string = 1024 * 1024,
                                         .max_items = 16};

/* Each piece in its own allocation, so that a sanitizer sees a read past its
 * end. */
static enum resp_status
feed_piece(struct resp *resp, struct str piece)
{
    char *copy = malloc(piece.len);
    if (piece.len > 0)
        memcpy(copy, piece.ptr, piece.len);
    const enum resp_status status =
        resp_feed(resp, (struct str){copy, piece.len});
    free(copy);
    return status;
}

static enum resp_status
feed_all(const struct resp_limits *limits, struct str bytes, size_t first,
         size_t step, struct log *log)
{
    *log = (struct log){0};
    struct resp *resp = resp_new(limits, on_reply, log);
    enum resp_status status = feed_piece(resp, str_slice(bytes, 0, first));
    for (size_t at = first; at < bytes.len; at += step)
        status = feed_piece(resp, str_slice(bytes, at, at + step));
    if (status == RESP_OK && resp_pending(resp))
        buf_printf(&log->text, " ...");
    resp_free(resp);
    return status;
}

static const struct {
    struct str bytes;
    const char *want;
} good[] = {
    /* clang-format off */
    {STR_INIT("+OK\r\n"), "+OK"},
    {STR_INIT("+\r\n"), "+"},
    {STR_INIT(":0\r\n:-12\r\n:9223372036854775807\r\n"),
     ":0 :-12 :9223372036854775807"},
    {STR_INIT(":-9223372036854775807\r\n"), ":-9223372036854775807"},
    {STR_INIT("$-1\r\n"), "nil"},
    {STR_INIT("*-1\r\n"), "nil"},
    {STR_INIT("*0\r\n+a\r\n"), "[] +a"},
    {STR_INIT("$0\r\n\r\n"), "\"\""},
    {STR_INIT("$3\r\na\nb\r\n$4\r\n\r\n\r\n\r\n"), "\"a\nb\" \"\r\n\r\n\""},
    {STR_INIT("*2\r\n$4\r\npong\r\n$0\r\n\r\n"), "[\"pong\" \"\"]"},
    {STR_INIT("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\n{}\r\n"
              "*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$1\r\nc\r\n$2\r\n{}\r\n+a\r\n"),
     "[\"message\" \"c\" \"{}\"] [\"pmessage\" \"c*\" \"c\" \"{}\"] +a"},
    {STR_INIT("*2\r\n$1\r\na\r\n$11\r\n0123456789a\r\n*1\r\n$1\r\nb\r\n"),
     "[\"a\" skipped] [\"b\"]"},
    {STR_INIT("*2\r\n$1\r\na\r\n$-1\r\n*1\r\n$1\r\nb\r\n*1\r\n$1\r\n"),
     "[\"a\" nil] [\"b\"] ..."},
    {STR_INIT("*3\r\n$9\r\nsubscribe\r\n+x\r\n:1\r\n-E\r\n"),
     "[\"subscribe\" +x :1] -E"},
    {STR_INIT("*3\r\n*2\r\n:1\r\n:2\r\n*0\r\n*1\r\n$-1\r\n"),
     "[*2 :1 :2 *0 *1 nil]"},
    {STR_INIT("*2\r\n*-1\r\n$-1\r\n"), "[nil nil]"},
    {STR_INIT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+x\r\n"),
     "[*1 *1 *1 *1 *1 +x]"},
    {STR_INIT("$10\r\n0123456789\r\n"), "\"0123456789\""},
    {STR_INIT("$11\r\n0123456789a\r\n+a\r\n"), "skipped +a"},
    {STR_INIT("*4\r\n$13\r\n\r\n$1\r\nx\r\n+x\r\n\r\n$-1\r\n$1\r\ny\r\n"
              "$11\r\n0123456789a\r\n:7\r\n"),
     "[skipped nil \"y\" skipped] :7"},
    {STR_INIT("*6\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n"),
     "[:1 :2 :3 :4 :5 :6]"},
    {STR_INIT("+a\r\n+b"), "+a ..."},
    {STR_INIT("+a\r\n*2\r\n+b\r\n"), "+a ..."},
    {STR_INIT("$5\r\nhello\r"), " ..."},
    {STR_INIT("$"), " ..."},
    /* clang-format on */
};

START_TEST(replies_come_whole_however_the_bytes_are_split)
{
    const struct str bytes = good[_i].bytes;
    for (size_t first = 0; first <= bytes.len; first++)
        for (size_t step = 1; step <= bytes.len; step++) {
            struct log log;

            const enum resp_status status =
                feed_all(&small, bytes, first, step, &log);

            ck_assert_int_eq(status, RESP_OK);
            ck_assert_msg(str_eq(buf_str(&log.text), str_from(good[_i].want)),
                          "cut at %zu, then each %zu: %.*s instead of %s",
                          first, step, STR_FMT(buf_str(&log.text)),
                          good[_i].want);
            if (str_find(str_from(good[_i].want), '.') == strlen(good[_i].want))
                ck_assert_uint_eq(log.wire_bytes, bytes.len);
            buf_close(&log.text);
        }
}
END_TEST

static const struct str bad[] = {
    STR_INIT("*1\r\n$01\r\na\r\n"),
    STR_INIT("*01\r\n$1\r\na\r\n"),
    STR_INIT("*2\r\n$1\r\na\r\n$1\r\na\n\r"),
    STR_INIT("*1\r\n$\r\n\r\n"),
    STR_INIT("*1\r\n$1\rxa\r\n"),
    STR_INIT("*1\r\n$1x\na\r\n"),
    STR_INIT("*7\r\n$1\r\na\r\n"),
    STR_INIT("\r\n"),
    STR_INIT(":\r\n"),
    STR_INIT(":-\r\n"),
    STR_INIT(":1a\r\n"),
    STR_INIT(": 1\r\n"),
    STR_INIT(":+1\r\n"),
    STR_INIT(":01\r\n"),
    STR_INIT(":-0\r\n"),
    STR_INIT(":1\n"),
    STR_INIT(":9223372036854775808\r\n"),
    STR_INIT(":-9223372036854775809\r\n"),
    STR_INIT(":000000000000000000000000000000000000000000"),
    STR_INIT("+OK\n"),
    STR_INIT("-ERR a\rb\r\n"),
    STR_INIT("+\rb\r\n"),
    STR_INIT("+a\r\r\n"),
    STR_INIT("+\n"),
    STR_INIT("$-2\r\n"),
    STR_INIT("$9223372036854775807\r\n"),
    STR_INIT("$3\r\nabcd\r\n"),
    STR_INIT("$3\r\nabc\n\n"),
    STR_INIT("$11\r\n0123456789ab\r\n"), /* too long, and wrongly ended */
    STR_INIT("*-2\r\n"),
    STR_INIT("*7\r\n"),
    STR_INIT("*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*2\r\n"),
    STR_INIT("*6\r\n*1\r\n"),
    /* S4: RESP3, HTTP, TLS alert, AMQP */
    STR_INIT(">4\r\n$8\r\npmessage\r\n"),
    STR_INIT("%1\r\n+a\r\n+b\r\n"),
    STR_INIT("~1\r\n+a\r\n"),
    STR_INIT("_\r\n"),
    STR_INIT("#t\r\n"),
    STR_INIT(",1.5\r\n"),
    STR_INIT("(1\r\n"),
    STR_INIT("=7\r\ntxt:abc\r\n"),
    STR_INIT("!3\r\nERR\r\n"),
    STR_INIT("|1\r\n+a\r\n+b\r\n+c\r\n"),
    STR_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"),
    STR_INIT("\x15\x03\x01\x00\x02\x02\x46"),
    STR_INIT("AMQP\x00\x00\x09\x01"),
};

START_TEST(what_is_not_resp2_kills_the_codec)
{
    for (size_t step = 1; step <= bad[_i].len; step++) {
        struct log log;

        const enum resp_status status =
            feed_all(&small, bad[_i], 0, step, &log);

        ck_assert_msg(status == RESP_PROTOCOL, "%.*s in pieces of %zu",
                      STR_FMT(bad[_i]), step);
        ck_assert_uint_eq(log.nreplies, 0);
        buf_close(&log.text);
    }
}
END_TEST

START_TEST(replies_before_the_damage_are_delivered_and_none_after)
{
    struct log log;

    ck_assert_int_eq(feed_all(&small, STR("+a\r\n:1\r\nx+b\r\n"), 0, 99, &log),
                     RESP_PROTOCOL);

    ck_assert(str_eq(buf_str(&log.text), STR("+a :1")));
    buf_close(&log.text);
}
END_TEST

/* S1: 13 bytes that make hiredis ask for 2 to 14 GB. */
START_TEST(s1_huge_array_is_refused_before_any_allocation)
{
    static const struct str arrays[] = {
        STR_INIT("*268435456\r\n"),
        STR_INIT("*1777777777\r\n"),
        STR_INIT("*9223372036854775807\r\n"),
        STR_INIT("*17\r\n"),
    };
    for (size_t i = 0; i < COUNT_OF(arrays); i++) {
        struct log log;
        ck_assert_int_eq(feed_all(&usual, arrays[i], 0, 99, &log),
                         RESP_PROTOCOL);
        buf_close(&log.text);
    }
}
END_TEST

/* S2: hiredis searches an endless line anew for each piece. */
START_TEST(s2_line_is_refused_at_64_kib)
{
    struct log log = {0};
    struct resp *resp = resp_new(&usual, on_reply, &log);
    char piece[1024];
    memset(piece, 'a', sizeof(piece));
    piece[0] = '+';
    size_t fed = 0;

    while (resp_feed(resp, (struct str){piece, sizeof(piece)}) == RESP_OK) {
        fed += sizeof(piece);
        ck_assert_uint_le(fed, 64 * 1024);
    }

    ck_assert_uint_eq(fed, 64 * 1024);
    resp_free(resp);
    buf_close(&log.text);
}
END_TEST

/* S3: the length of all that a string could ever be; its bytes do not add up
 * anywhere, and what follows is read. */
START_TEST(s3_string_past_the_limit_is_swallowed)
{
    struct log log = {0};
    struct resp *resp = resp_new(&usual, on_reply, &log);
    static char piece[64 * 1024];
    memset(piece, 'x', sizeof(piece));
    ck_assert_int_eq(resp_feed(resp, STR("*2\r\n$67108864\r\n")), RESP_OK);

    for (size_t i = 0; i < 64 * 1024 * 1024 / sizeof(piece); i++)
        ck_assert_int_eq(resp_feed(resp, (struct str){piece, sizeof(piece)}),
                         RESP_OK);
    ck_assert(resp_pending(resp));
    ck_assert_int_eq(resp_feed(resp, STR("\r\n+end\r\n+next\r\n")), RESP_OK);

    ck_assert(str_eq(buf_str(&log.text), STR("[skipped +end] +next")));
    ck_assert_uint_eq(log.wire_bytes, 4 + 11 + 64 * 1024 * 1024 + 2 + 6 + 7);
    ck_assert(!resp_pending(resp));
    resp_free(resp);
    buf_close(&log.text);
}
END_TEST

START_TEST(s3_length_near_the_end_of_the_range_is_only_a_long_string)
{
    struct log log = {0};
    struct resp *resp = resp_new(&usual, on_reply, &log);

    ck_assert_int_eq(resp_feed(resp, STR("$9223372036854775805\r\nabc")),
                     RESP_OK);

    ck_assert(resp_pending(resp));
    ck_assert_uint_eq(log.nreplies, 0);
    resp_free(resp);
}
END_TEST

START_TEST(many_long_strings_of_one_reply_do_not_add_up)
{
    const struct resp_limits limits = {.max_string = 100 * 1024,
                                       .max_items = 16};
    struct buf bytes;
    buf_init(&bytes, 0);
    buf_printf(&bytes, "*3\r\n");
    for (int i = 0; i < 3; i++)
        buf_printf(&bytes, "$%d\r\n%0*d\r\n", 90 * 1024, 90 * 1024, 0);
    struct log log;

    ck_assert_int_eq(feed_all(&limits, buf_str(&bytes), 0, bytes.len, &log),
                     RESP_OK);

    ck_assert(str_starts(buf_str(&log.text), STR("[\"0000")));
    ck_assert_uint_eq(log.text.len,
                      90 * 1024 + strlen("[\"\" skipped skipped]"));
    buf_close(&log.text);
    buf_close(&bytes);
}
END_TEST

START_TEST(stop_ends_delivery_at_once)
{
    struct log log = {0};
    struct resp *resp = resp_new(&usual, on_reply, &log);
    log.stop = resp;

    ck_assert_int_eq(resp_feed(resp, STR("+a\r\n+b\r\n")), RESP_OK);
    ck_assert_int_eq(resp_feed(resp, STR("+c\r\n")), RESP_OK);

    ck_assert(str_eq(buf_str(&log.text), STR("+a")));
    resp_free(resp);
    buf_close(&log.text);
}
END_TEST

/* The second one would be taken without the reader. */
START_TEST(stop_ends_delivery_of_arrays_of_strings_too)
{
    struct log log = {0};
    struct resp *resp = resp_new(&usual, on_reply, &log);
    log.stop = resp;

    ck_assert_int_eq(resp_feed(resp, STR("*1\r\n$1\r\na\r\n"
                                         "*1\r\n$1\r\nb\r\n")),
                     RESP_OK);

    ck_assert(str_eq(buf_str(&log.text), STR("[\"a\"]")));
    resp_free(resp);
    buf_close(&log.text);
}
END_TEST

START_TEST(commands_are_arrays_of_strings)
{
    struct buf out;
    buf_init(&out, 0);

    resp_command(&out, &(const struct str){.ptr = "PING", .len = 4}, 1);
    resp_command(&out, (const struct str[]){STR("GET"), STR("a\r\nb"), {0}}, 3);

    ck_assert(str_eq(buf_str(&out),
                     STR("*1\r\n$4\r\nPING\r\n"
                         "*3\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n")));
    buf_close(&out);
}
END_TEST

/* What a server once sent to a subscriber. */
static struct buf
read_case(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/resp/%s", getenv("TEST_CASES"), name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    struct buf b;
    buf_init(&b, 0);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&b, piece, n);
    fclose(file);
    return b;
}

START_TEST(real_traffic_gives_the_same_replies_at_every_split)
{
    struct buf bytes = read_case("subscriber.resp");
    struct log whole;
    ck_assert_int_eq(feed_all(&usual, buf_str(&bytes), bytes.len, 1, &whole),
                     RESP_OK);
    ck_assert_uint_eq(whole.nreplies, 9);
    ck_assert_uint_eq(whole.wire_bytes, bytes.len);

    for (size_t first = 0; first < bytes.len; first++) {
        struct log log;
        ck_assert_int_eq(
            feed_all(&usual, buf_str(&bytes), first, bytes.len, &log), RESP_OK);
        ck_assert(str_eq(buf_str(&log.text), buf_str(&whole.text)));
        buf_close(&log.text);
    }
    for (size_t step = 1; step < 70; step++) {
        struct log log;
        ck_assert_int_eq(feed_all(&usual, buf_str(&bytes), 0, step, &log),
                         RESP_OK);
        ck_assert(str_eq(buf_str(&log.text), buf_str(&whole.text)));
        buf_close(&log.text);
    }
    buf_close(&whole.text);
    buf_close(&bytes);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, replies_come_whole_however_the_bytes_are_split, 0,
                        (int)COUNT_OF(good));
    tcase_add_loop_test(tc, what_is_not_resp2_kills_the_codec, 0,
                        (int)COUNT_OF(bad));
    tcase_add_test(tc, replies_before_the_damage_are_delivered_and_none_after);
    tcase_add_test(tc, s1_huge_array_is_refused_before_any_allocation);
    tcase_add_test(tc, s2_line_is_refused_at_64_kib);
    tcase_add_test(tc, s3_string_past_the_limit_is_swallowed);
    tcase_add_test(tc,
                   s3_length_near_the_end_of_the_range_is_only_a_long_string);
    tcase_add_test(tc, many_long_strings_of_one_reply_do_not_add_up);
    tcase_add_test(tc, stop_ends_delivery_at_once);
    tcase_add_test(tc, stop_ends_delivery_of_arrays_of_strings_too);
    tcase_add_test(tc, commands_are_arrays_of_strings);
    tcase_add_test(tc, real_traffic_gives_the_same_replies_at_every_split);
}
