#include "io/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
fail(struct buf *err, const char *what, const char *file)
{
    buf_add_str(err, str_from(what));
    if (file != NULL)
        buf_printf(err, " %s", file);
    return false;
}

/* With OpenSSL's reason: what it queued first, the rest only wraps that. */
static bool
fail_why(struct buf *err, const char *what, const char *file)
{
    const unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    fail(err, what, file);
    if (reason != NULL)
        buf_printf(err, ": %s", reason);
    ERR_clear_error();
    return false;
}

/* Said before OpenSSL tries, whose own words for it are obscure. */
static bool
readable(const char *what, const char *file, bool folder, struct buf *err)
{
    struct stat st;
    const bool ok = stat(file, &st) == 0 && eaccess(file, R_OK) == 0;
    if (ok && (folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
        return true;
    const int errnum = errno;
    fail(err, what, file);
    buf_printf(err, ": %s",
               !ok      ? strerror(errnum)
               : folder ? "it is not a folder"
                        : "it is not a file");
    return false;
}

/* Never asks on a terminal. */
static int
give_password(char *out, int cap, int writing, void *ctx)
{
    (void)writing;
    const char *password = ctx;
    const size_t len = password == NULL ? 0 : strlen(password);
    if (len == 0 || cap < 0 || len > (size_t)cap)
        return -1;
    memcpy(out, password, len);
    return (int)len;
}

static bool
load_cas(SSL_CTX *ctx, const struct tls_options *options, struct buf *err)
{
    const char *file = options->ca_certs;
    const char *folder = options->ca_path;
    if (!tls_options_verify(options))
        return true;
    if (file == NULL && folder == NULL)
        return SSL_CTX_set_default_verify_paths(ctx) == 1 ||
               fail_why(err, "cannot use the system's CA certificates", NULL);
    static const char file_words[] = "cannot read the CA certificates "
                                     "(ssl_ca_certs) in";
    static const char folder_words[] = "cannot read the CA certificates "
                                       "(ssl_ca_path) in";
    if (file != NULL && !(readable(file_words, file, false, err) &&
                          (SSL_CTX_load_verify_file(ctx, file) == 1 ||
                           fail_why(err, file_words, file))))
        return false;
    return folder == NULL || (readable(folder_words, folder, true, err) &&
                              (SSL_CTX_load_verify_dir(ctx, folder) == 1 ||
                               fail_why(err, folder_words, folder)));
}

static bool
load_certificate(SSL_CTX *ctx, const struct tls_options *options,
                 struct buf *err)
{
    static const char cert_words[] = "cannot read the client certificate "
                                     "(ssl_certfile) in";
    static const char key_words[] = "cannot read the client certificate's key "
                                    "(ssl_keyfile, ssl_password) in";
    const char *cert = options->certfile;
    const char *key = options->keyfile == NULL ? cert : options->keyfile;
    if (cert == NULL && key == NULL)
        return true;
    if (cert == NULL)
        return fail(err, "ssl_keyfile without ssl_certfile is of no use", NULL);
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, options->key_password);
    if (!readable(cert_words, cert, false, err))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return fail_why(err, cert_words, cert);
    if (!readable(key_words, key, false, err))
        return false;
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return fail_why(err, key_words, key);
    return true;
}

static bool
set_up(SSL_CTX *ctx, const struct tls_options *options, struct buf *err)
{
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        return fail_why(err, "OpenSSL refuses TLS 1.2", NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(
        ctx, tls_options_verify(options) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
        NULL);
    return load_cas(ctx, options, err) && load_certificate(ctx, options, err);
}

SSL_CTX *
tls_context_new(const struct tls_options *options, struct buf *err)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        fail_why(err, "OpenSSL does not work", NULL);
        return NULL;
    }
    const bool ok = set_up(ctx, options, err);
    /* It was for the key just read, and is borrowed. */
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    if (!ok) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}
