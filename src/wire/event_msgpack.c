#include "wire/event_msgpack.h"

#if HAVE_MSGPACK

#include <math.h>
#include <msgpack.h>

#include "base/number.h"
#include "wire/event_fields.h"

/* What the head of a value announces. */
struct head {
    size_t len;      /* bytes of the head itself */
    uint64_t bytes;  /* that follow it */
    uint64_t values; /* that follow it */
};

static uint64_t
big_endian(const unsigned char *at, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

/* The head of a value whose size stands in the next `len` bytes. */
static struct head
sized(struct str s, size_t len, uint64_t extra, uint64_t values_each)
{
    struct head head = {.len = 1 + len};
    if (s.len < head.len)
        return head; /* longer than the text: the caller sees it */
    const uint64_t size = big_endian((const unsigned char *)s.ptr + 1, len);
    head.values = size * values_each;
    head.bytes = values_each > 0 ? 0 : size + extra;
    return head;
}

/* https://github.com/msgpack/msgpack/blob/master/spec.md#formats */
static struct head
read_head(struct str s)
{
    static const unsigned char fixed[16] = {
        [0xca & 15] = 4, [0xcb & 15] = 8, [0xcc & 15] = 1,
        [0xcd & 15] = 2, [0xce & 15] = 4, [0xcf & 15] = 8,
    };
    const unsigned char c = (unsigned char)s.ptr[0];
    if (c < 0x80 || c >= 0xe0) /* small integers */
        return (struct head){.len = 1};
    if (c < 0x90) /* fixmap */
        return (struct head){.len = 1, .values = 2 * (uint64_t)(c & 15)};
    if (c < 0xa0) /* fixarray */
        return (struct head){.len = 1, .values = c & 15};
    if (c < 0xc0) /* fixstr */
        return (struct head){.len = 1, .bytes = c & 31};
    if (c <= 0xc3) /* nil, (never used), false, true */
        return (struct head){.len = 1};
    if (c <= 0xc6) /* bin */
        return sized(s, (size_t)1 << (c - 0xc4), 0, 0);
    if (c <= 0xc9) /* ext */
        return sized(s, (size_t)1 << (c - 0xc7), 1, 0);
    if (c <= 0xcf) /* floats, unsigned */
        return (struct head){.len = 1, .bytes = fixed[c & 15]};
    if (c <= 0xd3) /* signed */
        return (struct head){.len = 1, .bytes = UINT64_C(1) << (c - 0xd0)};
    if (c <= 0xd8) /* fixext */
        return (struct head){.len = 1,
                             .bytes = (UINT64_C(1) << (c - 0xd4)) + 1};
    if (c <= 0xdb) /* str */
        return sized(s, (size_t)1 << (c - 0xd9), 0, 0);
    if (c <= 0xdd) /* array */
        return sized(s, (size_t)2 << (c - 0xdc), 0, 1);
    return sized(s, (size_t)2 << (c - 0xde), 0, 2); /* map */
}

/* True when the text is exactly one value. The library takes an announced
 * length at its word and allocates for it, so it only ever sees bodies in
 * which every value announced is there: a byte each at least. */
static bool
is_one_value(struct str s)
{
    uint64_t due = 1;
    while (due > 0) {
        if (s.len == 0)
            return false;
        const struct head head = read_head(s);
        due = due - 1 + head.values;
        if (head.len > s.len || head.bytes > s.len - head.len ||
            due > s.len - head.len - head.bytes)
            return false;
        s = str_slice(s, head.len + head.bytes, s.len);
    }
    return s.len == 0;
}

static void
add_text(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789abcdef";
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20) {
            const char escape[] = {'\\', 'u',         '0',
                                   '0',  hex[c >> 4], hex[c & 15]};
            buf_add(out, escape, sizeof(escape));
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

static void
add_double(struct buf *out, double value)
{
    if (isfinite(value))
        number_add_double(out, value);
    else
        buf_add_str(out, STR("NaN"));
}

static struct str
text_of(const msgpack_object *o)
{
    return (struct str){o->via.str.ptr, o->via.str.size};
}

/* Values that no field may have become an empty object. */
static void
add_scalar(struct buf *out, const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        buf_add_str(out, STR("null"));
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        buf_add_str(out, o->via.boolean ? STR("true") : STR("false"));
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        buf_add_u64(out, o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        buf_add_i64(out, o->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        add_double(out, o->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        add_text(out, text_of(o));
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
    case MSGPACK_OBJECT_BIN:
    case MSGPACK_OBJECT_EXT:
        buf_add_str(out, STR("{}"));
        break;
    }
}

/* Arrays are only of use as loadavg, which has no array in it. */
static void
add_value(struct buf *out, const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_ARRAY) {
        add_scalar(out, o);
        return;
    }
    buf_add_byte(out, '[');
    for (uint32_t i = 0; i < o->via.array.size; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        add_scalar(out, &o->via.array.ptr[i]);
    }
    buf_add_byte(out, ']');
}

static void
add_event(struct buf *out, const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_MAP) {
        buf_add_str(out, STR("null"));
        return;
    }
    buf_add_byte(out, '{');
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        const msgpack_object_kv *member = &o->via.map.ptr[i];
        const bool used =
            member->key.type == MSGPACK_OBJECT_STR &&
            event_field_find(text_of(&member->key)) != FIELD_COUNT;
        /* The first one always shows, or the event would look empty. */
        if (!used && i > 0)
            continue;
        if (i > 0)
            buf_add_byte(out, ',');
        add_text(out, used ? text_of(&member->key) : STR(""));
        buf_add_byte(out, ':');
        if (used)
            add_value(out, &member->val);
        else
            buf_add_str(out, STR("null"));
    }
    buf_add_byte(out, '}');
}

static void
add_body(struct buf *out, const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_ARRAY) {
        add_event(out, o);
        return;
    }
    buf_add_byte(out, '[');
    for (uint32_t i = 0; i < o->via.array.size; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        add_event(out, &o->via.array.ptr[i]);
    }
    buf_add_byte(out, ']');
}

bool
event_msgpack_rewrite(struct buf *out, struct str body)
{
    if (!is_one_value(body))
        return false;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t at = 0;
    const bool ok = msgpack_unpack_next(&unpacked, body.ptr, body.len, &at) ==
                        MSGPACK_UNPACK_SUCCESS &&
                    at == body.len;
    if (ok)
        add_body(out, &unpacked.data);
    msgpack_unpacked_destroy(&unpacked);
    return ok && buf_ok(out);
}

#else

bool
event_msgpack_rewrite(struct buf *out, struct str body)
{
    (void)out;
    (void)body;
    return false;
}

#endif
