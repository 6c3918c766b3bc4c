#include "wire/amqp_content.h"
#include "wire/amqp_frame.h"
#include "wire/amqp_method.h"

#include <string.h>

#include "../cases.h"
#include "../suite.h"
#include "base/hash.h"

const char suite_name[] = "amqp";

enum { BODY_MAX = 100000 };

/* What came out of a stream of bytes. */
struct seen {
    struct amqp_content content;
    amqp_pool_t pool;
    size_t nframes;
    size_t nmethods; /* without basic.deliver */
    size_t nmessages;
    size_t body_bytes;
    size_t wire_bytes;
    size_t nrefused;
    bool broken;
    uint64_t digest;
};

static void
add(struct seen *seen, struct str bytes)
{
    const struct hash_key key = {0};
    seen->digest =
        hash_mix(key, seen->digest,
                 bytes.len > 0 ? hash_bytes(key, bytes).low : bytes.len);
}

static void
take_content(struct seen *seen, const struct amqp_frame *frame)
{
    switch (amqp_content_add(&seen->content, frame)) {
    case AMQP_CONTENT_MORE:
        return;
    case AMQP_CONTENT_BROKEN:
        seen->broken = true;
        return;
    case AMQP_CONTENT_DONE:
        break;
    }
    seen->wire_bytes += seen->content.message.wire_bytes;
    if (seen->content.reject != REJECT_NONE) {
        seen->nrefused++;
        return;
    }
    seen->nmessages++;
    seen->body_bytes += seen->content.message.body.len;
    add(seen, seen->content.message.body);
    add(seen, seen->content.message.ticket);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct seen *seen = ctx;
    seen->nframes++;
    add(seen, frame->payload);
    if (frame->type != AMQP_FRAME_METHOD ||
        amqp_method_id(frame->payload) == AMQP_BASIC_DELIVER_METHOD) {
        take_content(seen, frame);
        return true;
    }
    amqp_method_t method = {0};
    seen->nmethods++;
    seen->broken |= !amqp_read_method(frame->payload, &seen->pool, &method);
    recycle_amqp_pool(&seen->pool);
    return true;
}

static void
open_seen(struct seen *seen, size_t body_max)
{
    *seen = (struct seen){0};
    amqp_content_init(&seen->content, body_max);
    init_amqp_pool(&seen->pool, 4096);
}

static void
close_seen(struct seen *seen)
{
    amqp_content_close(&seen->content);
    empty_amqp_pool(&seen->pool);
}

/* Feeds the first `first` bytes in one piece, the others in pieces of `step`.
 */
static void
feed(struct str bytes, size_t first, size_t step, struct seen *seen)
{
    open_seen(seen, BODY_MAX);
    struct amqp_framer framer;
    amqp_framer_init(&framer, AMQP_FRAME_MOST);
    ck_assert_int_eq(
        amqp_framer_feed(&framer, str_slice(bytes, 0, first), on_frame, seen),
        AMQP_FRAMING_OK);
    for (size_t at = first; at < bytes.len; at += step)
        ck_assert_int_eq(amqp_framer_feed(&framer,
                                          str_slice(bytes, at, at + step),
                                          on_frame, seen),
                         AMQP_FRAMING_OK);
    ck_assert(!amqp_framer_pending(&framer));
    ck_assert(!seen->broken);
    amqp_framer_close(&framer);
    close_seen(seen);
}

static void
check_pieces(struct str bytes, uint64_t digest)
{
    enum { EVERY_BYTE = 8192 };
    struct seen seen;
    for (size_t step = 1; step < 64; step++) {
        feed(bytes, 0, step, &seen);
        ck_assert_uint_eq(seen.digest, digest);
    }
    for (size_t at = 0; at < bytes.len && at < EVERY_BYTE; at++) {
        feed(bytes, at, bytes.len, &seen);
        ck_assert_uint_eq(seen.digest, digest);
    }
}

static void
check_stream(const struct test_case *c)
{
    const struct str bytes = case_file(c, "input.bin");
    const struct str want = case_file(c, "expected");
    struct seen seen;
    struct buf got;
    buf_init(&got, 0);

    feed(bytes, bytes.len, 1, &seen);

    buf_printf(&got,
               "frames=%zu methods=%zu messages=%zu body_bytes=%zu "
               "refused=%zu\n",
               seen.nframes, seen.nmethods, seen.nmessages, seen.body_bytes,
               seen.nrefused);
    case_expect(c, buf_str(&got), want);
    check_pieces(bytes, seen.digest);
    buf_close(&got);
    case_close(bytes);
    case_close(want);
}

