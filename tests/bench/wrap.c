#include "wrap.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "wire/amqp_method.h"
#include "wire/base64.h"
#include "wire/resp.h"

enum { CHANNEL = 1, FLAGS = 0xf800 };

void
wrapped_init(struct wrapped *wrapped, enum wrap_form form)
{
    *wrapped = (struct wrapped){.form = form};
    buf_init(&wrapped->bytes, 0);
    buf_init(&wrapped->envelope, 0);
}

void
wrapped_close(struct wrapped *wrapped)
{
    free(wrapped->ends);
    buf_close(&wrapped->envelope);
    buf_close(&wrapped->bytes);
}

static void
add_text(struct buf *out, const char *text)
{
    buf_add_str(out, str_from(text));
}

/* As kombu writes it on Redis. */
static void
add_envelope(struct buf *out, const struct stream_message *message,
             uint64_t tag)
{
    add_text(out, "{\"body\": \"");
    base64_encode(out, message->body);
    add_text(out, "\", \"content-encoding\": \"utf-8\", \"content-type\": "
                  "\"application/json\", \"headers\": {\"hostname\": \"");
    buf_add_str(out, message->nodename);
    add_text(out, "\"}, \"properties\": {\"delivery_mode\": 1, "
                  "\"delivery_info\": {\"exchange\": \"celeryev\", "
                  "\"routing_key\": \"");
    buf_add_str(out, message->routing_key);
    add_text(out, "\"}, \"priority\": 0, \"body_encoding\": \"base64\", "
                  "\"delivery_tag\": \"d95bafc8-f2a4-427b-dcf4-");
    buf_add_u64(out, 100000000000 + tag);
    add_text(out, "\"}}");
}

static void
add_redis(struct wrapped *w, const struct stream_message *message)
{
    char channel[64];
    struct buf name;
    buf_init(&name, sizeof(channel));
    add_text(&name, "/0.celeryev/");
    buf_add_str(&name, message->routing_key);
    buf_clear(&w->envelope);
    add_envelope(&w->envelope, message, ++w->ntags);
    const struct str publish[] = {STR("PUBLISH"), buf_str(&name),
                                  buf_str(&w->envelope)};
    const struct str pmessage[] = {STR("pmessage"), STR("/0.celeryev/*"),
                                   buf_str(&name), buf_str(&w->envelope)};
    /* A command is an array of strings, as a push is. */
    if (w->form == WRAP_PUBLISH)
        resp_command(&w->bytes, publish, COUNT_OF(publish));
    else
        resp_command(&w->bytes, pmessage, COUNT_OF(pmessage));
    buf_close(&name);
}

static void
add_number(struct buf *out, uint64_t value, size_t nbytes)
{
    while (nbytes > 0)
        buf_add_byte(out, (char)(value >> 8 * --nbytes & 0xff));
}

static void
add_short(struct buf *out, struct str text)
{
    add_number(out, text.len, 1);
    buf_add_str(out, text);
}

static void
add_frame(struct buf *out, uint8_t type, struct str payload)
{
    add_number(out, type, 1);
    add_number(out, CHANNEL, 2);
    add_number(out, payload.len, 4);
    buf_add_str(out, payload);
    buf_add_byte(out, (char)AMQP_FRAME_END);
}

/* Content type and encoding, one header, delivery mode and priority. */
static void
add_properties(struct buf *out, const struct stream_message *message)
{
    const struct str key = STR("hostname");
    add_number(out, AMQP_BASIC_CLASS, 2);
    add_number(out, 0, 2);
    add_number(out, message->body.len, 8);
    add_number(out, FLAGS, 2);
    add_short(out, STR("application/json"));
    add_short(out, STR("utf-8"));
    add_number(out, 1 + key.len + 1 + 4 + message->nodename.len, 4);
    add_short(out, key);
    buf_add_byte(out, 'S');
    add_number(out, message->nodename.len, 4);
    buf_add_str(out, message->nodename);
    add_number(out, 1, 1);
    add_number(out, 0, 1);
}

static void
add_amqp(struct wrapped *w, const struct stream_message *message)
{
    amqp_basic_publish_t publish = {
        .exchange = amqp_cstring_bytes("celeryev"),
        .routing_key = amqp_bytes_of(message->routing_key),
    };
    amqp_basic_deliver_t deliver = {
        .consumer_tag = amqp_cstring_bytes("amq.ctag-1"),
        .delivery_tag = ++w->ntags,
        .exchange = publish.exchange,
        .routing_key = publish.routing_key,
    };
    if (w->form == WRAP_BASIC_PUBLISH)
        amqp_add_method(&w->bytes, CHANNEL, AMQP_BASIC_PUBLISH_METHOD,
                        &publish);
    else
        amqp_add_method(&w->bytes, CHANNEL, AMQP_BASIC_DELIVER_METHOD,
                        &deliver);
    buf_clear(&w->envelope);
    add_properties(&w->envelope, message);
    add_frame(&w->bytes, AMQP_FRAME_HEADER, buf_str(&w->envelope));
    add_frame(&w->bytes, AMQP_FRAME_BODY, message->body);
}

void
wrap(void *ctx, const struct stream_message *message)
{
    struct wrapped *w = ctx;
    if (w->form == WRAP_PUBLISH || w->form == WRAP_PMESSAGE)
        add_redis(w, message);
    else
        add_amqp(w, message);
    if (w->n == w->cap) {
        w->cap = w->cap == 0 ? 4096 : 2 * w->cap;
        w->ends = xrealloc(w->ends, w->cap, sizeof(*w->ends));
    }
    w->ends[w->n++] = w->bytes.len;
}
