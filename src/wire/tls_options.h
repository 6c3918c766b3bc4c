#pragma once

/* How a connection to a broker is encrypted: the settings of Celery's
 * broker_use_ssl, which also stand behind the '?' of a URL. */

#include "base/buf.h"

enum tls_choice {
    TLS_UNSAID,
    TLS_YES,
    TLS_NO,
};

/* All texts are NUL-terminated copies, NULL when not given. */
struct tls_options {
    bool on;
    enum tls_choice verify;     /* the certificate as such */
    enum tls_choice check_name; /* that it is the host's */
    char *ca_certs;             /* file; else the system's CAs */
    char *ca_path;              /* folder of the same, by hash */
    char *certfile;             /* ours, with its chain */
    char *keyfile;              /* NULL: in certfile, too */
    char *key_password;
    char *server_hostname; /* in the certificate, instead of the host */
};

enum tls_option_status {
    TLS_OPTION_OK = 0,
    TLS_OPTION_UNUSED,  /* Celery's libraries know it, it has no effect here */
    TLS_OPTION_UNKNOWN, /* nobody knows it */
    TLS_OPTION_WRONG,   /* the value does not fit */
};

/* Takes one setting, by the name that either transport of Celery uses for it
 * (ssl_keyfile or keyfile, ...), and switches TLS on. For a wrong one `wanted`
 * says what the value must be. */
enum tls_option_status tls_options_set(struct tls_options *tls, struct str key,
                                       struct str value, const char **wanted);
/* Nothing is set but, maybe, that it is on. */
bool tls_options_bare(const struct tls_options *tls);
/* What `tls` leaves open is as in `from`. */
void tls_options_inherit(struct tls_options *tls,
                         const struct tls_options *from);
/* Both are so by default; without the first there is no second. */
bool tls_options_verify(const struct tls_options *tls);
bool tls_options_check_name(const struct tls_options *tls);
bool tls_options_eq(const struct tls_options *a, const struct tls_options *b);
/* Wipes and frees. */
void tls_options_close(struct tls_options *tls);
