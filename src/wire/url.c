#include "wire/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/xalloc.h"
#include "wire/url_amqp.h"
#include "wire/url_query.h"
#include "wire/url_text.h"

/* Nothing of what stands in a URL is quoted in an error, except option names:
 * with a password that was not percent-encoded, any piece may be part of it. */

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379 };

#define SUPPORTED                                                          \
    "redis://, rediss://, redis+socket://, unix://, sentinel://, amqp:// " \
    "and amqps://"

static const struct {
    struct str name;
    enum url_scheme scheme;
    bool tls;
} schemes[] = {
    {STR_INIT("redis"), URL_REDIS, false},
    {STR_INIT("rediss"), URL_REDIS, true},
    {STR_INIT("redis+socket"), URL_REDIS_UNIX, false},
    {STR_INIT("unix"), URL_REDIS_UNIX, false},
    {STR_INIT("sentinel"), URL_SENTINEL, false},
    {STR_INIT("amqp"), URL_AMQP, false},
    {STR_INIT("amqps"), URL_AMQP, true},
    {STR_INIT("pyamqp"), URL_AMQP, false},
    {STR_INIT("librabbitmq"), URL_AMQP, false},
};

/* Those that Celery knows and we do not speak: safe to repeat. */
static const struct str foreign[] = {
    STR_INIT("sqs"),
    STR_INIT("memory"),
};

static bool
fail(struct buf *err, const char *what)
{
    buf_add_str(err, str_from(what));
    return false;
}

static bool
parse_port(struct str text, uint16_t *port, struct buf *err)
{
    int64_t value;
    if (!number_parse_int(text, &value) || value < 1 || value > UINT16_MAX)
        return fail(err, "the port is not a number from 1 to 65535");
    *port = (uint16_t)value;
    return true;
}

static bool
parse_userinfo(struct url *url, struct str info, struct buf *err)
{
    const size_t colon = str_find(info, ':');
    const struct str user = str_slice(info, 0, colon);
    const struct str password = str_slice(info, colon + 1, info.len);
    if ((user.len > 0 && !url_decode(user, &url->user)) ||
        (password.len > 0 && !url_decode(password, &url->password)))
        return fail(err, "user name and password cannot contain %00");
    return true;
}

static bool
host_ok(const char *host)
{
    for (; *host != '\0'; host++)
        if ((unsigned char)*host <= ' ' || strchr(",@\\\"'<>", *host) != NULL)
            return false;
    return true;
}

