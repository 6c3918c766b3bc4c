#include "wire/json.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"

static const unsigned char kinds[256] = {
    ['{'] = JSON_KIND_OBJECT, ['['] = JSON_KIND_ARRAY,
    ['"'] = JSON_KIND_STRING, ['t'] = JSON_KIND_TRUE,
    ['f'] = JSON_KIND_FALSE,  ['n'] = JSON_KIND_NULL,
    ['N'] = JSON_KIND_NUMBER, ['I'] = JSON_KIND_NUMBER,
    ['-'] = JSON_KIND_NUMBER, ['0'] = JSON_KIND_NUMBER,
    ['1'] = JSON_KIND_NUMBER, ['2'] = JSON_KIND_NUMBER,
    ['3'] = JSON_KIND_NUMBER, ['4'] = JSON_KIND_NUMBER,
    ['5'] = JSON_KIND_NUMBER, ['6'] = JSON_KIND_NUMBER,
    ['7'] = JSON_KIND_NUMBER, ['8'] = JSON_KIND_NUMBER,
    ['9'] = JSON_KIND_NUMBER,
};

void
json_init(struct json *j, struct str text)
{
    const char *at = text.ptr == NULL ? "" : text.ptr;
    *j = (struct json){.at = at, .end = at + text.len};
}

/* At the end of the text nothing more can be read, whoever asks. */
static bool
fail(struct json *j)
{
    j->failed = true;
    j->at = j->end;
    return false;
}

/* Most often there is one blank or none. */
static inline void
skip_blanks(struct json *j)
{
    const char *at = j->at;
    while (at < j->end && (unsigned char)*at <= ' ' &&
           (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    j->at = at;
}

enum json_kind
json_peek(struct json *j)
{
    skip_blanks(j);
    if (j->at == j->end || kinds[(unsigned char)*j->at] == JSON_KIND_ERROR) {
        fail(j);
        return JSON_KIND_ERROR;
    }
    return (enum json_kind)kinds[(unsigned char)*j->at];
}

/* The first quote, backslash or control character, or end. Sets *high when a
 * byte before it is not ASCII. */
static inline const char *
string_stop(const char *at, const char *end, bool *high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (; end - at >= 16; at += 16) {
        const __m128i bytes =
            _mm_loadu_si128((const __m128i *)(const void *)at);
        const __m128i stops =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                      _mm_cmpeq_epi8(bytes, backslash)),
                         _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
        const unsigned stop_bits = (unsigned)_mm_movemask_epi8(stops);
        const unsigned high_bits = (unsigned)_mm_movemask_epi8(bytes);
        if (stop_bits != 0) {
            /* Below the lowest stop every bit of the mask is set, above it
             * only those of other stops, and these are ASCII. */
            *high |= (high_bits & (stop_bits - 1)) != 0;
            return at + __builtin_ctz(stop_bits);
        }
        *high |= high_bits != 0;
    }
#endif
    for (; at < end; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        *high |= c >= 0x80;
    }
    return at;
}

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
}

/* Behind the escape that begins at the backslash; NULL when it is none. */
static const char *
skip_escape(const char *at, const char *end)
{
    if (end - at < 2)
        return NULL;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        if (end - at >= 6 && is_hex(at[2]) && is_hex(at[3]) && is_hex(at[4]) &&
            is_hex(at[5]))
            return at + 6;
        return NULL;
    default:
        return NULL;
    }
}

static inline bool
read_string(struct json *j, struct json_value *out)
{
    const char *start = j->at + 1;
    const char *at = start;
    bool high = false;
    bool escaped = false;
    while ((at = string_stop(at, j->end, &high)) < j->end && *at != '"') {
        escaped = true;
        if (*at != '\\' || (at = skip_escape(at, j->end)) == NULL)
            return fail(j);
    }
    if (at == j->end)
        return fail(j);
    j->at = at + 1;
    out->kind = JSON_KIND_STRING;
    out->raw = (struct str){start, (size_t)(at - start)};
    out->plain = !escaped && (!high || utf8_valid(out->raw));
    return true;
}

static bool
skip_word(struct json *j, struct str word)
{
    if ((size_t)(j->end - j->at) < word.len ||
        memcmp(j->at, word.ptr, word.len) != 0)
        return fail(j);
    j->at += word.len;
    return true;
}