START_TEST(recorded_streams_mean_the_same_however_they_are_cut)
{
    case_walk("amqp", check_stream);
}
END_TEST

/* Frames by hand */

static void
add_frame(struct buf *out, int type, int channel, struct str payload)
{
    const unsigned char head[] = {
        (unsigned char)type,
        (unsigned char)(channel >> 8),
        (unsigned char)channel,
        (unsigned char)(payload.len >> 24),
        (unsigned char)(payload.len >> 16),
        (unsigned char)(payload.len >> 8),
        (unsigned char)payload.len,
    };
    buf_add(out, head, sizeof(head));
    buf_add_str(out, payload);
    buf_add_byte(out, (char)AMQP_FRAME_END);
}

static void
add_deliver(struct buf *out)
{
    amqp_basic_deliver_t deliver = {
        .consumer_tag = amqp_cstring_bytes("t"),
        .exchange = amqp_cstring_bytes("celeryev"),
        .routing_key = amqp_cstring_bytes("task.multi"),
    };
    amqp_add_method(out, 1, AMQP_BASIC_DELIVER_METHOD, &deliver);
}

static void
add_header(struct buf *out, uint64_t body_len, struct str properties)
{
    struct buf payload;
    buf_init(&payload, 0);
    buf_add(&payload, "\x00\x3c\x00\x00", 4);
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_add_byte(&payload, (char)(body_len >> shift));
    buf_add_str(&payload, properties);
    add_frame(out, AMQP_FRAME_HEADER, 1, buf_str(&payload));
    buf_close(&payload);
}

static const struct str json_properties = STR_INIT("\xc0\x00\x10"
                                                   "application/json\x05utf-8");

static enum amqp_framing
run(const struct buf *bytes, size_t frame_max, struct seen *seen)
{
    struct amqp_framer framer;
    amqp_framer_init(&framer, frame_max);
    const enum amqp_framing framing =
        amqp_framer_feed(&framer, buf_str(bytes), on_frame, seen);
    amqp_framer_close(&framer);
    return framing;
}

START_TEST(body_in_several_frames_is_gathered)
{
    struct buf bytes;
    struct seen seen;
    buf_init(&bytes, 0);
    open_seen(&seen, 6);
    add_deliver(&bytes);
    add_header(&bytes, 6, json_properties);
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("abc"));
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR(""));
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("def"));

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);

    ck_assert_uint_eq(seen.nmessages, 1);
    ck_assert(str_eq(seen.content.message.body, STR("abcdef")));
    ck_assert_uint_eq(seen.wire_bytes, bytes.len);
    close_seen(&seen);
    buf_close(&bytes);
}
END_TEST

START_TEST(too_long_body_is_skipped_and_takes_no_memory)
{
    static char piece[AMQP_FRAME_MIN - AMQP_FRAME_EXTRA];
    const uint64_t nframes = 1000;
    struct buf bytes;
    struct seen seen;
    buf_init(&bytes, 0);
    open_seen(&seen, 5);
    add_deliver(&bytes);
    add_header(&bytes, nframes * sizeof(piece), json_properties);
    for (uint64_t i = 0; i < nframes; i++)
        add_frame(&bytes, AMQP_FRAME_BODY, 1,
                  (struct str){piece, sizeof(piece)});

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);

    ck_assert_uint_eq(seen.nrefused, 1);
    ck_assert_int_eq(seen.content.reject, REJECT_SIZE);
    ck_assert_uint_eq(seen.content.body.cap, 0);
    ck_assert_uint_eq(seen.wire_bytes, bytes.len);
    close_seen(&seen);
    buf_close(&bytes);
}
END_TEST

START_TEST(announced_body_of_any_length_is_only_a_number)
{
    struct buf bytes;
    struct seen seen;
    buf_init(&bytes, 0);
    open_seen(&seen, BODY_MAX);
    add_deliver(&bytes);
    add_header(&bytes, UINT64_C(1) << 62, json_properties);
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("abc"));

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);

    ck_assert(amqp_content_pending(&seen.content));
    ck_assert(!seen.broken);
    ck_assert_uint_eq(seen.content.body.cap, 0);
    close_seen(&seen);
    buf_close(&bytes);
}
END_TEST

