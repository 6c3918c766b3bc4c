#include "wire/amqp_method.h"

#include <string.h>

#include "wire/amqp_frame.h"

enum { METHOD_MOST = AMQP_FRAME_MIN - AMQP_FRAME_EXTRA };

const struct str amqp_protocol_header = STR_INIT("AMQP\x00\x00\x09\x01");

static void
add_u16(struct buf *out, uint16_t value)
{
    buf_add_byte(out, (char)(value >> 8));
    buf_add_byte(out, (char)(value & 0xFF));
}

static void
add_u32(struct buf *out, uint32_t value)
{
    add_u16(out, (uint16_t)(value >> 16));
    add_u16(out, (uint16_t)(value & 0xFFFF));
}

static void
add_frame(struct buf *out, uint8_t type, uint16_t channel, struct str payload)
{
    buf_add_byte(out, (char)type);
    add_u16(out, channel);
    add_u32(out, (uint32_t)payload.len);
    buf_add_str(out, payload);
    buf_add_byte(out, (char)AMQP_FRAME_END);
}

void
amqp_add_method(struct buf *out, uint16_t channel, amqp_method_number_t id,
                void *method)
{
    char payload[METHOD_MOST];
    payload[0] = (char)(id >> 24);
    payload[1] = (char)(id >> 16 & 0xFF);
    payload[2] = (char)(id >> 8 & 0xFF);
    payload[3] = (char)(id & 0xFF);
    const amqp_bytes_t rest = {.len = sizeof(payload) - 4,
                               .bytes = payload + 4};
    const int len = amqp_encode_method(id, method, rest);
    if (len < 0)
        out->failed = true;
    else
        add_frame(out, AMQP_FRAME_METHOD, channel,
                  (struct str){payload, (size_t)len + 4});
    explicit_bzero(payload, sizeof(payload));
}

void
amqp_add_heartbeat(struct buf *out)
{
    add_frame(out, AMQP_FRAME_HEARTBEAT, 0, (struct str){0});
}

static void
add_content_header(struct buf *out, uint16_t channel, size_t body_len)
{
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
                  AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_HEADERS_FLAG |
                  AMQP_BASIC_DELIVERY_MODE_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .content_encoding = amqp_cstring_bytes("utf-8"),
        .delivery_mode = 1,
    };
    char encoded[256];
    const int len = amqp_encode_properties(
        AMQP_BASIC_CLASS, &properties,
        (amqp_bytes_t){.len = sizeof(encoded), .bytes = encoded});
    struct buf payload;
    buf_init(&payload, 0);
    add_u16(&payload, AMQP_BASIC_CLASS);
    add_u16(&payload, 0);
    add_u32(&payload, (uint32_t)((uint64_t)body_len >> 32));
    add_u32(&payload, (uint32_t)(body_len & 0xFFFFFFFF));
    if (len < 0)
        out->failed = true;
    else
        buf_add(&payload, encoded, (size_t)len);
    add_frame(out, AMQP_FRAME_HEADER, channel, buf_str(&payload));
    buf_close(&payload);
}

void
amqp_add_message(struct buf *out, uint16_t channel, struct str exchange,
                 struct str body, size_t frame_max)
{
    amqp_basic_publish_t publish = {.exchange = amqp_bytes_of(exchange),
                                    .routing_key = amqp_empty_bytes};
    amqp_add_method(out, channel, AMQP_BASIC_PUBLISH_METHOD, &publish);
    add_content_header(out, channel, body.len);
    const size_t most = frame_max - AMQP_FRAME_EXTRA;
    for (size_t at = 0; at < body.len; at += most)
        add_frame(out, AMQP_FRAME_BODY, channel,
                  str_slice(body, at, at + most));
}

amqp_method_number_t
amqp_method_id(struct str payload)
{
    if (payload.len < 4)
        return 0;
    const unsigned char *p = (const unsigned char *)payload.ptr;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

bool
amqp_read_method(struct str payload, amqp_pool_t *pool, amqp_method_t *out)
{
    out->id = amqp_method_id(payload);
    if (payload.len < 4)
        return false;
    const struct str rest = str_slice(payload, 4, payload.len);
    return amqp_decode_method(out->id, pool, amqp_bytes_of(rest),
                              &out->decoded) == AMQP_STATUS_OK;
}
