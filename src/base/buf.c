#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"

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

bool
buf_grow(struct buf *b, size_t extra)
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

void
buf_add_u64(struct buf *b, uint64_t value)
{
    const size_t n = digits_count(value);
    if (buf_reserve(b, n))
        digits_before(b->ptr + (b->len += n), value);
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
