/* Any bytes, fed whole and fed in pieces: the same frames and messages, the
 * same verdict, and of properties what librabbitmq reads. The first byte
 * chooses how they are cut. */

#include <assert.h>
#include <stdint.h>

#include "base/hash.h"
#include "wire/amqp_content.h"
#include "wire/amqp_frame.h"
#include "wire/amqp_method.h"
#include "wire/amqp_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { BODY_MAX = 512 };

struct seen {
    struct amqp_content content;
    amqp_pool_t pool;
    uint64_t digest;
    size_t wire_bytes;
    bool broken;
};

static void
mix(struct seen *seen, struct str bytes)
{
    const struct hash_key key = {0};
    seen->digest = hash_mix(key, seen->digest, bytes.len);
    if (bytes.len > 0)
        seen->digest = hash_mix(key, seen->digest, hash_bytes(key, bytes).low);
}

static void
take_content(struct seen *seen, const struct amqp_frame *frame)
{
    const enum amqp_content_status status =
        amqp_content_add(&seen->content, frame);
    seen->broken = status == AMQP_CONTENT_BROKEN;
    assert(seen->content.body.cap <= BODY_MAX);
    assert((status == AMQP_CONTENT_MORE) ==
           (amqp_content_pending(&seen->content) && !seen->broken));
    seen->digest = hash_mix((struct hash_key){0}, seen->digest,
                            (uint64_t)seen->content.reject);
    if (status != AMQP_CONTENT_DONE || seen->content.reject != REJECT_NONE)
        return;
    assert(seen->content.message.body.len <= BODY_MAX);
    mix(seen, seen->content.message.body);
    mix(seen, seen->content.message.ticket);
}

static struct str
property(const amqp_basic_properties_t *properties, amqp_flags_t flag,
         amqp_bytes_t bytes)
{
    return (properties->_flags & flag) != 0 ? amqp_str(bytes) : (struct str){0};
}

static struct str
header(const amqp_basic_properties_t *properties, struct str name)
{
    const amqp_table_t *headers = &properties->headers;
    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        for (int i = 0; i < headers->num_entries; i++)
            if (str_eq(amqp_str(headers->entries[i].key), name) &&
                (headers->entries[i].value.kind == AMQP_FIELD_KIND_UTF8 ||
                 headers->entries[i].value.kind == AMQP_FIELD_KIND_BYTES))
                return amqp_str(headers->entries[i].value.value.bytes);
    return (struct str){0};
}

static void
check_properties(struct str encoded)
{
    amqp_pool_t pool;
    struct amqp_properties got;
    void *decoded = NULL;
    init_amqp_pool(&pool, 4096);
    const bool ok = amqp_properties_read(encoded, &pool, &got);
    const bool ok_too =
        encoded.len >= 2 &&
        amqp_decode_properties(AMQP_BASIC_CLASS, &pool, amqp_bytes_of(encoded),
                               &decoded) == AMQP_STATUS_OK;
    assert(ok == ok_too);
    if (ok) {
        const amqp_basic_properties_t *want = decoded;
        assert(str_eq(
            got.content_type,
            property(want, AMQP_BASIC_CONTENT_TYPE_FLAG, want->content_type)));
        assert(str_eq(got.content_encoding,
                      property(want, AMQP_BASIC_CONTENT_ENCODING_FLAG,
                               want->content_encoding)));
        assert(str_eq(got.compression, header(want, STR("compression"))));
        assert(str_eq(got.ticket, header(want, STR("ticket"))));
    }
    empty_amqp_pool(&pool);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct seen *seen = ctx;
    seen->wire_bytes += frame->wire_bytes;
    assert(frame->wire_bytes == frame->payload.len + AMQP_FRAME_EXTRA);
    mix(seen, frame->payload);
    if (frame->type == AMQP_FRAME_HEARTBEAT)
        return true;
    if (frame->type == AMQP_FRAME_HEADER)
        check_properties(str_slice(frame->payload, 12, frame->payload.len));
    if (frame->type != AMQP_FRAME_METHOD ||
        amqp_method_id(frame->payload) == AMQP_BASIC_DELIVER_METHOD) {
        take_content(seen, frame);
    } else {
        amqp_method_t method = {0};
        seen->broken = !amqp_read_method(frame->payload, &seen->pool, &method);
        recycle_amqp_pool(&seen->pool);
    }
    return !seen->broken;
}

static enum amqp_framing
feed(struct str bytes, size_t step, struct seen *seen)
{
    *seen = (struct seen){0};
    amqp_content_init(&seen->content, BODY_MAX);
    init_amqp_pool(&seen->pool, 4096);
    struct amqp_framer framer;
    amqp_framer_init(&framer, AMQP_FRAME_MIN);
    enum amqp_framing framing = AMQP_FRAMING_OK;
    for (size_t at = 0;
         at < bytes.len && framing == AMQP_FRAMING_OK && !seen->broken;
         at += step)
        framing = amqp_framer_feed(&framer, str_slice(bytes, at, at + step),
                                   on_frame, seen);
    assert(framing != AMQP_FRAMING_OK || seen->broken ||
           amqp_framer_pending(&framer) == (seen->wire_bytes < bytes.len));
    amqp_framer_close(&framer);
    amqp_content_close(&seen->content);
    empty_amqp_pool(&seen->pool);
    return framing;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    const struct str input = {(const char *)bytes + 1, len - 1};
    struct seen whole, cut;

    const enum amqp_framing framing = feed(input, len, &whole);
    const enum amqp_framing again = feed(input, 1u + bytes[0] % 64, &cut);

    assert(framing == again);
    assert(whole.broken == cut.broken);
    assert(whole.digest == cut.digest);
    assert(whole.wire_bytes == cut.wire_bytes);
    return 0;
}
