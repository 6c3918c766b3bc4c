#include "wire/iso8601.h"

#include <math.h>
#include <stdint.h>

/* Takes n decimal digits off the text; false when there are fewer. */
static bool
take_digits(struct str *s, size_t n, int *out)
{
    if (s->len < n)
        return false;
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_slice(*s, n, s->len);
    *out = value;
    return true;
}

static bool
take_byte(struct str *s, char byte)
{
    if (s->len == 0 || s->ptr[0] != byte)
        return false;
    *s = str_slice(*s, 1, s->len);
    return true;
}

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970 of a date in the Gregorian calendar; false when there is no
 * such day. */
static bool
take_date(struct str *s, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    if (!take_digits(s, 4, &year) || !take_byte(s, '-') ||
        !take_digits(s, 2, &month) || !take_byte(s, '-') ||
        !take_digits(s, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && is_leap(year)))
        return false;
    const int past = year - 1;
    *days = (int64_t)past * 365 + past / 4 - past / 100 + past / 400 - 719162;
    for (int m = 1; m < month; m++)
        *days += lengths[m - 1];
    *days += (month > 2 && is_leap(year)) + day - 1;
    return true;
}

/* ".565023": as many digits as there are, those past a nanosecond unread. */
static bool
take_fraction(struct str *s, double *out)
{
    *out = 0;
    if (!take_byte(s, '.') && !take_byte(s, ','))
        return true;
    int64_t nanoseconds = 0;
    int64_t unit = 1000000000;
    int digit;
    size_t n = 0;
    for (; take_digits(s, 1, &digit); n++) {
        unit /= 10;
        nanoseconds += unit * digit;
    }
    *out = (double)nanoseconds / 1e9;
    return n > 0;
}

static bool
take_time(struct str *s, int64_t *seconds, double *fraction)
{
    int hour;
    int minute;
    int second;
    if (!take_digits(s, 2, &hour) || !take_byte(s, ':') ||
        !take_digits(s, 2, &minute) || !take_byte(s, ':') ||
        !take_digits(s, 2, &second) || !take_fraction(s, fraction))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

/* Seconds east of Greenwich; takes all that is left. */
static bool
take_offset(struct str *s, double *offset)
{
    *offset = 0;
    if (s->len == 0 || take_byte(s, 'Z'))
        return s->len == 0;
    const bool west = take_byte(s, '-');
    int hours;
    int minutes = 0;
    int seconds = 0;
    double fraction = 0;
    if ((!west && !take_byte(s, '+')) || !take_digits(s, 2, &hours))
        return false;
    const bool colon = take_byte(s, ':');
    if ((colon || s->len > 0) && !take_digits(s, 2, &minutes))
        return false;
    if (s->len > 0 &&
        ((colon && !take_byte(s, ':')) || !take_digits(s, 2, &seconds) ||
         !take_fraction(s, &fraction)))
        return false;
    *offset = hours * 3600 + minutes * 60 + seconds + fraction;
    if (west)
        *offset = -*offset;
    return s->len == 0 && hours < 24 && minutes < 60 && seconds < 60;
}

double
iso8601_parse(struct str text)
{
    int64_t days;
    int64_t seconds;
    double fraction;
    double offset;
    if (!take_date(&text, &days) ||
        (!take_byte(&text, 'T') && !take_byte(&text, ' ')) ||
        !take_time(&text, &seconds, &fraction) || !take_offset(&text, &offset))
        return NAN;
    return (double)(days * 86400 + seconds) - offset + fraction;
}