/* A table of one entry, nested `depth` times, as the headers of a message. */
static void
add_nested(struct buf *properties, size_t depth)
{
    buf_add(properties, "\x20\x00", 2); /* headers only */
    size_t len = depth * 7;
    for (size_t i = 0; i <= depth; i++) {
        const unsigned char size[] = {
            (unsigned char)(len >> 24), (unsigned char)(len >> 16),
            (unsigned char)(len >> 8), (unsigned char)len};
        buf_add(properties, size, sizeof(size));
        if (i < depth)
            buf_add(properties,
                    "\x01h"
                    "F",
                    3);
        len -= 7;
    }
}

START_TEST(deeply_nested_headers_cost_at_most_their_message)
{
    struct buf bytes, properties;
    struct seen seen;
    buf_init(&bytes, 0);
    buf_init(&properties, 0);
    open_seen(&seen, BODY_MAX);
    add_nested(&properties, 18000);
    add_deliver(&bytes);
    add_header(&bytes, 2, buf_str(&properties));
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("{}"));
    add_deliver(&bytes);
    add_header(&bytes, 2, json_properties);
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("{}"));

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MOST, &seen), AMQP_FRAMING_OK);

    ck_assert(!seen.broken);
    ck_assert_uint_eq(seen.nmessages + seen.nrefused, 2);
    ck_assert_uint_ge(seen.nmessages, 1);
    close_seen(&seen);
    buf_close(&properties);
    buf_close(&bytes);
}
END_TEST

static const struct {
    struct str properties;
    enum reject reject;
    enum serializer serializer;
} headers[] = {
    {STR_INIT("\xc0\x00\x10"
              "application/json\x05utf-8"),
     REJECT_NONE, SERIALIZER_JSON},
    {STR_INIT("\x00\x00"), REJECT_NONE, SERIALIZER_JSON},
    {STR_INIT("\x80\x00\x12"
              "application/x-yaml"),
     REJECT_CONTENT_TYPE, SERIALIZER_JSON},
    {STR_INIT("\xc0\x00\x10"
              "application/json\x06utf-16"),
     REJECT_ENCODING, SERIALIZER_JSON},
    {STR_INIT("\xa0\x00\x10"
              "application/json\x00\x00\x00\x22\x0b"
              "compressionS\x00\x00\x00\x12"
              "application/x-gzip"),
     REJECT_COMPRESSION, SERIALIZER_JSON},
    /* broken: the text, the table, the flags end too early */
    {STR_INIT("\x80\x00\x10"
              "app"),
     REJECT_ENVELOPE, SERIALIZER_JSON},
    {STR_INIT("\x20\x00\x00\x00\xff\xff\x01h"), REJECT_ENVELOPE,
     SERIALIZER_JSON},
    {STR_INIT("\x80"), REJECT_ENVELOPE, SERIALIZER_JSON},
};

START_TEST(properties_decide_what_becomes_of_a_message)
{
    struct buf bytes;
    struct seen seen;
    buf_init(&bytes, 0);
    open_seen(&seen, BODY_MAX);
    add_deliver(&bytes);
    add_header(&bytes, 2, headers[_i].properties);
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("{}"));

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);

    ck_assert(!seen.broken);
    ck_assert_int_eq(seen.content.reject, headers[_i].reject);
    if (headers[_i].reject == REJECT_NONE)
        ck_assert_int_eq(seen.content.message.serializer,
                         headers[_i].serializer);
    close_seen(&seen);
    buf_close(&bytes);
}
END_TEST

static const struct {
    struct str bytes;
    enum amqp_framing framing;
} strangers[] = {
    {STR_INIT("HTTP/1.1 400 Bad Request\r\n"), AMQP_FRAMING_TYPE},
    {STR_INIT("AMQP\x00\x00\x09\x01"), AMQP_FRAMING_TYPE},
    {STR_INIT("-ERR unknown command\r\n"), AMQP_FRAMING_TYPE},
    {STR_INIT("\x04\x00\x00\x00\x00\x00\x00\xce"), AMQP_FRAMING_TYPE},
    {STR_INIT("\x01\x00\x00\x7f\xff\xff\xff"), AMQP_FRAMING_SIZE},
    {STR_INIT("\x01\x00\x00\x00\x00\x0f\xf9"), AMQP_FRAMING_SIZE},
    {STR_INIT("\x08\x00\x00\x00\x00\x00\x00\xcd"), AMQP_FRAMING_END},
};

