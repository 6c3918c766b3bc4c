#include "wire/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"

static unsigned
hex4(const char *at)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        const char c = at[i];
        const int digit = c <= '9' ? c - '0' : (c & ~0x20) - 'A' + 10;
        code = code << 4 | (unsigned)digit;
    }
    return code;
}

/* Length of the escape at the backslash. *ok is false when it stands for no
 * character that can be kept: U+0000, or half a surrogate pair. */
static size_t
escape_len(struct str s, bool *ok)
{
    *ok = true;
    if (s.ptr[1] != 'u')
        return 2;
    const unsigned code = hex4(s.ptr + 2);
    if (code >= 0xd800 && code <= 0xdbff && s.len >= 12 && s.ptr[6] == '\\' &&
        s.ptr[7] == 'u') {
        const unsigned low = hex4(s.ptr + 8);
        if (low >= 0xdc00 && low <= 0xdfff)
            return 12;
    }
    *ok = code != 0 && (code < 0xd800 || code > 0xdfff);
    return 6;
}

/* Adds the string, quotes included, as jansson accepts it. */
static void
add_mended(struct buf *out, struct str raw)
{
    buf_add_byte(out, '"');
    while (raw.len > 0) {
        const size_t run = str_find(raw, '\\');
        utf8_repair(out, str_slice(raw, 0, run));
        raw = str_slice(raw, run, raw.len);
        if (raw.len == 0)
            break;
        bool ok;
        const size_t len = escape_len(raw, &ok);
        buf_add_str(out, ok ? str_slice(raw, 0, len) : STR("\xef\xbf\xbd"));
        raw = str_slice(raw, len, raw.len);
    }
    buf_add_byte(out, '"');
}

static void
add_text(struct buf *out, struct str raw)
{
    if (str_find(raw, '\\') == raw.len) {
        utf8_repair(out, raw);
        return;
    }
    const size_t start = out->len;
    add_mended(out, raw);
    if (!buf_ok(out))
        return;
    json_t *string =
        json_loadb(out->ptr + start, out->len - start, JSON_DECODE_ANY, NULL);
    out->len = start;
    if (string != NULL)
        buf_add(out, json_string_value(string), json_string_length(string));
    else
        out->failed = true; /* out of memory: nothing else is left to refuse */
    json_decref(string);
}

struct str
json_decode_text(const struct json_value *value, struct buf *scratch)
{
    if (value->kind != JSON_KIND_STRING)
        return (struct str){0};
    const size_t start = scratch->len;
    add_text(scratch, value->raw);
    if (!buf_ok(scratch))
        return (struct str){0};
    return (struct str){scratch->ptr + start, scratch->len - start};
}

double
json_double(const struct json_value *value)
{
    if (value->kind != JSON_KIND_NUMBER)
        return NAN;
    double number;
    if (value->ndigits > 0) {
        number = number_decimal(value->mantissa, value->nfraction);
        return value->raw.ptr[0] == '-' ? -number : number;
    }
    if (number_parse_double(value->raw, &number))
        return number;
    if (str_eq(value->raw, STR("Infinity")))
        return INFINITY;
    if (str_eq(value->raw, STR("-Infinity")))
        return -INFINITY;
    return NAN;
}

int64_t
json_int(const struct json_value *value, int64_t absent)
{
    if (value->kind != JSON_KIND_NUMBER)
        return absent;
    if (value->ndigits > 0 && value->mantissa <= INT64_MAX) {
        const int64_t number = (int64_t)value->mantissa;
        if (value->nfraction > 0)
            return absent;
        return value->raw.ptr[0] == '-' ? -number : number;
    }
    int64_t number;
    return number_parse_int(value->raw, &number) ? number : absent;
}
