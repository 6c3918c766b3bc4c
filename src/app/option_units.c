#include "app/option_units.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

struct unit {
    struct str name;
    int64_t factor;
};

/* Longest first where one begins like another. */
static const struct unit durations[] = {
    {STR_INIT("ms"), 1},       {STR_INIT("w"), 604800000},
    {STR_INIT("d"), 86400000}, {STR_INIT("h"), 3600000},
    {STR_INIT("m"), 60000},    {STR_INIT("s"), 1000},
};

static const struct unit sizes[] = {
    {STR_INIT("TiB"), INT64_C(1) << 40},
    {STR_INIT("GiB"), 1 << 30},
    {STR_INIT("MiB"), 1 << 20},
    {STR_INIT("KiB"), 1 << 10},
    {STR_INIT("TB"), 1000000000000},
    {STR_INIT("GB"), 1000000000},
    {STR_INIT("MB"), 1000000},
    {STR_INIT("KB"), 1000},
    {STR_INIT("B"), 1},
};

/* Takes digits with an optional fraction off the front of *rest. */
static bool
take_number(struct str *rest, double *out)
{
    size_t len = 0;
    while (len < rest->len && strchr("0123456789.", rest->ptr[len]) != NULL)
        len++;
    const bool ok = number_parse_double(str_slice(*rest, 0, len), out);
    *rest = str_slice(*rest, len, rest->len);
    return ok;
}

static const struct unit *
take_unit(struct str *rest, const struct unit *units, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct str head = str_slice(*rest, 0, units[i].name.len);
        if (str_eq_nocase(head, units[i].name)) {
            *rest = str_slice(*rest, head.len, rest->len);
            return &units[i];
        }
    }
    return NULL;
}

/* Whole and exactly representable, or false. */
static bool
to_whole(double value, int64_t *out)
{
    if (!(value >= 0 && value < 9e15))
        return false;
    *out = (int64_t)llround(value);
    return fabs(value - (double)*out) < 1e-6;
}

bool
option_parse_duration(struct str text, int64_t *ms)
{
    struct str rest = str_trim(text);
    double sum = 0;
    double value;
    if (number_parse_double(rest, &value)) /* plain seconds */
        return to_whole(value * 1000, ms);
    do {
        if (!take_number(&rest, &value))
            return false;
        const struct unit *unit =
            take_unit(&rest, durations, COUNT_OF(durations));
        if (unit == NULL)
            return false;
        sum += value * (double)unit->factor;
    } while (rest.len > 0);
    return to_whole(sum, ms);
}

bool
option_parse_size(struct str text, int64_t *bytes)
{
    struct str rest = str_trim(text);
    double value;
    if (!take_number(&rest, &value))
        return false;
    if (rest.len == 0)
        return to_whole(value, bytes);
    rest = str_trim(rest);
    const struct unit *unit = take_unit(&rest, sizes, COUNT_OF(sizes));
    return unit != NULL && rest.len == 0 &&
           to_whole(value * (double)unit->factor, bytes);
}

static void
show_in(const struct unit *units, size_t n, int64_t value, struct buf *out)
{
    const struct unit *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (value % units[i].factor == 0 && value >= units[i].factor &&
            (best == NULL || units[i].factor > best->factor))
            best = &units[i];
    buf_add_i64(out, best == NULL ? value : value / best->factor);
    if (best != NULL)
        buf_add_str(out, best->name);
}

void
option_show_number(const struct option_row *row, int64_t value, struct buf *out)
{
    if (row->type == OPTION_SIZE)
        show_in(sizes, 4, value, out); /* powers of two only */
    else if (row->type == OPTION_MILLIS)
        show_in(durations, COUNT_OF(durations), value, out);
    else if (row->type == OPTION_SECONDS || row->type == OPTION_EVERY)
        show_in(durations, COUNT_OF(durations), value * 1000, out);
    else
        buf_add_i64(out, value);
}

static bool
has_any(struct str s, const char *bytes)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(bytes, s.ptr[i]) != NULL)
            return true;
    return false;
}

bool
option_parse_address(struct str text, struct listen_address *out)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct str host = str_slice(text, 0, colon - 1);
    int64_t port;
    if (!number_parse_int(str_slice(text, colon, text.len), &port) ||
        port < 1 || port > UINT16_MAX)
        return false;
    const bool bracketed =
        host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        host = str_slice(host, 1, host.len - 1);
    /* An IPv6 address without brackets: which colon is it? */
    if (has_any(host, bracketed ? "[]/ " : "[]/: "))
        return false;
    *out =
        (struct listen_address){.host = str_dup(host), .port = (uint16_t)port};
    return true;
}
