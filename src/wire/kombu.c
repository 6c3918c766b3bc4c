#include "wire/kombu.h"

#include <jansson.h>
#include <string.h>

#include "wire/base64.h"
#include "wire/json.h"

/* What we use of an envelope; a value that is absent has kind JSON_KIND_ERROR.
 */
struct envelope {
    struct json_value body;
    struct json_value content_type;
    struct json_value content_encoding;
    struct json_value compression;   /* in headers */
    struct json_value ticket;        /* in headers, of control replies */
    struct json_value body_encoding; /* in properties */
};

/* Whether a key, which may be written with escapes, is `name`. A literal as
 * name makes loads and compares of this. */
static inline bool
is_key(const struct json_value *key, struct str name, struct buf *scratch)
{
    if (LIKELY(key->plain))
        return key->raw.len == name.len &&
               memcmp(key->raw.ptr, name.ptr, name.len) == 0;
    buf_clear(scratch);
    return str_eq(json_text(key, scratch), name);
}

/* headers or properties: null and anything else without members will do. */
static bool
read_headers(struct json *j, struct envelope *e, struct buf *scratch)
{
    struct json_value key;
    struct json_value ignored;
    /* A repeated key replaces the whole object. */
    e->compression = (struct json_value){0};
    e->ticket = (struct json_value){0};
    if (json_peek(j) != JSON_KIND_OBJECT)
        return json_read(j, &ignored);
    json_enter_object(j);
    while (json_next_key(j, &key)) {
        const bool compression = is_key(&key, STR("compression"), scratch);
        const bool ticket = is_key(&key, STR("ticket"), scratch);
        json_read(j, compression ? &e->compression
                     : ticket    ? &e->ticket
                                 : &ignored);
    }
    return !j->failed;
}

static bool
read_properties(struct json *j, struct envelope *e, struct buf *scratch)
{
    struct json_value key;
    struct json_value ignored;
    e->body_encoding = (struct json_value){0};
    if (json_peek(j) != JSON_KIND_OBJECT)
        return json_read(j, &ignored);
    json_enter_object(j);
    while (json_next_key(j, &key))
        json_read(j, is_key(&key, STR("body_encoding"), scratch)
                         ? &e->body_encoding
                         : &ignored);
    return !j->failed;
}

static bool
read_envelope(struct str payload, struct envelope *e, struct buf *scratch)
{
    struct json j;
    json_init(&j, payload);
    if (!json_enter_object(&j))
        return false;
    struct json_value key;
    struct json_value ignored;
    while (json_next_key(&j, &key)) {
        if (is_key(&key, STR("body"), scratch))
            json_read(&j, &e->body);
        else if (is_key(&key, STR("content-type"), scratch))
            json_read(&j, &e->content_type);
        else if (is_key(&key, STR("content-encoding"), scratch))
            json_read(&j, &e->content_encoding);
        else if (is_key(&key, STR("headers"), scratch))
            read_headers(&j, e, scratch);
        else if (is_key(&key, STR("properties"), scratch))
            read_properties(&j, e, scratch);
        else
            json_read(&j, &ignored);
    }
    return json_finished(&j);
}

/* kombu tests these for truth, so that null and "" are as good as absent;
 * what is true and no text is shown raw, and then known to nobody. */
static struct str
optional_text(const struct json_value *value, struct buf *scratch)
{
    if (value->kind == JSON_KIND_ERROR || value->kind == JSON_KIND_NULL)
        return (struct str){0};
    if (value->kind != JSON_KIND_STRING)
        return value->raw;
    const struct str text = json_text(value, scratch);
    return text.len > 0 ? text : (struct str){0};
}

static enum reject
check_content(const struct envelope *e, struct buf *scratch,
              enum serializer *out)
{
    const size_t raw = e->content_type.raw.len + e->content_encoding.raw.len +
                       e->compression.raw.len;
    if (!buf_reserve(scratch, JSON_TEXT_GROWTH * raw))
        return REJECT_SIZE;
    return kombu_content(optional_text(&e->content_type, scratch),
                         optional_text(&e->content_encoding, scratch),
                         optional_text(&e->compression, scratch), out);
}

static bool
is_known_encoding(const struct envelope *e, struct buf *scratch, bool *base64)
{
    const struct str encoding = optional_text(&e->body_encoding, scratch);
    *base64 = str_eq(encoding, STR("base64"));
    return *base64 || encoding.ptr == NULL ||
           str_eq_nocase(encoding, STR("utf-8"));
}

