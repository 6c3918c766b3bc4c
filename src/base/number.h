#pragma once

/* Numbers as text, never by the locale. */

#include <stdint.h>

#include "base/buf.h"

/* Appends the shortest decimal that reads back as the same double. A whole
 * number below 2^53 is written as an integer, 1800, everything else in the
 * form of Go's strconv 'g', which Prometheus's own clients write: with an
 * exponent when that is below -4 or above 5. 0.25, 1e-07, 123456.7,
 * 1.79534093476572e+09, +Inf, -Inf, NaN. */
void number_add_double(struct buf *out, double value);
/* The form that OpenMetrics calls canonical and label values of le need: the
 * same without the exception for whole numbers, and never without point or
 * exponent. 1.0, 1800.0, 100000.0, 1e+06, +Inf. */
void number_add_bound(struct buf *out, double value);
/* Decimal text, the whole of s, optional sign, exponent; also "inf", "+Inf",
 * "nan" in any case. False for anything else and for more than 64 bytes. The
 * result is rounded correctly; what is too large is infinite. */
bool number_parse_double(struct str s, double *out) MUST_CHECK;
/* mantissa / 10^nfraction, rounded correctly; nfraction at most 19. */
double number_decimal(uint64_t mantissa, size_t nfraction);
/* Decimal integer, the whole of s, optional sign; false past 64 bits. */
bool number_parse_int(struct str s, int64_t *out) MUST_CHECK;
