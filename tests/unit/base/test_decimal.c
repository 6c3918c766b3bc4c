#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "decimal";

/* A generator of our own, so that a failure comes back. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* printf rounds correctly at any precision, and strtod reads correctly: the
 * first precision that comes back is the shortest, and nearest. */
static void
print_shortest(char *text, size_t size, double value)
{
    for (int precision = 0; precision < DECIMAL_MAX_DIGITS; precision++) {
        snprintf(text, size, "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

static void
check(double value)
{
    struct decimal d;
    decimal_shortest(&d, value);
    char want[40];
    print_shortest(want, sizeof(want), value);
    char have[40];
    const int rest = (int)d.ndigits - 1;
    snprintf(have, sizeof(have), "%c%s%.*se%c%02d", d.digits[0],
             rest > 0 ? "." : "", rest, d.digits + 1,
             d.exponent < 0 ? '-' : '+', abs(d.exponent));
    ck_assert_msg(strcmp(have, want) == 0, "%a: %s, not %s", value, have, want);
}

START_TEST(random_doubles_are_as_short_as_can_be)
{
    uint64_t state = 88172645463325252;
    for (int i = 0; i < rounds(50000); i++) {
        const uint64_t bits = next_random(&state);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value) && value > 0)
            check(value);
        check(ldexp((double)(bits >> 11), -(int)(bits % 96)));
        check((double)((bits >> 20) + 1) / 1e6);
    }
}
END_TEST

/* Where the distance to the next double changes, and where digits carry. */
START_TEST(neighbours_of_powers_are_as_short_as_can_be)
{
    for (int e = -60; e <= 60; e++) {
        double below = ldexp(1, e);
        double above = below;
        for (int i = 0; i < rounds(100); i++) {
            check(below);
            check(above);
            below = nextafter(below, 0);
            above = nextafter(above, INFINITY);
        }
    }
    for (int e = -14; e <= 18; e++) {
        double below = pow(10, e);
        double above = below;
        for (int i = 0; i < rounds(300); i++) {
            check(below);
            check(above);
            below = nextafter(below, 0);
            above = nextafter(above, INFINITY);
        }
    }
}
END_TEST

/* Few bits: their decimals end exactly between two shorter ones. */
START_TEST(ties_are_rounded_as_printf_does)
{
    uint64_t state = 2463534242;
    for (int i = 0; i < rounds(50000); i++) {
        const uint64_t bits = next_random(&state);
        const double whole = (double)((bits >> (16 + bits % 48)) | 1);
        check(ldexp(whole, -(int)((bits >> 8) % 40)));
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, random_doubles_are_as_short_as_can_be);
    tcase_add_test(tc, neighbours_of_powers_are_as_short_as_can_be);
    tcase_add_test(tc, ties_are_rounded_as_printf_does);
}
