#include <string.h>

#include "app/broker_url.h"
#include "app/option_rules.h"
#include "app/option_values.h"
#include "io/tls.h"

static const struct option_row *
row_named(const char *name)
{
    for (size_t i = 0; i < option_count(); i++)
        if (strcmp(option_at(i)->name, name) == 0)
            return option_at(i);
    return NULL;
}

static void
warn_unused(struct options *o, struct str key)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text,
               "--broker-ssl-option (CE_BROKER_SSL_OPTION): %.*s has no "
               "effect; TLS is 1.2 or later, with the ciphers of the system",
               STR_FMT(key));
    texts_add(&o->warnings, buf_str(&text));
    buf_close(&text);
}

static void
read_one(const struct option_row *row, struct options *o, struct str item,
         size_t number, struct option_problems *p)
{
    const size_t equals = str_find(item, '=');
    const struct str key = str_slice(item, 0, equals);
    if (equals == 0 || equals == item.len) {
        option_wrong(p, row, "number %zu is not KEY=VALUE", number);
        return;
    }
    const char *wanted;
    switch (tls_options_set(&o->tls, key, str_slice(item, equals + 1, item.len),
                            &wanted)) {
    case TLS_OPTION_OK:
        break;
    case TLS_OPTION_UNUSED:
        warn_unused(o, key);
        break;
    case TLS_OPTION_UNKNOWN:
        /* Not by its name: a password may have strayed here. */
        option_wrong(p, row,
                     "number %zu is unknown; it may be ssl_ca_certs, "
                     "ssl_certfile, ssl_keyfile, ssl_cert_reqs, "
                     "ssl_check_hostname, ca_certs, certfile, keyfile, "
                     "cert_reqs or server_hostname",
                     number);
        break;
    case TLS_OPTION_WRONG:
        option_wrong(p, row, "%.*s must be %s", STR_FMT(key), wanted);
        break;
    }
}

/* Where the trouble with a URL's certificates comes from. */
static const struct option_row *
culprit(const struct options *o, bool own)
{
    return row_named(!own                         ? "broker-ssl-option"
                     : o->broker_url_file != NULL ? "broker-url-file"
                                                  : "broker-url");
}

static void
warn_insecure(struct options *o, const struct tls_options *tls)
{
    if (!tls_options_verify(tls))
        texts_add(&o->warnings,
                  STR("the broker's certificate is not verified "
                      "(ssl_cert_reqs, cert_reqs): whoever stands in between "
                      "can read the password and change every event"));
    else if (!tls_options_check_name(tls))
        texts_add(&o->warnings,
                  STR("the name in the broker's certificate is not verified "
                      "(ssl_check_hostname): any certificate of the CA will "
                      "do"));
}

/* Says the first trouble only: the URLs mostly share their certificates. */
static void
check_urls(struct options *o, const struct url_list *urls,
           struct option_problems *p)
{
    struct buf err;
    buf_init(&err, 0);
    bool ok = true;
    bool warned = false;
    for (size_t i = 0; i < urls->n && ok; i++) {
        struct tls_options *tls = &urls->urls[i].tls;
        const bool own = !tls_options_bare(tls);
        if (o->tls.on && urls->urls[i].path != NULL)
            buf_add_str(&err, STR("TLS is for networks, and the broker's URL "
                                  "is of a socket"));
        tls_options_inherit(tls, &o->tls);
        ok = err.len == 0 && (!tls->on || tls_check(tls, &err));
        if (!ok)
            option_wrong(p, culprit(o, own), "%.*s", STR_FMT(buf_str(&err)));
        if (tls->on && !warned && !tls_options_check_name(tls)) {
            warn_insecure(o, tls);
            warned = true;
        }
    }
    buf_close(&err);
}

static void
check_sentinels(struct options *o, struct option_problems *p)
{
    struct buf err;
    buf_init(&err, 0);
    if (!tls_check(&o->sentinel_tls, &err))
        option_wrong(p, row_named("broker-transport-option"),
                     "sentinel_kwargs: %.*s", STR_FMT(buf_str(&err)));
    buf_close(&err);
}

void
check_ssl_options(const struct option_row *row, struct options *o,
                  struct option_problems *p)
{
    for (size_t i = 0; i < o->ssl_options.n; i++)
        read_one(row, o, str_from(o->ssl_options.items[i]), i + 1, p);
    if (o->sentinel_tls.on)
        check_sentinels(o, p);
    if (o->broker_url == NULL && o->broker_url_file == NULL)
        return;
    struct url_list urls;
    struct buf err;
    buf_init(&err, 0);
    char *text = broker_url_text(o, &err);
    if (text != NULL && url_list_parse(&urls, str_from(text), &err)) {
        check_urls(o, &urls, p);
        url_list_free(&urls);
    }
    text_free(text);
    buf_close(&err);
}
