#include "wire/amqp_frame.h"

#include "wire/amqp_lib.h"

enum { HEAD = 7, END = 0xCE };

static uint32_t
read_u32(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

void
amqp_framer_init(struct amqp_framer *framer, size_t frame_max)
{
    framer->frame_max = frame_max;
    buf_init(&framer->partial, AMQP_FRAME_MOST);
}

void
amqp_framer_close(struct amqp_framer *framer)
{
    buf_close(&framer->partial);
}

bool
amqp_framer_pending(const struct amqp_framer *framer)
{
    return framer->partial.len > 0;
}

static bool
is_type(char type)
{
    return type == AMQP_FRAME_METHOD || type == AMQP_FRAME_HEADER ||
           type == AMQP_FRAME_BODY || type == AMQP_FRAME_HEARTBEAT;
}

/* The length of the frame at the start of bytes: as far as one can tell, at
 * least one byte more than there is. */
static enum amqp_framing
measure(const struct amqp_framer *framer, struct str bytes, size_t *len)
{
    *len = HEAD;
    if (bytes.len > 0 && !is_type(bytes.ptr[0]))
        return AMQP_FRAMING_TYPE;
    if (bytes.len < HEAD)
        return AMQP_FRAMING_OK;
    const size_t payload_len = read_u32(bytes.ptr + 3);
    if (payload_len > framer->frame_max - AMQP_FRAME_EXTRA)
        return AMQP_FRAMING_SIZE;
    *len = payload_len + AMQP_FRAME_EXTRA;
    return AMQP_FRAMING_OK;
}

static enum amqp_framing
hand_on(struct str bytes, amqp_frame_fn fn, void *ctx, bool *more)
{
    if ((unsigned char)bytes.ptr[bytes.len - 1] != END)
        return AMQP_FRAMING_END;
    const unsigned char *head = (const unsigned char *)bytes.ptr;
    const struct amqp_frame frame = {
        .type = head[0],
        .channel = (uint16_t)(head[1] << 8 | head[2]),
        .payload = str_slice(bytes, HEAD, bytes.len - 1),
        .wire_bytes = bytes.len,
    };
    *more = fn(ctx, &frame);
    return AMQP_FRAMING_OK;
}

/* Takes of bytes what the frame that has begun still needs. */
static enum amqp_framing
complete(struct amqp_framer *framer, struct str *bytes, amqp_frame_fn fn,
         void *ctx, bool *more)
{
    struct buf *partial = &framer->partial;
    while (bytes->len > 0) {
        size_t len;
        enum amqp_framing framing = measure(framer, buf_str(partial), &len);
        if (framing != AMQP_FRAMING_OK)
            return framing;
        const struct str piece = str_slice(*bytes, 0, len - partial->len);
        buf_add_str(partial, piece);
        if (!buf_ok(partial))
            return AMQP_FRAMING_SIZE;
        *bytes = str_slice(*bytes, piece.len, bytes->len);
        if (len == HEAD || partial->len < len)
            continue;
        framing = hand_on(buf_str(partial), fn, ctx, more);
        buf_clear(partial);
        return framing;
    }
    /* What is wrong with it shows as soon as it is there. */
    size_t len;
    return measure(framer, buf_str(partial), &len);
}

enum amqp_framing
amqp_framer_feed(struct amqp_framer *framer, struct str bytes, amqp_frame_fn fn,
                 void *ctx)
{
    bool more = true;
    while (bytes.len > 0 && more) {
        size_t len = HEAD;
        enum amqp_framing framing = AMQP_FRAMING_OK;
        if (framer->partial.len == 0)
            framing = measure(framer, bytes, &len);
        if (framing != AMQP_FRAMING_OK)
            return framing;
        if (framer->partial.len == 0 && len > HEAD && len <= bytes.len) {
            framing = hand_on(str_slice(bytes, 0, len), fn, ctx, &more);
            bytes = str_slice(bytes, len, bytes.len);
        } else {
            framing = complete(framer, &bytes, fn, ctx, &more);
        }
        if (framing != AMQP_FRAMING_OK)
            return framing;
    }
    return AMQP_FRAMING_OK;
}
