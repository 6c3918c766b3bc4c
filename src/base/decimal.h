#pragma once

/* The decimal digits of a double. */

#include <stddef.h>

enum { DECIMAL_MAX_DIGITS = 17 }; /* tell any two doubles apart */

/* digits[0].digits[1..] times ten to the exponent; no zeros at the end. */
struct decimal {
    char digits[DECIMAL_MAX_DIGITS + 1];
    size_t ndigits;
    int exponent;
};

/* The fewest digits that read back as the same double, and of those the ones
 * nearest to it. value is finite and above 0. */
void decimal_shortest(struct decimal *decimal, double value);
