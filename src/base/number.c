#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

__extension__ typedef unsigned __int128 uint128;

enum {
    MAX_TEXT = 64,  /* bytes of a number that are read at all */
    MAX_POWER = 19, /* of ten, in 64 bits */
};

static const double TWO_53 = 9007199254740992.0;

static const uint64_t powers[MAX_POWER + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
    10000000000000000000U,
};

static void
add_zeros(struct buf *out, int n)
{
    while (n-- > 0)
        buf_add_byte(out, '0');
}

static void
add_exponential(struct buf *out, const struct decimal *d)
{
    buf_add_byte(out, d->digits[0]);
    if (d->ndigits > 1) {
        buf_add_byte(out, '.');
        buf_add(out, d->digits + 1, d->ndigits - 1);
    }
    const unsigned size = (unsigned)abs(d->exponent);
    buf_add_str(out, d->exponent < 0 ? STR("e-") : STR("e+"));
    if (size < 10)
        buf_add_byte(out, '0');
    buf_add_u64(out, size);
}

static void
add_positional(struct buf *out, const struct decimal *d, bool point)
{
    const int whole = d->exponent + 1; /* digits before the point */
    const int ndigits = (int)d->ndigits;
    if (whole <= 0) {
        buf_add_str(out, STR("0."));
        add_zeros(out, -whole);
        buf_add(out, d->digits, d->ndigits);
        return;
    }
    const size_t split = (size_t)(whole < ndigits ? whole : ndigits);
    buf_add(out, d->digits, split);
    add_zeros(out, whole - ndigits);
    if (whole < ndigits) {
        buf_add_byte(out, '.');
        buf_add(out, d->digits + split, d->ndigits - split);
    } else if (point) {
        buf_add_str(out, STR(".0"));
    }
}

/* True when nothing but the sign was to be said: zero, or not finite. */
static bool
add_special(struct buf *out, double value)
{
    if (isnan(value)) {
        buf_add_str(out, STR("NaN"));
        return true;
    }
    if (isinf(value)) {
        buf_add_str(out, value < 0 ? STR("-Inf") : STR("+Inf"));
        return true;
    }
    if (signbit(value))
        buf_add_byte(out, '-');
    return false;
}

static void
add_finite(struct buf *out, double value, bool point)
{
    struct decimal d = {.digits = "0", .ndigits = 1};
    if (value > 0)
        decimal_shortest(&d, value);
    if (d.exponent < -4 || d.exponent > 5)
        add_exponential(out, &d);
    else
        add_positional(out, &d, point);
}

void
number_add_double(struct buf *out, double value)
{
    if (add_special(out, value))
        return;
    value = fabs(value);
    if (value < TWO_53 && value == (double)(uint64_t)value)
        buf_add_u64(out, (uint64_t)value);
    else
        add_finite(out, value, false);
}

void
number_add_bound(struct buf *out, double value)
{
    if (!add_special(out, value))
        add_finite(out, fabs(value), true);
}

/* The parts of a decimal text: digits as an integer, which is right when there
 * are at most MAX_POWER of them, and the power of ten to multiply it with. */
struct parts {
    uint64_t mantissa;
    size_t ndigits;
    int power;
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *
read_digits(const char *at, const char *end, struct parts *p)
{
    const char *start = at;
    for (; at < end && is_digit(*at); at++)
        p->mantissa = p->mantissa * 10 + (uint64_t)(*at - '0');
    p->ndigits += (size_t)(at - start);
    return at;
}

/* At most 62 digits, so no exponent that matters overflows an int once it is
 * held at 9999. */
static const char *
read_exponent(const char *at, const char *end, int *power)
{
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end || !is_digit(*at))
        return NULL;
    int value = 0;
    for (; at < end && is_digit(*at); at++)
        if (value < 9999)
            value = value * 10 + (*at - '0');
    *power += negative ? -value : value;
    return at;
}

/* s is unsigned. False unless all of it is one decimal number. */
static bool
read_parts(struct str s, struct parts *p)
{
    const char *end = s.ptr + s.len;
    const char *at = read_digits(s.ptr, end, p);
    if (at < end && *at == '.') {
        const size_t nwhole = p->ndigits;
        at = read_digits(at + 1, end, p);
        p->power = -(int)(p->ndigits - nwhole);
    }
    if (p->ndigits == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E'))
        at = read_exponent(at + 1, end, &p->power);
    return at == end;
}

/* mantissa / 10^k, correctly rounded. Both are shifted until their top bit is
 * set; the quotient then has 63 or 64 bits, and once the remainder is noted
 * in the lowest of them the conversion to double rounds as the exact value
 * would. */
static double
divide(uint64_t mantissa, size_t k)
{
    const int up = __builtin_clzll(mantissa);
    const int down = __builtin_clzll(powers[k]);
    const uint64_t divisor = powers[k] << down;
    const uint128 dividend = (uint128)(mantissa << up) << 63;
    uint64_t quotient = (uint64_t)(dividend / divisor);
    quotient |= quotient * divisor != (uint64_t)dividend;
    const uint64_t scale_bits = (uint64_t)(1023 - 63 + down - up) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof(scale));
    return (double)quotient * scale;
}

double
number_decimal(uint64_t mantissa, size_t nfraction)
{
    if (mantissa == 0)
        return 0;
    return nfraction == 0 ? (double)mantissa : divide(mantissa, nfraction);
}

static double
combine(struct str s, const struct parts *p)
{
    if (p->ndigits <= MAX_POWER && p->power <= 0 && p->power >= -MAX_POWER)
        return number_decimal(p->mantissa, (size_t)-p->power);
    char text[MAX_TEXT + 1];
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return strtod(text, NULL);
}

bool
number_parse_double(struct str s, double *out)
{
    if (s.len == 0 || s.len > MAX_TEXT)
        return false;
    const bool negative = s.ptr[0] == '-';
    if (negative || s.ptr[0] == '+')
        s = str_slice(s, 1, s.len);
    struct parts parts = {0};
    double value;
    if (s.len > 0 && read_parts(s, &parts))
        value = combine(s, &parts);
    else if (str_eq_nocase(s, STR("inf")))
        value = INFINITY;
    else if (str_eq_nocase(s, STR("nan")))
        value = NAN;
    else
        return false;
    *out = negative ? -value : value;
    return true;
}

bool
number_parse_int(struct str s, int64_t *out)
{
    const bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = s.len > 0 && (negative || s.ptr[0] == '+') ? 1 : 0;
    if (at == s.len)
        return false;
    int64_t value = 0; /* kept negative: that side has one more */
    for (; at < s.len; at++) {
        if (!is_digit(s.ptr[at]) ||
            __builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, s.ptr[at] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *out = value;
    return true;
}
