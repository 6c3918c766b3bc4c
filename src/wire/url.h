#pragma once

/* Broker URLs as kombu reads them. */

#include <stdint.h>

#include "base/buf.h"
#include "wire/tls_options.h"

enum url_scheme {
    URL_REDIS,      /* redis://, rediss:// */
    URL_REDIS_UNIX, /* redis+socket://, unix:// */
    URL_SENTINEL,   /* sentinel://: a Sentinel, which knows the server */
    URL_AMQP,       /* amqp://, amqps://, pyamqp://, librabbitmq://, host */
};

/* All texts are NUL-terminated copies. */
struct url {
    enum url_scheme scheme;
    char *host; /* lower case, no brackets; NULL for a Unix socket */
    uint16_t port;
    bool port_preset; /* neither this URL nor the first names one */
    char *path;       /* Unix socket */
    char *user;       /* NULL when none; percent-decoded */
    char *password;
    int db;
    struct tls_options tls;
    /* AMQP only; user and password are never NULL there. */
    char *vhost;
    bool external; /* login by the client certificate */
    int64_t heartbeat_s, connect_timeout_s; /* 0 when the URL says nothing */
};

/* A failover list, "a;b", tried in turn: at least one, and all for one
 * transport. Of Sentinels, database, user and password are those
 * of the first URL, and meant for the server that they know. */
struct url_list {
    struct url *urls;
    size_t n;
};

/* False with a message for people in err: it names what is wrong and, for a
 * scheme we do not speak, those that we do, and repeats nothing of the URL
 * that could be part of a password. */
bool url_list_parse(struct url_list *out, struct str text,
                    struct buf *err) MUST_CHECK;
/* What the URL says nothing of is as in `tls`; the preset port follows. */
void url_add_tls(struct url *url, const struct tls_options *tls);
/* Wipes and frees the credentials too. */
void url_list_free(struct url_list *list);
void url_list_copy(struct url_list *to, const struct url_list *from);
bool url_list_eq(const struct url_list *a, const struct url_list *b);
void url_copy(struct url *to, const struct url *from);
void url_close(struct url *url);
bool url_eq(const struct url *a, const struct url *b);
/* Whether one transport can serve both. */
bool url_goes_with(const struct url *url, const struct url *first);
/* The URL as kombu's as_uri() prints it, the password masked:
 * redis://user:**@host:6379/0, redis://:**@host:6379/0. A user without a
 * password is masked as well: redis://secret@host mostly means a password.
 * amqp://user:**@host:5672/vhost, with a second slash for the vhost "/". */
void url_redacted(const struct url *url, struct buf *out);
