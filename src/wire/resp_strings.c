#include "wire/resp_strings.h"

#include "wire/resp_framer.h"

enum { MAX_DIGITS = 9 }; /* longer numbers are above any limit */

struct cursor {
    const char *at;
    const char *end;
};

/* Reads a header of this type with a number from zero on; no leading zero. */
static inline bool
take_header(struct cursor *c, char type, size_t *number)
{
    if (c->at == c->end || *c->at != type)
        return false;
    const char *const digits = c->at + 1;
    const char *const last =
        c->end - digits < MAX_DIGITS ? c->end : digits + MAX_DIGITS;
    const char *at = digits;
    size_t value = 0;
    for (; at < last && *at >= '0' && *at <= '9'; at++)
        value = 10 * value + (size_t)(*at - '0');
    if (at == digits || (*digits == '0' && at > digits + 1) ||
        c->end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return false;
    c->at = at + 2;
    *number = value;
    return true;
}

static inline bool
take_string(struct cursor *c, struct str *out)
{
    size_t len;
    if (!take_header(c, '$', &len) || (size_t)(c->end - c->at) < len + 2 ||
        c->at[len] != '\r' || c->at[len + 1] != '\n')
        return false;
    *out = (struct str){c->at, len};
    c->at += len + 2;
    return true;
}

size_t
resp_strings(struct str bytes, const struct resp_limits *limits,
             struct resp_item *items, size_t *nitems)
{
    struct cursor c = {bytes.ptr, bytes.ptr + bytes.len};
    size_t n;
    if (!take_header(&c, '*', &n) || n == 0 || n > limits->max_items)
        return 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct str str;
        if (!take_string(&c, &str) || !resp_keeps(limits, kept, str.len))
            return 0;
        kept += str.len;
        items[i] = (struct resp_item){.type = RESP_STRING, .str = str};
    }
    *nitems = n;
    return (size_t)(c.at - bytes.ptr);
}
