#pragma once

/* Growable bytes with a ceiling. A failed reservation (out of memory, or past
 * `max`) makes the buffer sticky-failed: later adds do nothing, and the owner
 * asks once at the end with buf_ok(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max; /* bytes it may hold; 0 = no ceiling */
    bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_close(struct buf *b);
/* For buf_reserve alone. */
bool buf_grow(struct buf *b, size_t extra);

/* Room for `extra` more bytes behind len, or false and failed. */
static inline bool
buf_reserve(struct buf *b, size_t extra)
{
    if (LIKELY(!b->failed && b->cap - b->len >= extra))
        return true;
    return buf_grow(b, extra);
}

static inline void
buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !buf_reserve(b, len))
        return;
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

static inline void
buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.ptr, s.len);
}

static inline void
buf_add_byte(struct buf *b, char byte)
{
    if (buf_reserve(b, 1))
        b->ptr[b->len++] = byte;
}

void buf_add_u64(struct buf *b, uint64_t value); /* decimal */
void buf_add_i64(struct buf *b, int64_t value);  /* decimal */
/* For people's eyes: log lines, help texts. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_clear(struct buf *b); /* keeps the memory, forgets the failure */
static inline struct str
buf_str(const struct buf *b)
{
    return (struct str){.ptr = b->ptr, .len = b->len};
}

bool buf_ok(const struct buf *b) MUST_CHECK;
/* Hands the bytes to the caller, who frees them; b is empty afterwards. */
char *buf_take(struct buf *b, size_t *len);
