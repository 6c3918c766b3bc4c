#include "wire/pidbox_body.h"

#include <math.h>

#include "wire/json.h"

struct reader {
    struct json json;
    struct buf scratch; /* of texts with escapes, one at a time */
    size_t nvalues;
    bool failed;
};

bool
pidbox_is_arguments(struct str key, bool is_number)
{
    return !is_number &&
           (str_eq(key, STR("args")) || str_eq(key, STR("kwargs")));
}

bool
pidbox_set(json_t *object, struct str key, json_t *value)
{
    return json_object_setn_new_nocheck(object, key.ptr, key.len, value) == 0;
}

bool
pidbox_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

json_t *
pidbox_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static struct str
text_of(struct reader *reader, const struct json_value *value)
{
    buf_clear(&reader->scratch);
    const struct str text = json_text(value, &reader->scratch);
    /* Not NULL, which would mean that there is no text. */
    return text.ptr == NULL ? STR("") : text;
}

static json_t *
number_of(const struct json_value *value)
{
    int64_t integer = json_int(value, 0);
    if (integer != 0 || json_int(value, 1) == 0)
        return json_integer(integer);
    return pidbox_number(json_double(value));
}

static json_t *
read_scalar(struct reader *reader)
{
    struct json_value value;
    if (!json_read(&reader->json, &value))
        return NULL;
    switch (value.kind) {
    case JSON_KIND_STRING: {
        const struct str text = text_of(reader, &value);
        return json_stringn_nocheck(text.ptr, text.len);
    }
    case JSON_KIND_NUMBER:
        return number_of(&value);
    case JSON_KIND_TRUE:
        return json_true();
    case JSON_KIND_FALSE:
        return json_false();
    case JSON_KIND_NULL:
    case JSON_KIND_OBJECT: /* too deep */
    case JSON_KIND_ARRAY:
        return json_null();
    case JSON_KIND_ERROR:
        break;
    }
    return NULL;
}

static json_t *read_value(struct reader *reader, unsigned depth);

static bool
skip(struct reader *reader)
{
    struct json_value value;
    return json_read(&reader->json, &value);
}

/* The key is taken last: it lies in scratch, where the value's texts do. */
static bool
read_member(struct reader *reader, json_t *object, const struct json_value *key,
            unsigned depth)
{
    const bool is_number = json_peek(&reader->json) == JSON_KIND_NUMBER;
    if (pidbox_is_arguments(text_of(reader, key), is_number))
        return skip(reader);
    json_t *value = read_value(reader, depth);
    return pidbox_set(object, text_of(reader, key), value);
}

static json_t *
read_object(struct reader *reader, unsigned depth)
{
    json_t *object = json_object();
    struct json_value key;
    json_enter_object(&reader->json);
    while (!reader->failed && json_next_key(&reader->json, &key))
        if (!read_member(reader, object, &key, depth))
            reader->failed = true;
    return object;
}

static json_t *
read_array(struct reader *reader, unsigned depth)
{
    json_t *array = json_array();
    json_enter_array(&reader->json);
    while (!reader->failed && json_next_element(&reader->json))
        if (!pidbox_append(array, read_value(reader, depth)))
            reader->failed = true;
    return array;
}

static json_t *
read_value(struct reader *reader, unsigned depth)
{
    if (++reader->nvalues > PIDBOX_MAX_VALUES) {
        reader->failed = true;
        return NULL;
    }
    const enum json_kind kind = json_peek(&reader->json);
    if (kind == JSON_KIND_OBJECT && depth < PIDBOX_MAX_DEPTH)
        return read_object(reader, depth + 1);
    if (kind == JSON_KIND_ARRAY && depth < PIDBOX_MAX_DEPTH)
        return read_array(reader, depth + 1);
    return read_scalar(reader);
}

static json_t *
load_json(struct str body)
{
    struct reader reader = {0};
    json_init(&reader.json, body);
    buf_init(&reader.scratch, 0);
    json_t *root = read_value(&reader, 0);
    buf_close(&reader.scratch);
    if (!reader.failed && json_finished(&reader.json))
        return root;
    json_decref(root);
    return NULL;
}

json_t *
pidbox_load(struct str body, enum serializer serializer)
{
    if (body.len > PIDBOX_MAX_BYTES)
        return NULL;
    json_t *root = NULL;
    switch (serializer) {
    case SERIALIZER_JSON:
        root = load_json(body);
        break;
    case SERIALIZER_MSGPACK:
        root = pidbox_load_msgpack(body);
        break;
    }
    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}