static bool
set_host(struct url *url, struct str text, struct buf *err)
{
    if (!url_decode(text, &url->host) || !host_ok(url->host))
        return fail(err, "this is no host name");
    for (char *c = url->host; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    return true;
}

/* "host", "host:port", "[::1]:port", each part may be missing. */
static bool
parse_host_port(struct url *url, struct str text, struct buf *err)
{
    struct str host = text;
    struct str port = {0};
    if (text.len > 0 && text.ptr[0] == '[') {
        const size_t end = str_find(text, ']');
        port = str_slice(text, end + 1, text.len);
        if (end == text.len || (port.len > 0 && port.ptr[0] != ':'))
            return fail(err, "an IPv6 address must stand in brackets");
        host = str_slice(text, 1, end);
        port = str_slice(port, 1, port.len);
    } else {
        const size_t colon = str_find(text, ':');
        host = str_slice(text, 0, colon);
        port = str_slice(text, colon + 1, text.len);
        if (str_find(port, ':') < port.len)
            return fail(err, "an IPv6 address must stand in brackets");
    }
    if (port.len > 0 && !parse_port(port, &url->port, err))
        return false;
    return host.len == 0 || set_host(url, host, err);
}

static bool
parse_place(struct url *url, struct str authority, struct str path,
            struct buf *err)
{
    if (url->scheme == URL_AMQP) {
        if (!url_amqp_vhost(url, path))
            return fail(err, "this is no name of a virtual host");
        return parse_host_port(url, authority, err);
    }
    if (url->scheme != URL_REDIS_UNIX)
        return parse_host_port(url, authority, err) &&
               (path.len <= 1 || url_parse_db(path, &url->db, err));
    if (authority.len > 0 || path.len < 2)
        return fail(err, "a socket needs its whole path, with three slashes: "
                         "redis+socket:///run/redis.sock");
    if (!url_decode(path, &url->path))
        return fail(err, "the path of a socket cannot contain %00");
    return true;
}

/* What stands behind "scheme://". */
static bool
parse_rest(struct url *url, struct str rest, struct buf *err)
{
    struct str authority = rest;
    struct str path = url_cut(&authority, "/?#");
    struct str query = url_cut(&path, "?#");
    url_cut(&query, "#");
    if (str_find(str_slice(rest, authority.len, rest.len), '@') <
        rest.len - authority.len)
        return fail(err, "there is an '@' behind the host: the characters "
                         "/ ? # @ : % ; in user name and password must be "
                         "percent-encoded");
    const size_t at = url_find_last(authority, '@');
    if (at < authority.len) {
        if (!parse_userinfo(url, str_slice(authority, 0, at), err))
            return false;
        authority = str_slice(authority, at + 1, authority.len);
    }
    return parse_place(url, authority, path, err) &&
           url_parse_query(url, str_slice(query, 1, query.len), err);
}

static bool
parse_scheme(struct url *url, struct str name, struct buf *err)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (str_eq_nocase(schemes[i].name, name)) {
            url->scheme = schemes[i].scheme;
            url->tls.on = schemes[i].tls;
            return true;
        }
    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        if (str_eq_nocase(foreign[i], name)) {
            buf_printf(err, "%.*s:// is not supported, only " SUPPORTED,
                       STR_FMT(foreign[i]));
            return false;
        }
    return fail(err, "unknown scheme, supported are " SUPPORTED);
}

/* Without a scheme the whole text is a host, of RabbitMQ as kombu sees it:
 * host:port, host:port/vhost. */
static bool
parse_host_string(struct url *url, struct str text, struct buf *err)
{
    struct str authority = text;
    const struct str path = url_cut(&authority, "/?#");
    if (authority.len == 0 || str_find(text, '@') < text.len ||
        str_find(text, '?') < text.len || str_find(text, '#') < text.len)
        return fail(err, "the scheme is missing, supported are " SUPPORTED);
    url->scheme = URL_AMQP;
    return parse_place(url, authority, path, err);
}

static char *
copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

/* A later part without a scheme is another host of the first URL's kind. */
static bool
parse_bare(struct url *url, struct str text, const struct url *first,
           struct buf *err)
{
    if (first == NULL)
        return parse_host_string(url, text, err);
    if (first->scheme == URL_REDIS_UNIX)
        return fail(err, "the scheme is missing, supported are " SUPPORTED);
    url->scheme = first->scheme;
    struct str rest = text;
    if (url_cut(&rest, "@/?#").len > 0)
        return fail(err, "this is neither a URL nor host:port");
    url->user = copy_text(first->user);
    url->password = copy_text(first->password);
    url->external = first->external;
    url->heartbeat_s = first->heartbeat_s;
    url->connect_timeout_s = first->connect_timeout_s;
    return parse_host_port(url, text, err);
}

bool
url_goes_with(const struct url *url, const struct url *first)
{
    static const int families[] = {
        [URL_REDIS] = 0,
        [URL_REDIS_UNIX] = 0,
        [URL_SENTINEL] = 1,
        [URL_AMQP] = 2,
    };
    return families[url->scheme] == families[first->scheme];
}

/* kombu fills what is missing in a later URL from the first, except user and
 * password, and except the port of a Sentinel. So also a plain redis:// behind
 * a rediss:// is encrypted. */
