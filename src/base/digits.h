#pragma once

/* Whole numbers as decimal text. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of 64 bits */

extern const char digits_pairs[200]; /* 000102..99 */

static inline size_t
digits_count(uint64_t value)
{
    size_t n = 1;
    for (; value >= 10000; value /= 10000)
        n += 4;
    return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Writes the digits of value so that they end before `end`; their number. At
 * most DIGITS_MAX bytes. */
static inline size_t
digits_before(char *end, uint64_t value)
{
    char *at = end;
    for (; value >= 100; value /= 100)
        memcpy(at -= 2, digits_pairs + 2 * (value % 100), 2);
    if (value >= 10)
        memcpy(at -= 2, digits_pairs + 2 * value, 2);
    else
        *--at = (char)('0' + value);
    return (size_t)(end - at);
}
