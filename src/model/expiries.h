#pragma once

/* When sent tasks expire: a heap, the next one on top. What has become of a
 * task meanwhile is asked only when its time has come, or when the heap is
 * full: then what does not wait any more is thrown out before it grows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expiry {
    uint32_t at_s; /* Unix seconds */
    uint32_t task; /* its number, and */
    uint32_t mark; /* what tells its sendings apart: numbers are used again */
};

/* Whether that sending still waits. */
typedef bool (*expiry_waits_fn)(void *ctx, const struct expiry *expiry);

struct expiries {
    struct expiry *items;
    size_t n;
    size_t cap;
    size_t max;
    size_t nrefusals; /* to come before the full heap is looked through again */
    expiry_waits_fn waits;
    void *ctx;
};

/* max: as many as can wait. One past that is left out: then some sending is
 * in there often, and would fill the memory. */
void expiries_init(struct expiries *expiries, size_t max, expiry_waits_fn waits,
                   void *ctx);
void expiries_close(struct expiries *expiries);
void expiries_add(struct expiries *expiries, const struct expiry *expiry);
/* Takes out the next one whose time has come; it may not wait any more. */
bool expiries_take(struct expiries *expiries, double now_s, struct expiry *out);
