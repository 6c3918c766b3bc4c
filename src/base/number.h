#pragma once

/* Numbers as text, never by the locale. */

#include <stdint.h>

#include "base/buf.h"

/* Appends the shortest decimal that reads back as the same double, in the
 * form of Go's strconv and Python's repr: 0.25, 1e-07, 1.79534093476572e+09,
 * +Inf, -Inf, NaN. Whole numbers below 1e15 have no point. */
void number_add_double(struct buf *out, double value);
/* The same, but a whole number keeps its point, as label values of le need
 * it: 1.0, 10.0, 1e+16. */
void number_add_bound(struct buf *out, double value);
/* Decimal text, the whole of s, optional sign, exponent; also "inf", "+Inf",
 * "nan" in any case. False for anything else and for more than 64 bytes. */
bool number_parse_double(struct str s, double *out) MUST_CHECK;
/* Decimal integer, the whole of s, optional sign; false past 64 bits. */
bool number_parse_int(struct str s, int64_t *out) MUST_CHECK;
