#pragma once

/* A zero-copy pull scanner: walks one JSON document once, builds nothing, and
 * hands out raw slices. It is tolerant where Python's json module is: NaN,
 * Infinity, numbers of any size and lone surrogates are read over. Strings
 * with escapes are decoded by jansson on request.
 *
 * The error is sticky: after the first one every call gives JSON_KIND_ERROR
 * or false, so that callers check once at the end. A container that json_read
 * reads over may be nested to any depth: nothing recurses, and inside it only
 * strings and the pairing of brackets are checked, beyond JSON_MAX_DEPTH only
 * their number. */

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/buf.h"

enum {
    JSON_MAX_DEPTH = 64,
    JSON_MAX_DIGITS = 19, /* that fit 64 bits, whatever they are */
};

/* Named apart from jansson's types, since files may need both headers. */
enum json_kind {
    JSON_KIND_ERROR = 0,
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER, /* also NaN, Infinity, -Infinity */
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL,
};

struct json {
    const char *at;
    const char *end;
    bool wide; /* the text is not shorter than JSON_VECTOR */
    bool failed;
    bool first; /* no comma is due before the next member or element */
};

enum { JSON_VECTOR = 16 }; /* bytes that are looked at together */

/* A comma and a key, just as Python's json module writes them between two
 * members. */
struct json_key {
    char text[JSON_VECTOR + 2]; /* the first has no comma and blank */
    size_t len;
};

/* key: a literal of at most JSON_VECTOR - 6 bytes that needs no escapes. */
#define JSON_KEY(key)                                         \
    {                                                         \
        .text = ", \"" key "\": ", .len = sizeof(key) - 1 + 6 \
    }

/* A value that was read over. raw of a string is without its quotes. */
struct json_value {
    enum json_kind kind;
    bool plain; /* it is a string without escapes, in valid UTF-8 */
    /* Of a number with at most JSON_MAX_DIGITS and no exponent: its digits,
     * how many there are (else 0), and how many of them behind the point. */
    uint8_t ndigits;
    uint8_t nfraction;
    uint64_t mantissa;
    struct str raw;
};

void json_init(struct json *j, struct str text);
/* What comes next; consumes nothing but blanks. */
enum json_kind json_peek(struct json *j);
/* Enter a container that json_peek announced. */
bool json_enter_object(struct json *j);
bool json_enter_array(struct json *j);
/* The next member's key, then exactly one value must be read; false at the
 * closing brace, which it consumes, or on an error. */
bool json_next_key(struct json *j, struct json_value *key);
/* Steps over this key, and the comma before it, if they come next to the
 * letter, and then a value must be read; else does nothing, not even check
 * what comes. */
static inline bool json_take_key(struct json *j, const struct json_key *key);
bool json_key_is(const struct json_key *key, struct str text);
/* True when another element follows, then exactly one value must be read. */
bool json_next_element(struct json *j);
/* Reads over one value of any kind. */
bool json_read(struct json *j, struct json_value *out);
/* Only blanks are left, and nothing went wrong. */
bool json_finished(struct json *j);

/* How many bytes at the beginning are ASCII that stands for itself within a
 * string: no quote, backslash or control character. */
size_t json_plain_len(struct str text);
/* The text of a string value: the raw slice when it is plain, else decoded
 * into scratch (appended). Lone surrogates, U+0000 and broken UTF-8 become
 * U+FFFD. ptr NULL for anything but a string, and when scratch cannot grow.
 * Growing moves the texts that are in scratch already; who keeps several of
 * them reserves JSON_TEXT_GROWTH bytes for each raw byte first. */
struct str json_decode_text(const struct json_value *value,
                            struct buf *scratch);
static inline struct str
json_text(const struct json_value *value, struct buf *scratch)
{
    return value->plain ? value->raw : json_decode_text(value, scratch);
}
enum { JSON_TEXT_GROWTH = 3 };
/* NaN for anything but a number, and for numbers longer than 64 bytes. */
double json_double(const struct json_value *value);
/* `absent` for anything but an integer that fits. */
int64_t json_int(const struct json_value *value, int64_t absent);

static inline bool
json_take_key(struct json *j, const struct json_key *key)
{
    const size_t start = j->first ? 2 : 0;
    const char *text = key->text + start;
    const size_t len = key->len - start;
    if (j->end - j->at < JSON_VECTOR)
        return false;
#ifdef __SSE2__
    const __m128i have = _mm_loadu_si128((const __m128i *)(const void *)j->at);
    const __m128i want = _mm_loadu_si128((const __m128i *)(const void *)text);
    const int same = _mm_movemask_epi8(_mm_cmpeq_epi8(have, want));
    if ((~(unsigned)same & ((1U << len) - 1)) != 0)
        return false;
#else
    if (memcmp(j->at, text, len) != 0)
        return false;
#endif
    j->at += len;
    j->first = false;
    return true;
}
