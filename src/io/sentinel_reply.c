#include "io/sentinel_reply.h"

#include <string.h>

#include "base/attr.h"
#include "base/number.h"

/* Sentinels are believed about where, but not about what a name looks like:
 * this text goes to the resolver and to the log. */
static bool
host_ok(struct str host)
{
    if (host.len == 0 || host.len >= SENTINEL_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        const char c = host.ptr[i];
        if (c <= ' ' || c > '~' || strchr("/@\\\"'<>", c) != NULL)
            return false;
    }
    return true;
}

static bool
is_error(const struct resp_reply *reply)
{
    return !reply->array && reply->items[0].type == RESP_ERROR;
}

enum sentinel_verdict
sentinel_read_address(const struct resp_reply *reply,
                      struct sentinel_master *out)
{
    if (is_error(reply))
        return SENTINEL_ERROR;
    const struct resp_item *items = reply->items;
    if (reply->nitems == 1 && items[0].type == RESP_NIL)
        return SENTINEL_UNKNOWN;
    int64_t port;
    if (!reply->array || reply->nitems != 2 || items[0].type != RESP_STRING ||
        items[1].type != RESP_STRING || !host_ok(items[0].str) ||
        !number_parse_int(items[1].str, &port) || port < 1 || port > UINT16_MAX)
        return SENTINEL_STRANGE;
    *out = (struct sentinel_master){.port = (uint16_t)port};
    memcpy(out->host, items[0].str.ptr, items[0].str.len);
    return SENTINEL_FOUND;
}

enum sentinel_verdict
sentinel_read_others(const struct resp_reply *reply, int64_t least)
{
    if (is_error(reply))
        return SENTINEL_ERROR;
    if (!reply->array)
        return SENTINEL_STRANGE;
    for (size_t i = 0; i + 1 < reply->nitems; i += 2) {
        int64_t others;
        if (reply->items[i].type == RESP_STRING &&
            str_eq(reply->items[i].str, STR("num-other-sentinels")))
            return number_parse_int(reply->items[i + 1].str, &others) &&
                           others >= least
                       ? SENTINEL_FOUND
                       : SENTINEL_FEW;
    }
    return SENTINEL_STRANGE;
}

enum redis_role
redis_read_role(const struct resp_reply *reply)
{
    if (is_error(reply)) {
        const struct str error = reply->items[0].str;
        return str_starts(error, STR("NOPERM")) ||
                       str_starts(error, STR("ERR unknown command"))
                   ? REDIS_ROLE_HIDDEN
                   : REDIS_ROLE_ERROR;
    }
    return reply->array && reply->nitems > 0 &&
                   reply->items[0].type == RESP_STRING &&
                   str_eq(reply->items[0].str, STR("master"))
               ? REDIS_ROLE_MASTER
               : REDIS_ROLE_OTHER;
}
