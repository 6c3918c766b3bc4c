#include "base/utf8.h"

#include <string.h>

/* Length of the character at s, which is not empty. When it is broken, ok
 * becomes false and the length is that of the maximal subpart: the bytes that
 * could have begun a character, at least one. Unicode 15, table 3-7. */
static size_t
sequence(const unsigned char *s, size_t len, bool *ok)
{
    const unsigned char lead = s[0];
    *ok = true;
    if (lead < 0x80)
        return 1;
    *ok = false;
    if (lead < 0xc2 || lead > 0xf4)
        return 1;
    const size_t want = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    /* Overlong forms, surrogates and what lies past U+10FFFF show in the
     * second byte. */
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < want; i++) {
        if (i == len || s[i] < low || s[i] > high)
            return i;
        low = 0x80;
        high = 0xbf;
    }
    *ok = true;
    return want;
}

size_t
utf8_valid_prefix(struct str s)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        uint64_t word;
        if (s.len - at >= sizeof(word)) {
            memcpy(&word, bytes + at, sizeof(word));
            if ((word & 0x8080808080808080) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        bool ok;
        const size_t len = sequence(bytes + at, s.len - at, &ok);
        if (!ok)
            break;
        at += len;
    }
    return at;
}

bool
utf8_valid(struct str s)
{
    return utf8_valid_prefix(s) == s.len;
}

void
utf8_repair(struct buf *out, struct str s)
{
    while (s.len > 0) {
        const size_t good = utf8_valid_prefix(s);
        buf_add(out, s.ptr, good);
        s = str_slice(s, good, s.len);
        if (s.len == 0)
            break;
        bool ok;
        const size_t broken =
            sequence((const unsigned char *)s.ptr, s.len, &ok);
        buf_add_str(out, STR("\xef\xbf\xbd"));
        s = str_slice(s, broken, s.len);
    }
}

struct str
utf8_cut(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    size_t at = max;
    while (at > 0 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
        at--;
    return str_slice(s, 0, at);
}
