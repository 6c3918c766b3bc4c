#include "io/tls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "base/xalloc.h"
#include "io/tls_context.h"
#include "io/tls_words.h"

enum { MAX_WORDS = 320 };

struct tls {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in; /* both belong to ssl */
    BIO *out;
    X509 *leaf; /* the peer's certificate, also one that is refused */
    char *name;
    bool verify;
    bool secured; /* the handshake is done */
    bool failed;
    bool talked; /* the peer has sent a message of TLS */
    int64_t not_after;
    char words[MAX_WORDS];
};

static int64_t
unix_seconds(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void
on_message(int sent, int version, int type, const void *bytes, size_t len,
           SSL *ssl, void *ctx)
{
    (void)version;
    (void)bytes;
    (void)len;
    (void)ssl;
    struct tls *tls = ctx;
    if (!sent && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT))
        tls->talked = true;
}

/* OpenSSL forgets a certificate that it refuses. */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (tls->leaf == NULL && leaf != NULL && X509_up_ref(leaf) == 1) {
        tls->leaf = leaf;
        tls->not_after = unix_seconds(X509_get0_notAfter(leaf));
    }
    return ok;
}

static bool
set_name(struct tls *tls, const struct tls_options *options)
{
    SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(tls->name);
    const bool is_address = address != NULL;
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    if (!is_address && SSL_set_tlsext_host_name(tls->ssl, tls->name) != 1)
        return false;
    return !tls_options_check_name(options) ||
           SSL_set1_host(tls->ssl, tls->name) == 1;
}

static bool
set_up(struct tls *tls, const struct tls_options *options)
{
    tls->ssl = SSL_new(tls->ctx);
    if (tls->ssl == NULL)
        return false;
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->in == NULL || tls->out == NULL) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        return false;
    }
    BIO_set_mem_eof_return(tls->in, -1); /* empty means: wait */
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_verify(tls->ssl, SSL_get_verify_mode(tls->ssl), on_verify);
    SSL_set_msg_callback(tls->ssl, on_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    return set_name(tls, options);
}

struct tls *
tls_new(const struct tls_options *options, const char *host, struct buf *err)
{
    struct tls *tls = xcalloc(1, sizeof(*tls));
    tls->name = xstrdup(
        options->server_hostname == NULL ? host : options->server_hostname);
    tls->verify = tls_options_verify(options);
    tls->ctx = tls_context_new(options, err);
    if (tls->ctx == NULL)
        goto err;
    if (!set_up(tls, options)) {
        buf_printf(err, "cannot begin TLS with %s: %s", tls->name,
                   ERR_reason_error_string(ERR_peek_last_error()));
        goto err;
    }
    return tls;
err:
    ERR_clear_error();
    tls_free(tls);
    return NULL;
}

void
tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    X509_free(tls->leaf);
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->ctx);
    free(tls->name);
    free(tls);
}

bool
tls_feed(struct tls *tls, struct str bytes)
{
    ERR_clear_error();
    return bytes.len <= INT_MAX &&
           (bytes.len == 0 || tls->failed ||
            BIO_write(tls->in, bytes.ptr, (int)bytes.len) == (int)bytes.len);
}

static enum tls_step
fail(struct tls *tls)
{
    if (!tls->failed)
        tls_words_of_failure(tls->words, sizeof(tls->words), tls->ssl,
                             tls->leaf, tls->name, tls->talked);
    tls->failed = true;
    ERR_clear_error();
    return TLS_FAILED;
}

static enum tls_step
step_of(struct tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
        return TLS_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return fail(tls);
    }
}

/* The CAs have done their work; a bundle of all there are is a megabyte. */
static void
drop_cas(struct tls *tls)
{
    X509_STORE *none = X509_STORE_new();
    if (none != NULL)
        SSL_CTX_set_cert_store(tls->ctx, none);
}

enum tls_step
tls_handshake(struct tls *tls)
{
    if (tls->failed)
        return TLS_FAILED;
    ERR_clear_error();
    const enum tls_step step = step_of(tls, SSL_do_handshake(tls->ssl));
    if (step != TLS_OK)
        return step;
    /* Belt and braces: this is what all of it is for. */
    if (tls->verify && SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return fail(tls);
    tls->secured = true;
    drop_cas(tls);
    return TLS_OK;
}

enum tls_step
tls_read(struct tls *tls, char *to, size_t cap, size_t *n)
{
    *n = 0;
    if (tls->failed)
        return TLS_FAILED;
    ERR_clear_error();
    return step_of(tls, SSL_read_ex(tls->ssl, to, cap, n));
}

enum tls_step
tls_write(struct tls *tls, struct str plain)
{
    if (tls->failed || !tls->secured)
        return TLS_FAILED;
    if (plain.len == 0)
        return TLS_OK;
    ERR_clear_error();
    size_t written;
    return SSL_write_ex(tls->ssl, plain.ptr, plain.len, &written) == 1
               ? TLS_OK
               : fail(tls);
}

void
tls_close(struct tls *tls)
{
    if (!tls->secured || tls->failed)
        return;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

struct str
tls_outgoing(const struct tls *tls)
{
    char *bytes = NULL;
    const long len = BIO_get_mem_data(tls->out, &bytes);
    return (struct str){bytes, len > 0 ? (size_t)len : 0};
}

void
tls_sent(struct tls *tls)
{
    (void)BIO_reset(tls->out);
}

const char *
tls_words(const struct tls *tls)
{
    return tls->words[0] != '\0'
               ? tls->words
               : "the server ended the connection during the TLS handshake: "
                 "does it speak TLS on this port?";
}

int64_t
tls_not_after(const struct tls *tls)
{
    return tls->not_after;
}

bool
tls_check(const struct tls_options *options, struct buf *err)
{
    SSL_CTX *ctx = tls_context_new(options, err);
    SSL_CTX_free(ctx);
    return ctx != NULL;
}