static inline bool
skip_digits(struct json *j)
{
    const char *start = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    return j->at > start || fail(j);
}

static bool
skip_number(struct json *j)
{
    const bool negative = *j->at == '-';
    if (negative)
        j->at++;
    if (j->at < j->end && *j->at == 'I')
        return skip_word(j, STR("Infinity"));
    if (j->at < j->end && *j->at == 'N' && !negative)
        return skip_word(j, STR("NaN"));
    if (j->at < j->end && *j->at == '0')
        j->at++; /* a second digit is an error that the caller will meet */
    else if (!skip_digits(j))
        return false;
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (!skip_digits(j))
            return false;
    }
    if (j->at == j->end || (*j->at != 'e' && *j->at != 'E'))
        return true;
    j->at++;
    if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
        j->at++;
    return skip_digits(j);
}

/* Reads over a container without recursion. Of the innermost JSON_MAX_DEPTH
 * levels of the outer ones a bit says whether it is an object. */
static bool
skip_container(struct json *j)
{
    struct json_value ignored;
    uint64_t objects = 0;
    size_t depth = 0;
    for (; j->at < j->end; j->at++) {
        const char c = *j->at;
        if (c == '"') {
            if (!read_string(j, &ignored))
                return false;
            j->at--;
        } else if (c == '{' || c == '[') {
            if (depth++ < JSON_MAX_DEPTH)
                objects = objects << 1 | (c == '{');
        } else if (c == '}' || c == ']') {
            if (depth-- > JSON_MAX_DEPTH)
                continue;
            if ((objects & 1) != (c == '}'))
                return fail(j);
            objects >>= 1;
            if (depth == 0) {
                j->at++;
                return true;
            }
        }
    }
    return fail(j);
}

bool
json_read(struct json *j, struct json_value *out)
{
    const enum json_kind kind = json_peek(j);
    if (kind == JSON_KIND_STRING)
        return read_string(j, out);
    const char *start = j->at;
    bool ok = false;
    switch (kind) {
    case JSON_KIND_NUMBER:
        ok = skip_number(j);
        break;
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY:
        ok = skip_container(j);
        break;
    case JSON_KIND_TRUE:
        ok = skip_word(j, STR("true"));
        break;
    case JSON_KIND_FALSE:
        ok = skip_word(j, STR("false"));
        break;
    case JSON_KIND_NULL:
        ok = skip_word(j, STR("null"));
        break;
    case JSON_KIND_ERROR:
    case JSON_KIND_STRING:
        break;
    }
    *out = (struct json_value){
        .kind = ok ? kind : JSON_KIND_ERROR,
        .raw = {start, (size_t)(j->at - start)},
    };
    return ok;
}

static bool
enter(struct json *j, enum json_kind kind)
{
    if (json_peek(j) != kind)
        return fail(j);
    j->at++;
    j->first = true;
    return true;
}

bool
json_enter_object(struct json *j)
{
    return enter(j, JSON_KIND_OBJECT);
}

bool
json_enter_array(struct json *j)
{
    return enter(j, JSON_KIND_ARRAY);
}

/* Steps over the comma before the next item, or over the closing bracket. */
static inline bool
next_item(struct json *j, char close)
{
    skip_blanks(j);
    if (j->at == j->end)
        return fail(j);
    const bool first = j->first;
    j->first = false;
    if (*j->at == close) {
        j->at++;
        return false;
    }
    if (first)
        return true;
    if (*j->at != ',')
        return fail(j);
    j->at++;
    skip_blanks(j);
    return true;
}

bool
json_next_key(struct json *j, struct json_value *key)
{
    if (!next_item(j, '}'))
        return false;
    if (j->at == j->end || *j->at != '"' || !read_string(j, key))
        return fail(j);
    skip_blanks(j);
    if (j->at == j->end || *j->at != ':')
        return fail(j);
    j->at++;
    return true;
}

bool
json_next_element(struct json *j)
{
    return next_item(j, ']');
}

bool
json_finished(struct json *j)
{
    skip_blanks(j);
    return !j->failed && j->at == j->end;
}
