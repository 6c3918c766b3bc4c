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

static inline bool
is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Python writes one blank behind each comma and colon. */
static inline void
skip_blanks(struct json *j)
{
    const char *at = j->at;
    if (at < j->end && *at == ' ')
        at++;
    while (UNLIKELY(at < j->end && (unsigned char)*at <= ' ' && is_blank(*at)))
        at++;
    j->at = at;
}

/* Whether the next byte but for blanks, which are skipped, is c. Where a
 * comma or a colon is due there are none before it most of the time. */
static inline bool
next_is(struct json *j, char c)
{
    if (LIKELY(j->at < j->end && *j->at == c))
        return true;
    skip_blanks(j);
    return j->at < j->end && *j->at == c;
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

/* The first quote, backslash, control character or byte past ASCII, or end. */
static inline const char *
plain_end(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i blank = _mm_set1_epi8(' ');
    for (; end - at >= 16; at += 16) {
        const __m128i bytes =
            _mm_loadu_si128((const __m128i *)(const void *)at);
        /* As signed numbers bytes beyond ASCII are less than a blank, too. */
        const __m128i stops =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                      _mm_cmpeq_epi8(bytes, backslash)),
                         _mm_cmplt_epi8(bytes, blank));
        const int bits = _mm_movemask_epi8(stops);
        if (bits != 0)
            return at + __builtin_ctz((unsigned)bits);
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (signed char)*at >= ' ')
        at++;
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
    static const char letters[8] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    if (end - at < 2)
        return NULL;
    if (at[1] != 'u')
        return memchr(letters, at[1], sizeof(letters)) ? at + 2 : NULL;
    const bool ok = end - at >= 6 && is_hex(at[2]) && is_hex(at[3]) &&
                    is_hex(at[4]) && is_hex(at[5]);
    return ok ? at + 6 : NULL;
}

static bool
take_string(struct json *j, const char *start, const char *end, bool plain,
            struct json_value *out)
{
    j->at = end + 1;
    out->kind = JSON_KIND_STRING;
    out->raw = (struct str){start, (size_t)(end - start)};
    out->plain = plain;
    return true;
}

/* A string with more in it than ASCII; `at` is the first byte to show that. */
__attribute__((noinline)) static bool
read_odd_string(struct json *j, const char *start, const char *at,
                struct json_value *out)
{
    bool escaped = false;
    for (; at < j->end && *at != '"'; at = plain_end(at, j->end)) {
        if (*at == '\\') {
            escaped = true;
            at = skip_escape(at, j->end);
            if (at == NULL)
                return fail(j);
        } else if ((unsigned char)*at < 0x80) {
            return fail(j);
        }
        while (at < j->end && (unsigned char)*at >= 0x80)
            at++;
    }
    if (at >= j->end)
        return fail(j);
    const struct str raw = {start, (size_t)(at - start)};
    return take_string(j, start, at, !escaped && utf8_valid(raw), out);
}

static inline bool
read_string(struct json *j, struct json_value *out)
{
    const char *start = j->at + 1;
    const char *at = plain_end(start, j->end);
    if (UNLIKELY(at == j->end || *at != '"'))
        return read_odd_string(j, start, at, out);
    return take_string(j, start, at, true, out);
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
    skip_blanks(j);
    if (j->at < j->end && *j->at == '"')
        return read_string(j, out);
    const enum json_kind kind = json_peek(j);
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
    const bool first = j->first;
    j->first = false;
    if (!first && next_is(j, ',')) {
        j->at++;
        return true;
    }
    if (next_is(j, close)) {
        j->at++;
        return false;
    }
    return (first && j->at < j->end) || fail(j);
}

bool
json_next_key(struct json *j, struct json_value *key)
{
    if (!next_item(j, '}'))
        return false;
    skip_blanks(j);
    if (j->at == j->end || *j->at != '"' || !read_string(j, key) ||
        !next_is(j, ':'))
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