static enum reject
decode_body(const struct envelope *e, struct buf *scratch, struct str *out)
{
    bool base64;
    if (e->body.kind != JSON_KIND_STRING)
        return REJECT_ENVELOPE;
    if (!is_known_encoding(e, scratch, &base64))
        return REJECT_ENCODING;
    buf_clear(scratch);
    *out = json_text(&e->body, scratch);
    if (out->ptr == NULL)
        return REJECT_SIZE;
    if (!base64)
        return REJECT_NONE;
    if (!buf_reserve(scratch, out->len))
        return REJECT_SIZE;
    if (!e->body.plain)
        *out = buf_str(scratch); /* it has moved */
    const size_t start = scratch->len;
    if (!base64_decode(scratch, *out))
        return REJECT_ENCODING;
    *out = str_slice(buf_str(scratch), start, scratch->len);
    return REJECT_NONE;
}

enum reject
kombu_decode(struct str payload, struct buf *scratch, struct message *out)
{
    buf_clear(scratch);
    struct envelope envelope = {0};
    if (!read_envelope(payload, &envelope, scratch))
        return REJECT_ENVELOPE;
    *out = (struct message){0};
    /* A ticket is an id that the asker made up; one with escapes in it is
     * none of ours. */
    if (envelope.ticket.kind == JSON_KIND_STRING && envelope.ticket.plain)
        out->ticket = envelope.ticket.raw;
    const enum reject reason =
        check_content(&envelope, scratch, &out->serializer);
    if (reason != REJECT_NONE)
        return reason;
    return decode_body(&envelope, scratch, &out->body);
}

/* Names are as good in capitals, but hardly ever come so. */
static bool
is_name(struct str text, struct str name)
{
    return str_eq(text, name) || str_eq_nocase(text, name);
}

/* Absent counts as text. */
static bool
is_text(struct str encoding)
{
    return encoding.ptr == NULL || is_name(encoding, STR("utf-8")) ||
           is_name(encoding, STR("utf8")) ||
           is_name(encoding, STR("us-ascii")) ||
           is_name(encoding, STR("ascii"));
}

static bool
is_binary(struct str encoding)
{
    return is_name(encoding, STR("binary")) ||
           is_name(encoding, STR("ascii-8bit"));
}

enum reject
kombu_content(struct str content_type, struct str content_encoding,
              struct str compression, enum serializer *out)
{
    const struct str type =
        str_trim(str_slice(content_type, 0, str_find(content_type, ';')));
    const bool raw = content_type.ptr == NULL && is_text(content_encoding);
    *out = SERIALIZER_JSON;
    if (HAVE_MSGPACK && is_name(type, STR("application/x-msgpack")))
        *out = SERIALIZER_MSGPACK;
    else if (!raw && !is_name(type, STR("application/json")))
        return REJECT_CONTENT_TYPE;
    if (compression.ptr != NULL)
        return REJECT_COMPRESSION;
    if (!is_text(content_encoding) && !is_binary(content_encoding))
        return REJECT_ENCODING;
    return REJECT_NONE;
}

static int
add_chunk(const char *bytes, size_t len, void *ctx)
{
    buf_add(ctx, bytes, len);
    return 0;
}

static json_t *
json_of(struct str s)
{
    return json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
}

void
kombu_encode(struct buf *out, struct str body, struct str exchange,
             struct str routing_key, struct str delivery_tag)
{
    struct buf encoded;
    buf_init(&encoded, 0);
    base64_encode(&encoded, body);
    json_t *envelope = json_pack(
        "{s:o, s:s, s:s, s:{}, s:{s:i, s:{s:o, s:o}, s:i, s:s, s:o}}", "body",
        json_of(buf_str(&encoded)), "content-encoding", "utf-8", "content-type",
        "application/json", "headers", "properties", "delivery_mode", 2,
        "delivery_info", "exchange", json_of(exchange), "routing_key",
        json_of(routing_key), "priority", 0, "body_encoding", "base64",
        "delivery_tag", json_of(delivery_tag));
    if (envelope == NULL || !buf_ok(&encoded) ||
        json_dump_callback(envelope, add_chunk, out, JSON_COMPACT) != 0)
        out->failed = true;
    json_decref(envelope);
    buf_close(&encoded);
}