static bool
fill(struct url *url, const struct url *first, struct buf *err)
{
    const bool sentinel = url->scheme == URL_SENTINEL;
    if (first != NULL && !url_goes_with(url, first))
        return fail(err, "this URL does not go together with the first one: "
                         "all must be Redis, all Sentinels, or all RabbitMQ");
    if (first != NULL && url->scheme != URL_REDIS_UNIX &&
        tls_options_bare(&url->tls))
        tls_options_inherit(&url->tls, &first->tls);
    url->port_preset = url->port == 0 && (first == NULL || first->port_preset);
    if (url->scheme == URL_AMQP)
        url_amqp_fill(url, first);
    if (url->port == 0)
        url->port = sentinel        ? SENTINEL_PORT
                    : first == NULL ? REDIS_PORT
                                    : first->port;
    if (url->scheme != URL_REDIS_UNIX && url->host == NULL)
        url->host = xstrdup("127.0.0.1");
    return true;
}

static bool
parse_url(struct url *url, struct str text, const struct url *first,
          struct buf *err)
{
    *url = (struct url){
        .scheme = URL_REDIS,
        .db = first == NULL ? 0 : first->db,
    };
    static const char mark[] = "://";
    const char *at = text.len == 0 ? NULL : memmem(text.ptr, text.len, mark, 3);
    bool ok;
    if (at == NULL) {
        ok = parse_bare(url, text, first, err);
    } else {
        const size_t len = (size_t)(at - text.ptr);
        ok = parse_scheme(url, str_slice(text, 0, len), err) &&
             parse_rest(url, str_slice(text, len + 3, text.len), err);
    }
    return ok && fill(url, first, err);
}

void
url_add_tls(struct url *url, const struct tls_options *tls)
{
    tls_options_inherit(&url->tls, tls);
    if (url->scheme == URL_AMQP && url->tls.on && url->port_preset)
        url->port = URL_AMQPS_PORT;
}

bool
url_list_parse(struct url_list *out, struct str text, struct buf *err)
{
    *out = (struct url_list){0};
    text = str_trim(text);
    if (text.len == 0)
        return fail(err, "the URL is empty");
    if (memchr(text.ptr, '\0', text.len) != NULL)
        return fail(err, "the URL contains a NUL byte");
    size_t total = 1;
    for (size_t i = 0; i < text.len; i++)
        total += text.ptr[i] == ';';
    out->urls = xcalloc(total, sizeof(out->urls[0]));
    struct str part;
    while (str_split(&text, ';', &part)) {
        part = str_trim(part);
        if (part.len == 0 && out->n > 0)
            continue; /* a trailing semicolon */
        const struct url *first = out->n == 0 ? NULL : &out->urls[0];
        if (!parse_url(&out->urls[out->n++], part, first, err)) {
            if (total > 1)
                buf_printf(err, " (in URL %zu of %zu)", out->n, total);
            url_list_free(out);
            return false;
        }
    }
    return true;
}

static struct str
scheme_name(enum url_scheme scheme)
{
    switch (scheme) {
    case URL_REDIS:
        return STR("redis");
    case URL_REDIS_UNIX:
        return STR("redis+socket");
    case URL_SENTINEL:
        return STR("sentinel");
    case URL_AMQP:
        return STR("amqp");
    }
    return STR("redis");
}

void
url_redacted(const struct url *url, struct buf *out)
{
    buf_add_str(out, scheme_name(url->scheme));
    /* rediss, amqps; Sentinels have no such name. */
    buf_add_str(out, url->tls.on && url->scheme != URL_SENTINEL ? STR("s://")
                                                                : STR("://"));
    /* A user without a password mostly is a password: redis://secret@host. */
    if (url->user != NULL && url->password != NULL)
        url_quote(out, url->user, "-._~*");
    else if (url->user != NULL)
        buf_add_str(out, STR("**"));
    buf_add_str(out, STR(":**@"));
    if (url->scheme == URL_REDIS_UNIX) {
        url_quote(out, url->path, "-._~/");
        buf_printf(out, "?virtual_host=%d", url->db);
        return;
    }
    const bool brackets = strchr(url->host, ':') != NULL;
    buf_add_str(out, brackets ? STR("[") : STR(""));
    url_quote(out, url->host, "-._~:");
    buf_add_str(out, brackets ? STR("]") : STR(""));
    if (url->scheme == URL_AMQP) {
        buf_printf(out, ":%u/", url->port);
        url_quote(out, url->vhost, "-._~/");
    } else {
        buf_printf(out, ":%u/%d", url->port, url->db);
    }
}
