#include "wire/base64.h"

#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

static const char alphabet[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
    'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
    'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};

enum { NOT_BASE64 = 0x80 };

#define XX NOT_BASE64
/* What a character stands for. */
static const unsigned char sextets[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* 00 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* 10 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63, /*    */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX, /* 0  */
    XX, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* @  */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, XX, /* P  */
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* `  */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX, /* p  */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* 80 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* 90 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* a0 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* b0 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* c0 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* d0 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* e0 */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, /* f0 */
};
#undef XX

#ifdef __SSE2__
/* Sixteen characters at a time, as many as can be decoded with 16 bytes
 * stored for every 12 that count; returns how many characters that were, and
 * stops before the first one outside the alphabet.
 *
 * The high half of a character picks its range, and with it the distance from
 * the character to its value ('/' shares the range of '+' and is moved to the
 * free place beside it). Two tables of bits, one for each half, meet in a
 * common bit exactly for the characters outside the alphabet. */
__attribute__((target("ssse3"))) static size_t
decode_vectors(unsigned char *out, const char *text, size_t len)
{
    const __m128i bad_high =
        _mm_setr_epi8(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16);
    const __m128i bad_low =
        _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                      0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m128i distance =
        _mm_setr_epi8(0, 63 - '/', 62 - '+', 52 - '0', 0 - 'A', 15 - 'P',
                      26 - 'a', 41 - 'p', 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i order =
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m128i low_bits = _mm_set1_epi8(0x0f);
    size_t at = 0;
    for (; len - at >= 24; at += 16, out += 12) {
        const __m128i chars =
            _mm_loadu_si128((const __m128i *)(const void *)(text + at));
        const __m128i high = _mm_and_si128(_mm_srli_epi32(chars, 4), low_bits);
        const __m128i low = _mm_and_si128(chars, low_bits);
        const __m128i bad = _mm_and_si128(_mm_shuffle_epi8(bad_high, high),
                                          _mm_shuffle_epi8(bad_low, low));
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(bad, _mm_setzero_si128())) !=
            0xffff)
            break;
        const __m128i slash = _mm_cmpeq_epi8(chars, _mm_set1_epi8('/'));
        const __m128i values = _mm_add_epi8(
            chars, _mm_shuffle_epi8(distance, _mm_add_epi8(high, slash)));
        /* a b c d, six bits each, to ab and cd, then to abcd in 32 bits. */
        const __m128i pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(0x0140));
        const __m128i words = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
        _mm_storeu_si128((__m128i *)(void *)out,
                         _mm_shuffle_epi8(words, order));
    }
    return at;
}
#endif

static size_t
decode_fast(unsigned char *out, const char *text, size_t len)
{
#ifdef __SSE2__
    if (len >= 32 && __builtin_cpu_supports("ssse3"))
        return decode_vectors(out, text, len);
#endif
    (void)out;
    (void)text;
    (void)len;
    return 0;
}

/* Four characters to three bytes; false for a character that is none. */
static inline bool
decode_group(unsigned char *out, const unsigned char *text)
{
    const unsigned a = sextets[text[0]];
    const unsigned b = sextets[text[1]];
    const unsigned c = sextets[text[2]];
    const unsigned d = sextets[text[3]];
    out[0] = (unsigned char)(a << 2 | b >> 4);
    out[1] = (unsigned char)(b << 4 | c >> 2);
    out[2] = (unsigned char)(c << 6 | d);
    return ((a | b | c | d) & NOT_BASE64) == 0;
}

/* The last group, where one or two characters may be padding; returns the
 * number of bytes, 0 when it is broken. Bits left over are ignored, as
 * Python's decoder does. */
static size_t
decode_last(unsigned char *out, const unsigned char *text)
{
    const size_t npad = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
    unsigned char padded[4];
    memcpy(padded, text, sizeof(padded));
    memset(padded + 4 - npad, 'A', npad);
    return decode_group(out, padded) ? 3 - npad : 0;
}

/* How many characters of text belong to its run, if they are at most `most`. */
static size_t
run_len(struct str text, size_t most)
{
    size_t n = 0;
    while (n < text.len && n < most &&
           (text.ptr[n] == '=' ||
            sextets[(unsigned char)text.ptr[n]] != NOT_BASE64))
        n++;
    return n;
}

/* The groups without padding; returns the number of characters. */
static size_t
decode_groups(unsigned char *out, struct str text)
{
    const unsigned char *chars = (const unsigned char *)text.ptr;
    size_t at = decode_fast(out, text.ptr, text.len);
    while (text.len - at >= 4 && decode_group(out + at / 4 * 3, chars + at))
        at += 4;
    return at;
}

bool
base64_decode_run(struct buf *out, struct str text, size_t *used)
{
    *used = 0;
    if (text.len == 0)
        return true;
    if (!buf_reserve(out, (text.len + 3) / 4 * 3))
        return false;
    unsigned char *to = (unsigned char *)out->ptr + out->len;
    const size_t whole = decode_groups(to, text);
    const struct str rest = str_slice(text, whole, text.len);
    const size_t nrest = run_len(rest, 5);
    unsigned char last[3];
    size_t nlast = 0;
    if (nrest > 0) {
        if (nrest != 4 ||
            (nlast = decode_last(last, (const unsigned char *)rest.ptr)) == 0)
            return false;
        memcpy(to + whole / 4 * 3, last, nlast);
    }
    *used = whole + nrest;
    out->len += whole / 4 * 3 + nlast;
    return true;
}

bool
base64_decode(struct buf *out, struct str text)
{
    const size_t before = out->len;
    size_t used;
    if (!base64_decode_run(out, text, &used))
        return false;
    if (used == text.len)
        return true;
    out->len = before;
    return false;
}

void
base64_encode(struct buf *out, struct str bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    for (size_t at = 0; at < bytes.len; at += 3) {
        const size_t left = bytes.len - at;
        const unsigned a = in[at];
        const unsigned b = left > 1 ? in[at + 1] : 0;
        const unsigned c = left > 2 ? in[at + 2] : 0;
        char group[4] = {
            alphabet[a >> 2],
            alphabet[(a << 4 | b >> 4) & 63],
            alphabet[(b << 2 | c >> 6) & 63],
            alphabet[c & 63],
        };
        if (left < 2)
            group[2] = '=';
        if (left < 3)
            group[3] = '=';
        buf_add(out, group, sizeof(group));
    }
}
