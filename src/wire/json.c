#include "wire/json_private.h"

#include <string.h>

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
    *j = (struct json){
        .at = at,
        .end = at + text.len,
        .wide = text.len >= JSON_VECTOR,
    };
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

/* Of the value that begins here. */
static inline enum json_kind
kind_here(const struct json *j)
{
    return j->at == j->end ? JSON_KIND_ERROR
                           : (enum json_kind)kinds[(unsigned char)*j->at];
}

enum json_kind
json_peek(struct json *j)
{
    skip_blanks(j);
    const enum json_kind kind = kind_here(j);
    if (kind == JSON_KIND_ERROR)
        json_fail(j);
    return kind;
}

#ifdef __SSE2__
/* A bit for each quote, backslash, control character or byte past ASCII. */
static inline unsigned
odd_bytes(const char *at)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    /* As signed numbers bytes beyond ASCII are less than a blank, too. */
    const __m128i odd =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                     _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')));
    return (unsigned)_mm_movemask_epi8(odd);
}
#endif

/* The first quote, backslash, control character or byte past ASCII, or end. */
static inline const char *
plain_end(const struct json *j, const char *at)
{
#ifdef __SSE2__
    for (; j->end - at >= JSON_VECTOR; at += JSON_VECTOR) {
        const unsigned odd = odd_bytes(at);
        if (odd != 0)
            return at + __builtin_ctz(odd);
    }
    if (LIKELY(j->wide)) {
        /* The last bytes of the text, without those before `at`. */
        const unsigned done = (unsigned)(JSON_VECTOR - (j->end - at));
        const unsigned odd = odd_bytes(j->end - JSON_VECTOR) >> done;
        return odd != 0 ? at + __builtin_ctz(odd) : j->end;
    }
#endif
    while (at < j->end && *at != '"' && *at != '\\' && (signed char)*at >= ' ')
        at++;
    return at;
}

size_t
json_plain_len(struct str text)
{
    struct json j;
    json_init(&j, text);
    return (size_t)(plain_end(&j, j.at) - j.at);
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
    for (; at < j->end && *at != '"'; at = plain_end(j, at)) {
        if (*at == '\\') {
            escaped = true;
            at = skip_escape(at, j->end);
            if (at == NULL)
                return json_fail(j);
        } else if ((unsigned char)*at < 0x80) {
            return json_fail(j);
        }
        while (at < j->end && (unsigned char)*at >= 0x80)
            at++;
    }
    if (at >= j->end)
        return json_fail(j);
    const struct str raw = {start, (size_t)(at - start)};
    return take_string(j, start, at, !escaped && utf8_valid(raw), out);
}

static inline bool
read_string(struct json *j, struct json_value *out)
{
    const char *start = j->at + 1;
    const char *at = plain_end(j, start);
    if (UNLIKELY(at == j->end || *at != '"'))
        return read_odd_string(j, start, at, out);
    return take_string(j, start, at, true, out);
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
                return json_fail(j);
            objects >>= 1;
            if (depth == 0) {
                j->at++;
                return true;
            }
        }
    }
    return json_fail(j);
}

static bool
read_by_kind(struct json *j, enum json_kind kind, struct json_value *out)
{
    switch (kind) {
    case JSON_KIND_NUMBER:
        return json_read_number(j, out);
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY:
        return skip_container(j);
    case JSON_KIND_TRUE:
        return json_skip_word(j, STR("true"));
    case JSON_KIND_FALSE:
        return json_skip_word(j, STR("false"));
    case JSON_KIND_NULL:
        return json_skip_word(j, STR("null"));
    case JSON_KIND_ERROR:
    case JSON_KIND_STRING:
        break;
    }
    return json_fail(j);
}

/* Apart from strings, which are read more often, and want fewer registers. */
__attribute__((noinline)) static bool
read_other(struct json *j, struct json_value *out)
{
    const enum json_kind kind = kind_here(j);
    const char *start = j->at;
    *out = (struct json_value){.kind = kind};
    const bool ok = read_by_kind(j, kind, out);
    out->raw = (struct str){start, (size_t)(j->at - start)};
    if (!ok)
        out->kind = JSON_KIND_ERROR;
    return ok;
}

bool
json_read(struct json *j, struct json_value *out)
{
    skip_blanks(j);
    if (j->at < j->end && *j->at == '"')
        return read_string(j, out);
    return read_other(j, out);
}

static bool
enter(struct json *j, enum json_kind kind)
{
    if (json_peek(j) != kind)
        return json_fail(j);
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
    return (first && j->at < j->end) || json_fail(j);
}

bool
json_next_key(struct json *j, struct json_value *key)
{
    if (!next_item(j, '}'))
        return false;
    skip_blanks(j);
    if (j->at == j->end || *j->at != '"' || !read_string(j, key) ||
        !next_is(j, ':'))
        return json_fail(j);
    j->at++;
    return true;
}

bool
json_key_is(const struct json_key *key, struct str text)
{
    const struct str name = {key->text + 3, key->len - 6};
    return str_eq(name, text);
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
