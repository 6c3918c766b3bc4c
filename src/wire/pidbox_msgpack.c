#include "wire/pidbox_body.h"

#if HAVE_MSGPACK

#include <msgpack.h>

#include "base/utf8.h"
#include "wire/msgpack_whole.h"

/* Older packers have no texts, only bytes. */
static bool
is_text(const msgpack_object *o)
{
    return o->type == MSGPACK_OBJECT_STR || o->type == MSGPACK_OBJECT_BIN;
}

/* Clean, as the tree promises; in scratch. */
static struct str
text_of(struct buf *scratch, const msgpack_object *o)
{
    struct str raw = o->type == MSGPACK_OBJECT_STR
                         ? (struct str){o->via.str.ptr, o->via.str.size}
                         : (struct str){o->via.bin.ptr, o->via.bin.size};
    buf_clear(scratch);
    while (raw.len > 0) {
        const size_t run = str_find(raw, '\0');
        utf8_repair(scratch, str_slice(raw, 0, run));
        if (run == raw.len)
            break;
        buf_add_str(scratch, STR("\xef\xbf\xbd"));
        raw = str_slice(raw, run + 1, raw.len);
    }
    const struct str text = buf_str(scratch);
    return text.ptr == NULL ? STR("") : text;
}

static bool
is_number(const msgpack_object *o)
{
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
           o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
           o->type == MSGPACK_OBJECT_FLOAT32 ||
           o->type == MSGPACK_OBJECT_FLOAT64;
}

static json_t *
convert_text(struct buf *scratch, const msgpack_object *o)
{
    const struct str text = text_of(scratch, o);
    return json_stringn_nocheck(text.ptr, text.len);
}

static json_t *
convert_unsigned(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value)
                              : json_real((double)value);
}

static json_t *convert(struct buf *scratch, const msgpack_object *o,
                       unsigned depth);

/* The key is taken last: it lies in scratch, where the value's texts do. */
static bool
convert_member(struct buf *scratch, json_t *object,
               const msgpack_object_kv *member, unsigned depth)
{
    if (!is_text(&member->key) ||
        pidbox_is_arguments(text_of(scratch, &member->key),
                            is_number(&member->val)))
        return true;
    json_t *value = convert(scratch, &member->val, depth);
    return pidbox_set(object, text_of(scratch, &member->key), value);
}

static json_t *
convert_map(struct buf *scratch, const msgpack_object_map *map, unsigned depth)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < map->size; i++) {
        if (convert_member(scratch, object, &map->ptr[i], depth))
            continue;
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *
convert_array(struct buf *scratch, const msgpack_object_array *from,
              unsigned depth)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < from->size; i++) {
        if (pidbox_append(array, convert(scratch, &from->ptr[i], depth)))
            continue;
        json_decref(array);
        return NULL;
    }
    return array;
}

/* NULL, which ends the whole conversion, when memory is out. */
static json_t *
convert(struct buf *scratch, const msgpack_object *o, unsigned depth)
{
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        return json_boolean(o->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return convert_unsigned(o->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return json_integer(o->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return pidbox_number(o->via.f64);
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        return convert_text(scratch, o);
    case MSGPACK_OBJECT_MAP:
        return depth < PIDBOX_MAX_DEPTH
                   ? convert_map(scratch, &o->via.map, depth + 1)
                   : json_null();
    case MSGPACK_OBJECT_ARRAY:
        return depth < PIDBOX_MAX_DEPTH
                   ? convert_array(scratch, &o->via.array, depth + 1)
                   : json_null();
    case MSGPACK_OBJECT_NIL:
    case MSGPACK_OBJECT_EXT:
        break;
    }
    return json_null();
}

json_t *
pidbox_load_msgpack(struct str body)
{
    if (!msgpack_is_whole(body, PIDBOX_MAX_VALUES))
        return NULL;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    struct buf scratch;
    buf_init(&scratch, 0);
    size_t at = 0;
    json_t *root = NULL;
    if (msgpack_unpack_next(&unpacked, body.ptr, body.len, &at) ==
            MSGPACK_UNPACK_SUCCESS &&
        at == body.len)
        root = convert(&scratch, &unpacked.data, 0);
    buf_close(&scratch);
    msgpack_unpacked_destroy(&unpacked);
    return root;
}

#else

json_t *
pidbox_load_msgpack(struct str body)
{
    (void)body;
    return NULL;
}

#endif
