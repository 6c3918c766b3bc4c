#include "wire/url_query.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "wire/url_amqp.h"
#include "wire/url_text.h"

/* As in wire/url.c, nothing but the names of options is ever quoted. */

enum { MAX_DB = 1 << 20 };

/* redis-py takes these from a socket's URL; they do not concern us. */
static const struct str ignored_options[] = {
    STR_INIT("socket_timeout"),        STR_INIT("socket_connect_timeout"),
    STR_INIT("health_check_interval"), STR_INIT("retry_on_timeout"),
    STR_INIT("max_connections"),
};

static bool
fail(struct buf *err, const char *what)
{
    buf_add_str(err, str_from(what));
    return false;
}

bool
url_parse_db(struct str text, int *db, struct buf *err)
{
    char *decoded = NULL;
    bool ok = url_decode(text, &decoded);
    struct str digits = str_from(decoded);
    while (digits.len > 0 && digits.ptr[0] == '/')
        digits = str_slice(digits, 1, digits.len);
    int64_t value = 0;
    ok = ok && (digits.len == 0 || number_parse_int(digits, &value));
    free(decoded);
    if (!ok || value < 0 || value > MAX_DB)
        return fail(err, "the database is not a number");
    *db = (int)value;
    return true;
}

static bool
in_list(const struct str *list, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i], name))
            return true;
    return false;
}

static bool
name_ok(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789_-.",
                   name.ptr[i]) == NULL)
            return false;
    return name.len > 0 && name.len <= 40;
}

static bool
unknown_option(struct str key, struct buf *err)
{
    if (name_ok(key))
        buf_printf(err, "unknown option \"%.*s\" behind the '?'", STR_FMT(key));
    else
        fail(err, "unknown option behind the '?'");
    return false;
}

static bool
parse_tls_option(struct url *url, struct str key, struct str value,
                 struct buf *err)
{
    char *decoded = NULL;
    if (!url_decode(value, &decoded)) {
        url_wipe(decoded);
        return fail(err, "an ssl_... option cannot contain %00");
    }
    const char *wanted;
    const enum tls_option_status status =
        tls_options_set(&url->tls, key, str_from(decoded), &wanted);
    url_wipe(decoded);
    if (status == TLS_OPTION_UNKNOWN)
        return unknown_option(key, err);
    if (status == TLS_OPTION_WRONG)
        buf_printf(err, "%.*s must be %s", STR_FMT(str_slice(key, 0, 40)),
                   wanted);
    return status != TLS_OPTION_WRONG;
}

static bool
parse_option(struct url *url, struct str key, struct str value, struct buf *err)
{
    if (url->scheme == URL_REDIS_UNIX) {
        if (str_eq(key, STR("virtual_host")) || str_eq(key, STR("db")))
            return url_parse_db(value, &url->db, err);
        if (in_list(ignored_options, COUNT_OF(ignored_options), key))
            return true;
    }
    if (url->scheme == URL_SENTINEL && str_eq(key, STR("master_name")))
        return fail(err, "the name of the master is a transport option: "
                         "--broker-transport-option master_name=NAME");
    if (url->scheme == URL_AMQP) {
        bool known;
        const char *wrong = url_amqp_option(url, key, value, &known);
        if (wrong != NULL)
            return fail(err, wrong);
        if (known)
            return true;
    }
    if (str_starts(key, STR("ssl_")) && url->scheme == URL_REDIS_UNIX)
        return fail(err, "a socket's URL takes no ssl_... options: TLS is for "
                         "networks");
    if (str_starts(key, STR("ssl_")))
        return parse_tls_option(url, key, value, err);
    return unknown_option(key, err);
}

bool
url_parse_query(struct url *url, struct str query, struct buf *err)
{
    struct str pair;
    while (str_split(&query, '&', &pair)) {
        const size_t equals = str_find(pair, '=');
        if (pair.len > 0 &&
            !parse_option(url, str_slice(pair, 0, equals),
                          str_slice(pair, equals + 1, pair.len), err))
            return false;
    }
    return true;
}
