#pragma once

/* A CA of our own, certificates as files, and a TLS server in memory whose
 * bytes the test carries to the client under test, and back. */

#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "io/tls.h"

enum { DAY = 24 * 3600 };

struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

struct rig {
    SSL_CTX *ctx;
    SSL *server;
    struct tls *client;
    struct buf received; /* plain, by the client */
    enum tls_step step;  /* the client's last */
    size_t chunk;        /* bytes carried to the client at a time */
    bool corrupt;        /* the next bytes to the client */
};

static char rig_dir[] = "/tmp/celery-exporter-tls-XXXXXX";

static inline const char *
rig_path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", rig_dir, name);
    return path;
}

static inline void
rig_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    ck_assert_ptr_nonnull(ext);
    ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

/* Without an issuer it signs itself; without names it is a CA. */
static inline struct identity
rig_issue(const struct identity *issuer, const char *cn, const char *names,
          long from, long to)
{
    static long serial;
    struct identity it = {X509_new(), EVP_EC_gen("P-256")};
    const struct identity *by = issuer == NULL ? &it : issuer;
    X509_set_version(it.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(it.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(it.cert), from);
    X509_gmtime_adj(X509_getm_notAfter(it.cert), to);
    X509_set_pubkey(it.cert, it.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(it.cert), "CN",
                               MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
                               0);
    X509_set_issuer_name(it.cert, X509_get_subject_name(by->cert));
    if (names == NULL)
        rig_extension(it.cert, NID_basic_constraints, "critical,CA:TRUE");
    else
        rig_extension(it.cert, NID_subject_alt_name, names);
    ck_assert_int_gt(X509_sign(it.cert, by->key, EVP_sha256()), 0);
    return it;
}

static inline void
rig_forget(struct identity *it)
{
    X509_free(it->cert);
    EVP_PKEY_free(it->key);
}

static inline void
rig_write(const struct identity *it, const char *cert, const char *key,
          const char *password)
{
    FILE *f = fopen(rig_path(cert), "w");
    ck_assert_int_eq(PEM_write_X509(f, it->cert), 1);
    fclose(f);
    if (key == NULL)
        return;
    f = fopen(rig_path(key), "w");
    ck_assert_int_eq(
        PEM_write_PrivateKey(
            f, it->key, password == NULL ? NULL : EVP_aes_128_cbc(),
            (const unsigned char *)password,
            password == NULL ? 0 : (int)strlen(password), NULL, NULL),
        1);
    fclose(f);
}

static inline void
rig_open(struct rig *rig, const struct identity *server,
         const struct tls_options *options, const char *host)
{
    struct buf err;
    buf_init(&err, 0);
    *rig = (struct rig){.chunk = 64 * 1024};
    buf_init(&rig->received, 0);
    rig->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(rig->ctx, server->cert);
    SSL_CTX_use_PrivateKey(rig->ctx, server->key);
    rig->server = SSL_new(rig->ctx);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(rig->server, in, out);
    SSL_set_accept_state(rig->server);
    rig->client = tls_new(options, host, &err);
    ck_assert_msg(rig->client != NULL, "%.*s", STR_FMT(buf_str(&err)));
    buf_close(&err);
}

static inline void
rig_close(struct rig *rig)
{
    tls_free(rig->client);
    SSL_free(rig->server);
    SSL_CTX_free(rig->ctx);
    buf_close(&rig->received);
}

static inline void
rig_read(struct rig *rig)
{
    static char plain[20000];
    size_t n;
    while ((rig->step = tls_read(rig->client, plain, sizeof(plain), &n)) ==
           TLS_OK)
        buf_add(&rig->received, plain, n);
}

static inline void
rig_advance(struct rig *rig, bool *secured)
{
    if (!*secured) {
        rig->step = tls_handshake(rig->client);
        *secured = rig->step == TLS_OK;
    }
    if (*secured)
        rig_read(rig);
}

static inline bool
rig_to_client(struct rig *rig, bool *secured)
{
    static char bytes[64 * 1024];
    const int n = BIO_read(SSL_get_wbio(rig->server), bytes, (int)rig->chunk);
    if (n <= 0)
        return false;
    if (rig->corrupt)
        bytes[n - 1] ^= 1;
    ck_assert(tls_feed(rig->client, (struct str){bytes, (size_t)n}));
    rig_advance(rig, secured);
    return true;
}

static inline bool
rig_to_server(struct rig *rig)
{
    const struct str bytes = tls_outgoing(rig->client);
    if (bytes.len == 0)
        return false;
    BIO_write(SSL_get_rbio(rig->server), bytes.ptr, (int)bytes.len);
    tls_sent(rig->client);
    return true;
}

/* Carries bytes until nobody has any left. The server's errors show in what
 * it sends. */
static inline void
rig_pump(struct rig *rig, bool *secured)
{
    for (bool moved = true; moved;) {
        moved = rig_to_server(rig);
        char ignored[4096];
        ERR_clear_error();
        if (!SSL_is_init_finished(rig->server))
            SSL_do_handshake(rig->server);
        else
            SSL_read(rig->server, ignored, sizeof(ignored));
        ERR_clear_error();
        while (rig_to_client(rig, secured))
            moved = true;
    }
}

/* True when both sides have finished it. */
static inline bool
rig_handshake(struct rig *rig)
{
    bool secured = false;
    rig_advance(rig, &secured);
    rig_pump(rig, &secured);
    return secured && rig->step != TLS_FAILED;
}

static inline void
rig_go_on(struct rig *rig)
{
    bool secured = true;
    rig_pump(rig, &secured);
}

/* The certificates that the tests share. */
static struct identity ca;
static struct identity stranger; /* another CA */
static struct identity good;
static struct identity foreign;
static struct identity expired;
static struct identity early;
static struct identity selfsigned;
static struct identity user;

static inline void
make_certificates(void)
{
    ck_assert_ptr_nonnull(mkdtemp(rig_dir));
    ca = rig_issue(NULL, "test-ca", NULL, -DAY, DAY);
    stranger = rig_issue(NULL, "stranger", NULL, -DAY, DAY);
    static const char names[] = "DNS:localhost,DNS:*.svc.test,IP:127.0.0.1";
    good = rig_issue(&ca, "server", names, -DAY, DAY);
    foreign = rig_issue(&stranger, "server", names, -DAY, DAY);
    expired = rig_issue(&ca, "server", names, -2 * DAY, -DAY);
    early = rig_issue(&ca, "server", names, DAY, 2 * DAY);
    selfsigned = rig_issue(NULL, "server", names, -DAY, DAY);
    user = rig_issue(&ca, "user", "DNS:user", -DAY, DAY);
    rig_write(&ca, "ca.crt", NULL, NULL);
    rig_write(&selfsigned, "self.crt", NULL, NULL);
    rig_write(&user, "user.crt", "user.key", NULL);
    rig_write(&user, "user.crt", "locked.key", "s3cret");
    rig_write(&good, "good.crt", "good.key", NULL);
    FILE *f = fopen(rig_path("no.pem"), "w");
    fputs("not a certificate\n", f);
    fclose(f);
}

static inline void
remove_certificates(void)
{
    static const char *const names[] = {"ca.crt",   "self.crt",   "user.crt",
                                        "user.key", "locked.key", "good.crt",
                                        "good.key", "no.pem"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(rig_path(names[i]));
    rmdir(rig_dir);
    struct identity *all[] = {&ca,      &stranger, &good,       &foreign,
                              &expired, &early,    &selfsigned, &user};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        rig_forget(all[i]);
}

/* "key=value ...", a file's name is one of ours. */
static inline struct tls_options
options_of(const char *text)
{
    struct tls_options options = {.on = true};
    struct str rest = str_from(text);
    struct str pair;
    while (str_split(&rest, ' ', &pair)) {
        if (pair.len == 0)
            continue;
        const size_t equals = str_find(pair, '=');
        const struct str key = str_slice(pair, 0, equals);
        char *value = str_dup(str_slice(pair, equals + 1, pair.len));
        const bool file = strchr(value, '.') != NULL && value[0] != '*';
        const char *wanted;
        const char *used = file && !str_eq(key, STR("server_hostname"))
                               ? rig_path(value)
                               : value;
        ck_assert_int_eq(
            tls_options_set(&options, key, str_from(used), &wanted),
            TLS_OPTION_OK);
        free(value);
    }
    return options;
}

static inline void
open_rig(struct rig *rig, const struct identity *server, const char *text,
         const char *host)
{
    struct tls_options options = options_of(text);
    rig_open(rig, server, &options, host);
    tls_options_close(&options);
}