START_TEST(what_is_no_frame_is_found_out_at_once)
{
    const struct str bytes = strangers[_i].bytes;
    for (size_t step = 1; step <= bytes.len; step++) {
        struct seen seen;
        struct amqp_framer framer;
        open_seen(&seen, BODY_MAX);
        amqp_framer_init(&framer, AMQP_FRAME_MIN);
        enum amqp_framing framing = AMQP_FRAMING_OK;

        for (size_t at = 0; at < bytes.len && framing == AMQP_FRAMING_OK;
             at += step)
            framing = amqp_framer_feed(&framer, str_slice(bytes, at, at + step),
                                       on_frame, &seen);

        ck_assert_int_eq(framing, strangers[_i].framing);
        ck_assert_uint_eq(seen.nframes, 0);
        amqp_framer_close(&framer);
        close_seen(&seen);
    }
}
END_TEST

/* D basic.deliver, H header of a body of two bytes, B a body of two bytes. */
static const char *const disorders[] = {"H",   "B",   "DB",  "DD",
                                        "DHH", "DHD", "DHBB"};

START_TEST(frames_out_of_order_break_the_channel)
{
    struct buf bytes;
    struct seen seen;
    buf_init(&bytes, 0);
    open_seen(&seen, BODY_MAX);
    for (const char *c = disorders[_i]; *c != '\0'; c++) {
        if (*c == 'D')
            add_deliver(&bytes);
        else if (*c == 'H')
            add_header(&bytes, 2, json_properties);
        else
            add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("{}"));
    }

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);

    ck_assert(seen.broken);
    close_seen(&seen);
    buf_close(&bytes);
}
END_TEST

START_TEST(body_longer_than_announced_breaks_the_channel)
{
    struct buf bytes;
    struct seen seen;
    buf_init(&bytes, 0);
    open_seen(&seen, BODY_MAX);
    add_deliver(&bytes);
    add_header(&bytes, 2, json_properties);
    add_frame(&bytes, AMQP_FRAME_BODY, 1, STR("abc"));

    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);

    ck_assert(seen.broken);
    close_seen(&seen);
    buf_close(&bytes);
}
END_TEST

START_TEST(published_message_is_one_that_we_would_take)
{
    static char body[3 * AMQP_FRAME_MIN];
    memset(body, 'x', sizeof(body));
    struct buf sent, bytes;
    struct seen seen;
    buf_init(&sent, 0);
    buf_init(&bytes, 0);
    open_seen(&seen, BODY_MAX);

    amqp_add_message(&sent, 1, STR("celery.pidbox"),
                     (struct str){body, sizeof(body)}, AMQP_FRAME_MIN);

    /* Behind basic.publish it is what a consumer gets. */
    ck_assert(buf_ok(&sent));
    const size_t publish_len = AMQP_FRAME_EXTRA + (unsigned char)sent.ptr[6];
    add_deliver(&bytes);
    buf_add_str(&bytes, str_slice(buf_str(&sent), publish_len, sent.len));
    ck_assert_int_eq(run(&bytes, AMQP_FRAME_MIN, &seen), AMQP_FRAMING_OK);
    ck_assert(!seen.broken);
    ck_assert_uint_eq(seen.nmessages, 1);
    ck_assert_uint_eq(seen.body_bytes, sizeof(body));
    close_seen(&seen);
    buf_close(&sent);
    buf_close(&bytes);
}
END_TEST

START_TEST(name_that_is_too_long_fails_the_frame)
{
    static char name[300];
    memset(name, 'x', sizeof(name));
    struct buf out;
    buf_init(&out, 0);
    amqp_queue_declare_t declare = {
        .queue = amqp_bytes_of((struct str){name, sizeof(name)})};

    amqp_add_method(&out, 1, AMQP_QUEUE_DECLARE_METHOD, &declare);

    ck_assert(!buf_ok(&out));
    buf_close(&out);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, recorded_streams_mean_the_same_however_they_are_cut);
    tcase_add_test(tc, body_in_several_frames_is_gathered);
    tcase_add_test(tc, too_long_body_is_skipped_and_takes_no_memory);
    tcase_add_test(tc, announced_body_of_any_length_is_only_a_number);
    tcase_add_test(tc, deeply_nested_headers_cost_at_most_their_message);
    tcase_add_loop_test(tc, properties_decide_what_becomes_of_a_message, 0,
                        COUNT_OF(headers));
    tcase_add_loop_test(tc, what_is_no_frame_is_found_out_at_once, 0,
                        COUNT_OF(strangers));
    tcase_add_loop_test(tc, frames_out_of_order_break_the_channel, 0,
                        COUNT_OF(disorders));
    tcase_add_test(tc, body_longer_than_announced_breaks_the_channel);
    tcase_add_test(tc, published_message_is_one_that_we_would_take);
    tcase_add_test(tc, name_that_is_too_long_fails_the_frame);
}
