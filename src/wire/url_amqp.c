#include "wire/url_amqp.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/xalloc.h"
#include "wire/url_text.h"

enum { MAX_SECONDS = 3600, MAX_VHOST = 255 };

bool
url_amqp_vhost(struct url *url, struct str path)
{
    const struct str vhost = str_slice(path, 1, path.len);
    if (vhost.len == 0)
        return true;
    return url_decode(vhost, &url->vhost) && strlen(url->vhost) <= MAX_VHOST;
}

/* Whole seconds, or with a fraction that is cut off, as Python's floats. */
static bool
parse_seconds(struct str value, int64_t *out)
{
    const struct str whole = str_slice(value, 0, str_find(value, '.'));
    const struct str rest = str_slice(value, whole.len + 1, value.len);
    int64_t fraction;
    return number_parse_int(whole, out) && *out >= 0 && *out <= MAX_SECONDS &&
           (rest.len == 0 || number_parse_int(rest, &fraction));
}

static const char *
parse_login(struct url *url, struct str value)
{
    url->external = str_eq_nocase(value, STR("EXTERNAL"));
    if (url->external || str_eq_nocase(value, STR("PLAIN")) ||
        str_eq_nocase(value, STR("AMQPLAIN")))
        return NULL;
    return "login_method is PLAIN or EXTERNAL";
}

static const char *
parse_ssl(struct url *url, struct str value)
{
    static const struct str off[] = {STR_INIT("0"), STR_INIT("false"),
                                     STR_INIT("no"), STR_INIT("none")};
    static const struct str on[] = {STR_INIT("1"), STR_INIT("true"),
                                    STR_INIT("yes")};
    for (size_t i = 0; i < COUNT_OF(off); i++)
        if (str_eq_nocase(value, off[i]))
            return NULL;
    for (size_t i = 0; i < COUNT_OF(on); i++)
        if (str_eq_nocase(value, on[i])) {
            url->tls.on = true;
            return NULL;
        }
    return "ssl is 1 or 0";
}

const char *
url_amqp_option(struct url *url, struct str key, struct str value, bool *known)
{
    *known = true;
    if (str_eq(key, STR("heartbeat")))
        return parse_seconds(value, &url->heartbeat_s)
                   ? NULL
                   : "heartbeat is no number of seconds up to 3600";
    if (str_eq(key, STR("connect_timeout")))
        return parse_seconds(value, &url->connect_timeout_s)
                   ? NULL
                   : "connect_timeout is no number of seconds up to 3600";
    if (str_eq(key, STR("login_method")))
        return parse_login(url, value);
    if (str_eq(key, STR("ssl")))
        return parse_ssl(url, value);
    *known = false;
    return NULL;
}

static void
fill_text(char **text, const char *preset)
{
    if (*text == NULL)
        *text = xstrdup(preset);
}

void
url_amqp_fill(struct url *url, const struct url *first)
{
    if (url->port == 0 && first != NULL)
        url->port = first->port;
    if (url->port == 0)
        url->port = url->tls.on ? URL_AMQPS_PORT : URL_AMQP_PORT;
    fill_text(&url->vhost, first == NULL ? "/" : first->vhost);
    fill_text(&url->user, "guest");
    fill_text(&url->password, "guest");
}
