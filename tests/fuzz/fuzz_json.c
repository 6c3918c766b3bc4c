/* json against jansson, on the same bytes: what jansson accepts the scanner
 * accepts, and what it hands out makes the same tree. What jansson refuses the
 * scanner refuses, unless it holds what json.h tolerates: NaN and Infinity,
 * numbers that are too large, strings that have to be mended. */

#include <jansson.h>
#include <math.h>
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
    struct buf expected;
    bool tolerated; /* something that jansson does not take */
};

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static json_t *build(struct walk *w, size_t depth);

static unsigned
code_unit(const char *escape)
{
    const char hex[5] = {escape[2], escape[3], escape[4], escape[5]};
    return (unsigned)strtoul(hex, NULL, 16);
}

static bool
is_surrogate(unsigned code, unsigned first)
{
    return code >= first && code < first + 0x400;
}

/* Appends the character as UTF-8; false for what is none that can be kept. */
static bool
add_character(struct buf *out, unsigned code)
{
    if (code == 0 || is_surrogate(code, 0xd800) || is_surrogate(code, 0xdc00)) {
        buf_add_str(out, STR("\xef\xbf\xbd"));
        return false;
    }
    if (code < 0x80) {
        buf_add_byte(out, (char)code);
        return true;
    }
    const size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    buf_add_byte(out, (char)(leads[more] | code >> 6 * more));
    for (size_t i = more; i-- > 0;)
        buf_add_byte(out, (char)(0x80 | (code >> 6 * i & 0x3f)));
    return true;
}

/* Steps over the escape and appends what it means. */
static bool
add_escape(struct buf *out, struct str *raw)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *at = raw->ptr;
    if (at[1] != 'u') {
        buf_add_byte(out, meanings[strchr(letters, at[1]) - letters]);
        *raw = str_slice(*raw, 2, raw->len);
        return true;
    }
    unsigned code = code_unit(at);
    size_t len = 6;
    if (is_surrogate(code, 0xd800) && raw->len >= 12 && at[6] == '\\' &&
        at[7] == 'u' && is_surrogate(code_unit(at + 6), 0xdc00)) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (code_unit(at + 6) & 0x3ff);
        len = 12;
    }
    *raw = str_slice(*raw, len, raw->len);
    return add_character(out, code);
}

/* What a string means, worked out byte by byte; whether jansson takes it. */
static bool
expect_text(struct buf *out, struct str raw)
{
    bool ok = true;
    buf_clear(out);
    while (raw.len > 0) {
        const size_t run = str_find(raw, '\\');
        const struct str plain = str_slice(raw, 0, run);
        ok &= utf8_valid(plain);
        utf8_repair(out, plain);
        raw = str_slice(raw, run, raw.len);
        if (raw.len > 0)
            ok &= add_escape(out, &raw);
    }
    return ok;
}

static struct str
check_text(struct walk *w, const struct json_value *value)
{
    buf_clear(&w->scratch);
    const struct str text = json_text(value, &w->scratch);
    require(text.ptr != NULL && utf8_valid(text));
    require(text.len <= JSON_TEXT_GROWTH * value->raw.len);
    require(!value->plain || text.ptr == value->raw.ptr);
    w->tolerated |= !expect_text(&w->expected, value->raw);
    require(str_eq(text, buf_str(&w->expected)));
    return text;
}

/* But for blanks. */
static bool
same_state(struct json a, struct json b)
{
    json_peek(&a);
    json_peek(&b);
    return a.at == b.at && a.end == b.end && a.failed == b.failed &&
           a.first == b.first;
}

/* To step over a key that is known beforehand is to read it. */
static void
check_known_keys(const struct json *before, const struct json *after,
                 const struct json_value *key)
{
    static const struct json_key keys[] = {
        JSON_KEY(""), JSON_KEY("a"), JSON_KEY("uuid"), JSON_KEY("processed")};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct json j = *before;
        const bool taken = json_take_key(&j, &keys[i]);
        require(same_state(j, taken ? *after : *before));
        require(!taken || (key != NULL && json_key_is(&keys[i], key->raw)));
    }
}

static json_t *
build_object(struct walk *w, size_t depth)
{
    json_t *object = json_object();
    struct json_value key;
    require(json_enter_object(&w->json));
    struct json before = w->json;
    while (json_next_key(&w->json, &key)) {
        check_known_keys(&before, &w->json, &key);
        const struct str name = check_text(w, &key);
        char *copy = str_dup(name);
        json_t *value = build(w, depth + 1);
        json_object_setn_new(object, copy, name.len, value);
        free(copy);
        before = w->json;
    }
    check_known_keys(&before, &w->json, NULL);
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
    const struct str raw = value->raw;
    if (raw.len > MAX_NUMBER) { /* read, but without a value */
        require(isnan(json_double(value)) && json_int(value, -7) == -7);
        json_t *number = json_loadb(raw.ptr, raw.len, JSON_DECODE_ANY, NULL);
        w->tolerated |= number == NULL;
        return number;
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (strchr(".eENI", raw.ptr[i]) == NULL)
            continue;
        const double real = json_double(value);
        w->tolerated |= !isfinite(real);
        return json_real(real);
    }
    const int64_t integer = json_int(value, -7);
    w->tolerated |= integer == -7 && !str_eq(raw, STR("-7"));
    /* In base 10 as strtod has it, whatever way there is to it. */
    char text[MAX_NUMBER + 1] = {0};
    memcpy(text, raw.ptr, raw.len);
    require(json_double(value) == strtod(text, NULL));
    return json_integer(integer);
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
    const struct str text = check_text(w, &value);
    return json_stringn(text.ptr, text.len);
}

static json_t *
build(struct walk *w, size_t depth)
{
    const enum json_kind kind = json_peek(&w->json);
    w->tolerated |= depth >= MAX_DEPTH;
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
    buf_init(&walk.expected, 0);

    json_t *got = build(&walk, 0);
    const bool finished = json_finished(&walk.json);

    /* Reading over a document is no stricter than entering it. */
    require(!finished || read_over(text));
    /* A NUL is never JSON, but jansson takes one for the end of the text. */
    const bool has_nul = str_find(text, '\0') < text.len;
    require(!finished || !has_nul);
    json_t *want = has_nul ? NULL
                           : json_loadb(len == 0 ? "" : text.ptr, len,
                                        JSON_DECODE_ANY, NULL);
    require((want != NULL) == (finished && !walk.tolerated));
    require(want == NULL || json_equal(got, want));
    json_decref(want);
    json_decref(got);
    buf_close(&walk.expected);
    buf_close(&walk.scratch);
    return 0;
}
