#include "wire/tls_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/xalloc.h"

/* The names with texts as values, without the "ssl_" of Redis. */
static const struct {
    struct str key;
    size_t field;
} texts[] = {
    {STR_INIT("ca_certs"), offsetof(struct tls_options, ca_certs)},
    {STR_INIT("ca_path"), offsetof(struct tls_options, ca_path)},
    {STR_INIT("certfile"), offsetof(struct tls_options, certfile)},
    {STR_INIT("keyfile"), offsetof(struct tls_options, keyfile)},
    {STR_INIT("password"), offsetof(struct tls_options, key_password)},
    {STR_INIT("server_hostname"),
     offsetof(struct tls_options, server_hostname)},
};

/* What redis-py and py-amqp take besides. TLS versions and ciphers are those
 * of the system's OpenSSL, 1.2 at least. */
static const struct str unused[] = {
    STR_INIT("version"),
    STR_INIT("min_version"),
    STR_INIT("ciphers"),
    STR_INIT("do_handshake_on_connect"),
    STR_INIT("suppress_ragged_eofs"),
    STR_INIT("server_side"),
    STR_INIT("validate_ocsp"),
    STR_INIT("validate_ocsp_stapled"),
};

struct word {
    struct str text;
    enum tls_choice choice;
};

/* A client that verifies "optionally" verifies: a server always has a
 * certificate. */
static const struct word requirements[] = {
    {STR_INIT("required"), TLS_YES}, {STR_INIT("optional"), TLS_YES},
    {STR_INIT("none"), TLS_NO},      {STR_INIT("2"), TLS_YES},
    {STR_INIT("1"), TLS_YES},        {STR_INIT("0"), TLS_NO},
};

static const struct word booleans[] = {
    {STR_INIT("true"), TLS_YES}, {STR_INIT("1"), TLS_YES},
    {STR_INIT("yes"), TLS_YES},  {STR_INIT("on"), TLS_YES},
    {STR_INIT("false"), TLS_NO}, {STR_INIT("0"), TLS_NO},
    {STR_INIT("no"), TLS_NO},    {STR_INIT("off"), TLS_NO},
};

static char **
text_field(struct tls_options *tls, size_t i)
{
    return (char **)((char *)tls + texts[i].field);
}

static struct str
without(struct str s, struct str prefix)
{
    return str_starts(s, prefix) ? str_slice(s, prefix.len, s.len) : s;
}

static enum tls_option_status
choose(enum tls_choice *choice, struct str value, const struct word *words,
       size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(value, words[i].text)) {
            *choice = words[i].choice;
            return TLS_OPTION_OK;
        }
    return TLS_OPTION_WRONG;
}

static enum tls_option_status
set_text(char **field, struct str value, const char **wanted)
{
    *wanted = "text that is not empty";
    if (value.len == 0 || memchr(value.ptr, '\0', value.len) != NULL)
        return TLS_OPTION_WRONG;
    if (*field != NULL)
        explicit_bzero(*field, strlen(*field));
    free(*field);
    *field = str_dup(value);
    return TLS_OPTION_OK;
}

enum tls_option_status
tls_options_set(struct tls_options *tls, struct str key, struct str value,
                const char **wanted)
{
    key = without(key, STR("ssl_"));
    value = str_trim(value);
    tls->on = true;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (str_eq(key, texts[i].key))
            return set_text(text_field(tls, i), value, wanted);
    for (size_t i = 0; i < COUNT_OF(unused); i++)
        if (str_eq(key, unused[i]))
            return TLS_OPTION_UNUSED;
    if (str_eq(key, STR("cert_reqs"))) {
        *wanted = "required, optional or none (CERT_REQUIRED, ..., 2, 1 or 0)";
        value = without(without(value, STR("ssl.")), STR("CERT_"));
        return choose(&tls->verify, value, requirements,
                      COUNT_OF(requirements));
    }
    if (str_eq(key, STR("check_hostname"))) {
        *wanted = "true or false";
        return choose(&tls->check_name, value, booleans, COUNT_OF(booleans));
    }
    return TLS_OPTION_UNKNOWN;
}

bool
tls_options_bare(const struct tls_options *tls)
{
    bool bare = tls->verify == TLS_UNSAID && tls->check_name == TLS_UNSAID;
    struct tls_options copy = *tls;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        bare = bare && *text_field(&copy, i) == NULL;
    return bare;
}

void
tls_options_inherit(struct tls_options *tls, const struct tls_options *from)
{
    struct tls_options lender = *from;
    tls->on |= from->on;
    if (tls->verify == TLS_UNSAID)
        tls->verify = from->verify;
    if (tls->check_name == TLS_UNSAID)
        tls->check_name = from->check_name;
    /* A certificate and the key of another one do not fit together. */
    const bool own_pair = tls->certfile != NULL || tls->keyfile != NULL;
    if (own_pair)
        lender.certfile = lender.keyfile = NULL;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char **field = text_field(tls, i);
        const char *text = *text_field(&lender, i);
        if (*field == NULL && text != NULL)
            *field = xstrdup(text);
    }
}

bool
tls_options_verify(const struct tls_options *tls)
{
    return tls->verify != TLS_NO;
}

bool
tls_options_check_name(const struct tls_options *tls)
{
    return tls_options_verify(tls) && tls->check_name != TLS_NO;
}

bool
tls_options_eq(const struct tls_options *a, const struct tls_options *b)
{
    struct tls_options x = *a;
    struct tls_options y = *b;
    bool same =
        x.on == y.on && x.verify == y.verify && x.check_name == y.check_name;
    for (size_t i = 0; same && i < COUNT_OF(texts); i++) {
        const char *s = *text_field(&x, i);
        const char *t = *text_field(&y, i);
        same = s == NULL || t == NULL ? s == t : strcmp(s, t) == 0;
    }
    return same;
}

void
tls_options_close(struct tls_options *tls)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char **field = text_field(tls, i);
        if (*field != NULL)
            explicit_bzero(*field, strlen(*field));
        free(*field);
    }
    *tls = (struct tls_options){0};
}
