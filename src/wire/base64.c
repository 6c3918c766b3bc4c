#include "wire/base64.h"

#include "wire/base64_vectors.h"

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
    const bool one = text[3] == '=';
    const bool two = one && text[2] == '=';
    const unsigned char padded[4] = {
        text[0],
        text[1],
        two ? 'A' : text[2],
        one ? 'A' : text[3],
    };
    return decode_group(out, padded) ? 3u - one - two : 0;
}

/* The groups without padding; returns the number of characters. */
static size_t
decode_groups(unsigned char *out, struct str text)
{
    const unsigned char *chars = (const unsigned char *)text.ptr;
    size_t at = base64_decode_vectors(out, text.ptr, text.len, BASE64_WIDEST);
    while (text.len - at >= 4 && decode_group(out + at / 4 * 3, chars + at))
        at += 4;
    return at;
}

/* How many characters from `at` on belong to the run, counted up to five. */
static size_t
rest_of_run(struct str text, size_t at)
{
    size_t n = 0;
    for (; n < 5 && at + n < text.len; n++) {
        const unsigned char c = (unsigned char)text.ptr[at + n];
        if (c != '=' && sextets[c] == NOT_BASE64)
            break;
    }
    return n;
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
    const size_t at = decode_groups(to, text);
    const size_t nrest = rest_of_run(text, at);
    size_t nlast = 0;
    if (nrest == 4)
        nlast =
            decode_last(to + at / 4 * 3, (const unsigned char *)text.ptr + at);
    if (nrest > 0 && nlast == 0)
        return false;
    *used = at + nrest;
    out->len += at / 4 * 3 + nlast;
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
