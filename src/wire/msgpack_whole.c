#include "wire/msgpack_whole.h"

#include <stdint.h>

/* What the head of a value announces. */
struct head {
    size_t len;      /* bytes of the head itself */
    uint64_t bytes;  /* that follow it */
    uint64_t values; /* that follow it */
};

static uint64_t
big_endian(const unsigned char *at, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

/* The head of a value whose size stands in the next `len` bytes. */
static struct head
sized(struct str s, size_t len, uint64_t extra, uint64_t values_each)
{
    struct head head = {.len = 1 + len};
    if (s.len < head.len)
        return head; /* longer than the text: the caller sees it */
    const uint64_t size = big_endian((const unsigned char *)s.ptr + 1, len);
    head.values = size * values_each;
    head.bytes = values_each > 0 ? 0 : size + extra;
    return head;
}

/* https://github.com/msgpack/msgpack/blob/master/spec.md#formats */
static struct head
read_head(struct str s)
{
    static const unsigned char fixed[16] = {
        [0xca & 15] = 4, [0xcb & 15] = 8, [0xcc & 15] = 1,
        [0xcd & 15] = 2, [0xce & 15] = 4, [0xcf & 15] = 8,
    };
    const unsigned char c = (unsigned char)s.ptr[0];
    if (c < 0x80 || c >= 0xe0) /* small integers */
        return (struct head){.len = 1};
    if (c < 0x90) /* fixmap */
        return (struct head){.len = 1, .values = 2 * (uint64_t)(c & 15)};
    if (c < 0xa0) /* fixarray */
        return (struct head){.len = 1, .values = c & 15};
    if (c < 0xc0) /* fixstr */
        return (struct head){.len = 1, .bytes = c & 31};
    if (c <= 0xc3) /* nil, (never used), false, true */
        return (struct head){.len = 1};
    if (c <= 0xc6) /* bin */
        return sized(s, (size_t)1 << (c - 0xc4), 0, 0);
    if (c <= 0xc9) /* ext */
        return sized(s, (size_t)1 << (c - 0xc7), 1, 0);
    if (c <= 0xcf) /* floats, unsigned */
        return (struct head){.len = 1, .bytes = fixed[c & 15]};
    if (c <= 0xd3) /* signed */
        return (struct head){.len = 1, .bytes = UINT64_C(1) << (c - 0xd0)};
    if (c <= 0xd8) /* fixext */
        return (struct head){.len = 1,
                             .bytes = (UINT64_C(1) << (c - 0xd4)) + 1};
    if (c <= 0xdb) /* str */
        return sized(s, (size_t)1 << (c - 0xd9), 0, 0);
    if (c <= 0xdd) /* array */
        return sized(s, (size_t)2 << (c - 0xdc), 0, 1);
    return sized(s, (size_t)2 << (c - 0xde), 0, 2); /* map */
}

bool
msgpack_is_whole(struct str s, size_t max_values)
{
    uint64_t due = 1;
    for (size_t nvalues = 0; due > 0; nvalues++) {
        if (s.len == 0 || nvalues == max_values)
            return false;
        const struct head head = read_head(s);
        due = due - 1 + head.values;
        if (head.len > s.len || head.bytes > s.len - head.len ||
            due > s.len - head.len - head.bytes)
            return false;
        s = str_slice(s, head.len + head.bytes, s.len);
    }
    return s.len == 0;
}
