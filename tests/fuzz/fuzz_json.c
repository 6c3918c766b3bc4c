/* json: whatever jansson accepts the scanner accepts, and what it hands out
 * makes the same tree; whatever else, it comes to an end within the text, and
 * every text is valid UTF-8. */

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MAX_DEPTH = 2048, MAX_NUMBER = 64 }; /* jansson's, the scanner's */

/* The tree that is built on the way. */
struct walk {
    struct json json;
    struct buf scratch;
    bool long_number; /* read, but without a value: nothing to compare */
};

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static json_t *build(struct walk *w, size_t depth);

static json_t *
build_object(struct walk *w, size_t depth)
{
    json_t *object = json_object();
    struct json_value key;
    require(json_enter_object(&w->json));
    while (json_next_key(&w->json, &key)) {
        buf_clear(&w->scratch);
        const struct str name = json_text(&key, &w->scratch);
        require(name.ptr != NULL && utf8_valid(name));
        char *copy = str_dup(name);
        json_t *value = build(w, depth + 1);
        json_object_setn_new(object, copy, name.len, value);
        free(copy);
    }
    return object;
}

static json_t *
build_array(struct walk *w, size_t depth)
{
    json_t *array = json_array();
    require(json_enter_array(&w->json));
    while (json_next_element(&w->json))
        json_array_append_new(array, build(w, depth + 1));
    return array;
}

static json_t *
build_number(struct walk *w, const struct json_value *value)
{
    w->long_number |= value->raw.len > MAX_NUMBER;
    for (size_t i = 0; i < value->raw.len; i++)
        if (strchr(".eENI", value->raw.ptr[i]) != NULL)
            return json_real(json_double(value));
    return json_integer(json_int(value, 0));
}

static json_t *
build_scalar(struct walk *w)
{
    struct json_value value;
    if (!json_read(&w->json, &value))
        return NULL;
    if (value.kind == JSON_KIND_NUMBER)
        return build_number(w, &value);
    if (value.kind != JSON_KIND_STRING)
        return value.kind == JSON_KIND_NULL
                   ? json_null()
                   : json_boolean(value.kind == JSON_KIND_TRUE);
    buf_clear(&w->scratch);
    const struct str text = json_text(&value, &w->scratch);
    require(text.ptr != NULL && utf8_valid(text));
    require(text.len <= JSON_TEXT_GROWTH * value.raw.len);
    return json_stringn(text.ptr, text.len);
}

static json_t *
build(struct walk *w, size_t depth)
{
    const enum json_kind kind = json_peek(&w->json);
    if (kind == JSON_KIND_OBJECT && depth < MAX_DEPTH)
        return build_object(w, depth);
    if (kind == JSON_KIND_ARRAY && depth < MAX_DEPTH)
        return build_array(w, depth);
    return build_scalar(w);
}

static bool
read_over(struct str text)
{
    struct json j;
    struct json_value value;
    json_init(&j, text);
    return json_read(&j, &value) && json_finished(&j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct str text = {(const char *)bytes, len};
    struct walk walk = {0};
    json_init(&walk.json, text);
    buf_init(&walk.scratch, 0);

    json_t *got = build(&walk, 0);
    const bool finished = json_finished(&walk.json);

    /* Reading over a document is no stricter than entering it. */
    require(!finished || read_over(text));
    /* A NUL is never JSON, but jansson takes one for the end of the text. */
    json_t *want =
        str_find(text, '\0') < text.len
            ? NULL
            : json_loadb(len == 0 ? "" : text.ptr, len, JSON_DECODE_ANY, NULL);
    require(want == NULL || finished);
    require(want == NULL || walk.long_number || json_equal(got, want));
    json_decref(want);
    json_decref(got);
    buf_close(&walk.scratch);
    return 0;
}
