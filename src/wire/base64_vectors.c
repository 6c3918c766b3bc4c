#include "wire/base64_vectors.h"

#ifdef __SSE2__
#include <immintrin.h>

#include "base/attr.h"

/* How both decoders work. The high half of a character picks its range, and
 * with it the distance from the character to its value ('/' shares the range
 * of '+' and is moved to the free place beside it). Two tables of bits, one
 * for each half, meet in a common bit exactly for the characters outside the
 * alphabet. The sextets a b c d are then put together to ab and cd, and to
 * abcd in 32 bits, whose three bytes are moved into order.
 *
 * A vector with a character outside the alphabet is stored all the same: the
 * groups before that character are right. */
#define BAD_HIGH 16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16
#define BAD_LOW                                                             \
    0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, \
        0x1b, 0x1b, 0x1b, 0x1a
#define DISTANCE                                                               \
    0, 63 - '/', 62 - '+', 52 - '0', 0 - 'A', 15 - 'P', 26 - 'a', 41 - 'p', 0, \
        0, 0, 0, 0, 0, 0, 0
#define ORDER 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1

/* The characters of the groups before the first bit of `bad`. */
static inline size_t
whole_groups(unsigned bad)
{
    return (size_t)__builtin_ctz(bad) / 4 * 4;
}

/* 16 bytes stored for every 12 that count. */
__attribute__((target("ssse3"))) static size_t
decode_16(unsigned char *out, const char *text, size_t len)
{
    const __m128i bad_high = _mm_setr_epi8(BAD_HIGH);
    const __m128i bad_low = _mm_setr_epi8(BAD_LOW);
    const __m128i distance = _mm_setr_epi8(DISTANCE);
    const __m128i order = _mm_setr_epi8(ORDER);
    const __m128i low_bits = _mm_set1_epi8(0x0f);
    size_t at = 0;
    for (; len - at >= 24; at += 16, out += 12) {
        const __m128i chars =
            _mm_loadu_si128((const __m128i *)(const void *)(text + at));
        const __m128i high = _mm_and_si128(_mm_srli_epi32(chars, 4), low_bits);
        const __m128i low = _mm_and_si128(chars, low_bits);
        const __m128i slash = _mm_cmpeq_epi8(chars, _mm_set1_epi8('/'));
        const __m128i values = _mm_add_epi8(
            chars, _mm_shuffle_epi8(distance, _mm_add_epi8(high, slash)));
        const __m128i pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(0x0140));
        const __m128i words = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
        _mm_storeu_si128((__m128i *)(void *)out,
                         _mm_shuffle_epi8(words, order));
        const __m128i bad = _mm_and_si128(_mm_shuffle_epi8(bad_high, high),
                                          _mm_shuffle_epi8(bad_low, low));
        const int good =
            _mm_movemask_epi8(_mm_cmpeq_epi8(bad, _mm_setzero_si128()));
        if (good != 0xffff)
            return at + whole_groups(~(unsigned)good);
    }
    return at;
}

/* 32 bytes stored for every 24 that count. */
__attribute__((target("avx2"))) static size_t
decode_32(unsigned char *out, const char *text, size_t len)
{
    const __m256i bad_high = _mm256_setr_epi8(BAD_HIGH, BAD_HIGH);
    const __m256i bad_low = _mm256_setr_epi8(BAD_LOW, BAD_LOW);
    const __m256i distance = _mm256_setr_epi8(DISTANCE, DISTANCE);
    const __m256i order = _mm256_setr_epi8(ORDER, ORDER);
    const __m256i halves = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
    const __m256i low_bits = _mm256_set1_epi8(0x0f);
    size_t at = 0;
    for (; len - at >= 44; at += 32, out += 24) {
        const __m256i chars =
            _mm256_loadu_si256((const __m256i *)(const void *)(text + at));
        const __m256i high =
            _mm256_and_si256(_mm256_srli_epi32(chars, 4), low_bits);
        const __m256i low = _mm256_and_si256(chars, low_bits);
        const __m256i slash = _mm256_cmpeq_epi8(chars, _mm256_set1_epi8('/'));
        const __m256i values = _mm256_add_epi8(
            chars, _mm256_shuffle_epi8(distance, _mm256_add_epi8(high, slash)));
        const __m256i pairs =
            _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));
        const __m256i words =
            _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        _mm256_storeu_si256((__m256i *)(void *)out,
                            _mm256_permutevar8x32_epi32(
                                _mm256_shuffle_epi8(words, order), halves));
        const __m256i range = _mm256_shuffle_epi8(bad_high, high);
        const __m256i place = _mm256_shuffle_epi8(bad_low, low);
        if (LIKELY(_mm256_testz_si256(range, place)))
            continue;
        const __m256i good = _mm256_cmpeq_epi8(_mm256_and_si256(range, place),
                                               _mm256_setzero_si256());
        return at + whole_groups(~(unsigned)_mm256_movemask_epi8(good));
    }
    return at;
}

size_t
base64_decode_vectors(unsigned char *out, const char *text, size_t len,
                      size_t width)
{
    return width >= 32 && __builtin_cpu_supports("avx2")
               ? decode_32(out, text, len)
           : width >= 16 && __builtin_cpu_supports("ssse3")
               ? decode_16(out, text, len)
               : 0;
}

#else

size_t
base64_decode_vectors(unsigned char *out, const char *text, size_t len,
                      size_t width)
{
    (void)out;
    (void)text;
    (void)len;
    (void)width;
    return 0;
}

#endif
