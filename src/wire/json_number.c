#include "wire/json_private.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The digits among the next eight bytes, up to the first other one, as a
 * number; returns how many they are. */
static inline size_t
eight_digits(const char *at, uint64_t *value)
{
    uint64_t digits;
    memcpy(&digits, at, sizeof(digits));
    digits ^= UINT64_C(0x3030303030303030); /* '0' to 0 */
    /* Adding takes what is above 9 past 0x80; a carry only spoils bytes behind
     * one that is none anyway. */
    const uint64_t others = (digits | (digits + UINT64_C(0x7676767676767676))) &
                            UINT64_C(0x8080808080808080);
    const size_t n = others == 0 ? 8 : (size_t)__builtin_ctzll(others) / 8;
    if (n == 0)
        return 0;
    /* The others are shifted out, zeros come in before. Then neighbours are
     * put together: eight digits to four pairs, two fours, one number. */
    digits <<= 8 * (8 - n);
    digits = digits * (10 << 8 | 1) >> 8 & UINT64_C(0x00ff00ff00ff00ff);
    digits = digits * (100 << 16 | 1) >> 16 & UINT64_C(0x0000ffff0000ffff);
    *value = digits * (UINT64_C(10000) << 32 | 1) >> 32;
    return n;
}
#endif

static inline bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits into the number; false when there are none. */
static inline bool
take_digits(struct json *j, struct json_value *out, size_t *ndigits)
{
    const char *at = j->at;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const uint32_t powers[9] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    for (size_t n = 8; n == 8 && j->end - at >= 8; at += n) {
        uint64_t value = 0;
        n = eight_digits(at, &value);
        out->mantissa = out->mantissa * powers[n] + value;
    }
#endif
    for (; at < j->end && is_digit(*at); at++)
        out->mantissa = out->mantissa * 10 + (uint64_t)(*at - '0');
    *ndigits = (size_t)(at - j->at);
    j->at = at;
    return *ndigits > 0 || json_fail(j);
}

static bool
skip_exponent(struct json *j)
{
    struct json_value ignored = {0};
    size_t ndigits;
    j->at++;
    if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
        j->at++;
    return take_digits(j, &ignored, &ndigits);
}

/* NaN and Infinity, as Python's json module writes them; j is behind the sign.
 */
static bool
skip_odd_number(struct json *j, bool negative)
{
    if (!negative && j->at < j->end && *j->at == 'N')
        return json_skip_word(j, STR("NaN"));
    return json_skip_word(j, STR("Infinity"));
}

bool
json_read_number(struct json *j, struct json_value *out)
{
    size_t nwhole = 1;
    size_t nfraction = 0;
    const bool negative = *j->at == '-';
    if (negative)
        j->at++;
    if (j->at == j->end || !is_digit(*j->at))
        return skip_odd_number(j, negative);
    if (*j->at == '0')
        j->at++; /* a second digit is an error that the caller will meet */
    else if (!take_digits(j, out, &nwhole))
        return false;
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (!take_digits(j, out, &nfraction))
            return false;
    }
    if (j->at < j->end && (*j->at == 'e' || *j->at == 'E'))
        return skip_exponent(j);
    if (nwhole + nfraction <= JSON_MAX_DIGITS) {
        out->ndigits = (uint8_t)(nwhole + nfraction);
        out->nfraction = (uint8_t)nfraction;
    }
    return true;
}
