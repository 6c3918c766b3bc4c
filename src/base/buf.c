#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

void
buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void
buf_close(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

static bool
grow(struct buf *b, size_t extra)
{
    size_t need;
    if (b->failed || __builtin_add_overflow(b->len, extra, &need) ||
        (b->max > 0 && need > b->max))
        goto err;
    size_t cap = b->cap == 0 ? FIRST_CAP : b->cap;
    while (cap < need)
        if (__builtin_mul_overflow(cap, (size_t)2, &cap))
            goto err;
    if (b->max > 0 && cap > b->max)
        cap = b->max;
    char *ptr = realloc(b->ptr, cap);
    if (ptr == NULL)
        goto err;
    b->ptr = ptr;
    b->cap = cap;
    return true;
err:
    b->failed = true;
    return false;
}

bool
buf_reserve(struct buf *b, size_t extra)
{
    if (LIKELY(!b->failed && b->cap - b->len >= extra))
        return true;
    return grow(b, extra);
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !buf_reserve(b, len))
        return;
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

void
buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.ptr, s.len);
}

void
buf_add_byte(struct buf *b, char byte)
{
    buf_add(b, &byte, 1);
}

void
buf_add_u64(struct buf *b, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021"
                                "22232425262728293031323334353637383940414243"
                                "44454647484950515253545556575859606162636465"
                                "66676869707172737475767778798081828384858687"
                                "888990919293949596979899";
    char digits[20];
    size_t at = sizeof(digits);
    while (value >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * value, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    buf_add(b, digits + at, sizeof(digits) - at);
}

void
buf_add_i64(struct buf *b, int64_t value)
{
    if (value < 0)
        buf_add_byte(b, '-');
    buf_add_u64(b, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0 && buf_reserve(b, (size_t)len + 1)) {
        vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void
buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

struct str
buf_str(const struct buf *b)
{
    return (struct str){.ptr = b->ptr, .len = b->len};
}

bool
buf_ok(const struct buf *b)
{
    return !b->failed;
}

char *
buf_take(struct buf *b, size_t *len)
{
    char *ptr = b->ptr;
    *len = b->len;
    *b = (struct buf){.max = b->max};
    return ptr;
}
