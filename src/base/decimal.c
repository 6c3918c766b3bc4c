#include "base/decimal.h"

#include <float.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digits.h"

__extension__ typedef unsigned __int128 uint128;

enum {
    MANTISSA_BITS = 52, /* without the leading one */
    MAX_DOWN = 88,      /* down to about 1e-11 */
    MAX_FIVES = 27,     /* powers in 64 bits */
};

static const uint64_t TEN_17 = 100000000000000000;

static const uint64_t fives[MAX_FIVES + 1] = {
    1,
    5,
    25,
    125,
    625,
    3125,
    15625,
    78125,
    390625,
    1953125,
    9765625,
    48828125,
    244140625,
    1220703125,
    6103515625,
    30517578125,
    152587890625,
    762939453125,
    3814697265625,
    19073486328125,
    95367431640625,
    476837158203125,
    2384185791015625,
    11920928955078125,
    59604644775390625,
    298023223876953125,
    1490116119384765625,
    7450580596923828125,
};

/* A double times 10^k, exactly: number / 2^shift, with 17 digits before the
 * point. What lies less than half of 5^k / 2^shift away from it reads back as
 * the same double. */
struct scaled {
    uint128 number;
    int shift;
    int k;
    bool even;  /* half that far away does too: ties go to even mantissas */
    bool first; /* of its power of two: doubles below are twice as close */
};

/* mantissa / 2^down times 10^k is mantissa * 5^k / 2^(down - k): no bit of it
 * is lost. False for what is not between 1e-11 and 2^52. */
static bool
scale(double value, struct scaled *s)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint64_t leading = UINT64_C(1) << MANTISSA_BITS;
    const uint64_t mantissa = (bits & (leading - 1)) | leading;
    const int down = 1023 + MANTISSA_BITS - (int)(bits >> MANTISSA_BITS);
    if (down < 1 || down > MAX_DOWN)
        return false;
    /* The decimal exponent of the power of two at or below; 1233 / 4096 is
     * the logarithm of 2. The value's own may be one more. */
    const int log2 = MANTISSA_BITS - down;
    int k = DECIMAL_MAX_DIGITS - 1 - (log2 * 1233 >> 12);
    uint128 number = (uint128)mantissa * fives[k];
    if (number >> (down - k) >= TEN_17)
        number = (uint128)mantissa * fives[--k];
    *s = (struct scaled){
        .number = number,
        .shift = down - k,
        .k = k,
        .even = mantissa % 2 == 0,
        .first = mantissa == leading,
    };
    return true;
}

/* The multiple of unit that is nearest, as a number of units; true when it
 * reads back as the same double. */
static bool
round_to(const struct scaled *s, uint64_t unit, uint64_t *nunits)
{
    uint64_t n = (uint64_t)(s->number >> s->shift) / unit;
    const uint128 span = (uint128)unit << s->shift;
    uint128 twice_off = 2 * (s->number - n * span);
    const bool up = twice_off > span || (twice_off == span && n % 2 == 1);
    if (up) {
        n++;
        twice_off = 2 * span - twice_off;
    } else if (s->first) {
        twice_off *= 2;
    }
    *nunits = n;
    return twice_off < fives[s->k] || (twice_off == fives[s->k] && s->even);
}

static void
strip_zeros(struct decimal *d)
{
    while (d->ndigits > 1 && d->digits[d->ndigits - 1] == '0')
        d->ndigits--;
}

/* Any 15 digits survive the way to a double and back, so that fewer are found
 * as 15 with zeros at the end. 17 are always enough. */
static bool
scaled_decimal(struct decimal *d, double value)
{
    struct scaled s;
    if (!scale(value, &s))
        return false;
    uint64_t n;
    uint64_t unit = 100;
    int nzeros = 2;
    for (; !round_to(&s, unit, &n); unit /= 10)
        nzeros--;
    char text[DIGITS_MAX];
    d->ndigits = digits_before(text + sizeof(text), n);
    d->exponent = (int)d->ndigits - 1 + nzeros - s.k;
    memcpy(d->digits, text + sizeof(text) - d->ndigits, d->ndigits);
    strip_zeros(d);
    return true;
}

/* Slower by far, for what is very small or very large. */
static void
printed_decimal(struct decimal *d, double value)
{
    char text[32];
    int precision = value < DBL_MIN ? 0 : 14;
    for (; precision < DECIMAL_MAX_DIGITS; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, value);
        d->digits[0] = text[0];
        memcpy(d->digits + 1, text + 2, (size_t)precision);
        d->ndigits = (size_t)precision + 1;
        const size_t before_e = d->ndigits + (precision > 0);
        d->exponent = (int)strtol(text + before_e + 1, NULL, 10);
        if (strtod(text, NULL) == value)
            break;
    }
    strip_zeros(d);
}

void
decimal_shortest(struct decimal *decimal, double value)
{
    if (!scaled_decimal(decimal, value))
        printed_decimal(decimal, value);
}
