#include "wire/event_msgpack.h"

#if HAVE_MSGPACK

#include <math.h>
#include <msgpack.h>

#include "base/number.h"
#include "wire/event_fields.h"
#include "wire/msgpack_whole.h"

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
    if (!msgpack_is_whole(body, SIZE_MAX))
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
