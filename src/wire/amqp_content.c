#include "wire/amqp_content.h"

#include "wire/amqp_method.h"
#include "wire/amqp_properties.h"
#include "wire/kombu.h"

enum {
    POOL_PAGE = 16 * 1024,
    CONTENT_HEAD = 12, /* class, weight, length of the body */
    /* Memory of a giant message is not kept. */
    KEEP_BODY = 256 * 1024,
};

void
amqp_content_init(struct amqp_content *content, size_t max)
{
    *content = (struct amqp_content){.max = max};
    init_amqp_pool(&content->pool, POOL_PAGE);
    buf_init(&content->body, max);
    buf_init(&content->ticket, 0);
}

void
amqp_content_close(struct amqp_content *content)
{
    empty_amqp_pool(&content->pool);
    buf_close(&content->body);
    buf_close(&content->ticket);
}

void
amqp_content_reset(struct amqp_content *content)
{
    content->expected = AMQP_CONTENT_IDLE;
    content->left = 0;
    content->reject = REJECT_NONE;
    content->message = (struct message){0};
    if (content->body.cap > KEEP_BODY)
        buf_close(&content->body);
    buf_clear(&content->body);
    buf_clear(&content->ticket);
}

bool
amqp_content_pending(const struct amqp_content *content)
{
    return content->expected != AMQP_CONTENT_IDLE;
}

static uint64_t
read_u64(const char *at)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

/* Empty is as good as absent, as kombu sees it. */
static struct str
or_absent(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

static enum reject
read_header(struct amqp_content *content, struct str encoded)
{
    struct amqp_properties properties;
    if (content->left > content->max)
        return REJECT_SIZE;
    if (!amqp_properties_read(encoded, &content->pool, &properties))
        return REJECT_ENVELOPE;
    if (properties.ticket.len > 0) {
        buf_add_str(&content->ticket, properties.ticket);
        content->message.ticket = buf_str(&content->ticket);
    }
    return kombu_content(or_absent(properties.content_type),
                         or_absent(properties.content_encoding),
                         or_absent(properties.compression),
                         &content->message.serializer);
}

static enum amqp_content_status
add_header(struct amqp_content *content, struct str payload)
{
    if (content->expected != AMQP_CONTENT_HEADER || payload.len < CONTENT_HEAD)
        return AMQP_CONTENT_BROKEN;
    content->left = read_u64(payload.ptr + 4);
    content->reject =
        read_header(content, str_slice(payload, CONTENT_HEAD, payload.len));
    if (content->left == 0) {
        content->expected = AMQP_CONTENT_IDLE;
        return AMQP_CONTENT_DONE;
    }
    content->expected = AMQP_CONTENT_BODY;
    return AMQP_CONTENT_MORE;
}

static enum amqp_content_status
add_body(struct amqp_content *content, struct str payload)
{
    if (content->expected != AMQP_CONTENT_BODY || payload.len > content->left)
        return AMQP_CONTENT_BROKEN;
    content->left -= payload.len;
    const bool alone = content->left == 0 && content->body.len == 0;
    if (content->reject == REJECT_NONE && !alone) {
        buf_add_str(&content->body, payload);
        if (!buf_ok(&content->body))
            content->reject = REJECT_SIZE;
    }
    if (content->left > 0)
        return AMQP_CONTENT_MORE;
    content->expected = AMQP_CONTENT_IDLE;
    content->message.body = alone ? payload : buf_str(&content->body);
    return AMQP_CONTENT_DONE;
}

static enum amqp_content_status
begin(struct amqp_content *content, struct str payload)
{
    if (content->expected != AMQP_CONTENT_IDLE ||
        amqp_method_id(payload) != AMQP_BASIC_DELIVER_METHOD)
        return AMQP_CONTENT_BROKEN;
    amqp_content_reset(content);
    content->expected = AMQP_CONTENT_HEADER;
    return AMQP_CONTENT_MORE;
}

enum amqp_content_status
amqp_content_add(struct amqp_content *content, const struct amqp_frame *frame)
{
    enum amqp_content_status status = AMQP_CONTENT_BROKEN;
    if (frame->type == AMQP_FRAME_METHOD)
        status = begin(content, frame->payload);
    else if (frame->type == AMQP_FRAME_HEADER)
        status = add_header(content, frame->payload);
    else if (frame->type == AMQP_FRAME_BODY)
        status = add_body(content, frame->payload);
    content->message.wire_bytes += frame->wire_bytes;
    return status;
}
