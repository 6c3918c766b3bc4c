#include "io/tls_words.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"

enum { MAX_NAMES = 200 };

/* For which names a certificate is, as far as there is room. */
static void
add_names(char *out, size_t cap, const X509 *cert)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    size_t len = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        const int n = ASN1_STRING_length(name->d.dNSName);
        const int used =
            snprintf(out + len, cap - len, "%s%.*s", len == 0 ? "" : ", ", n,
                     (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        if (used < 0 || (size_t)used >= cap - len)
            break;
        len += (size_t)used;
    }
    out[len] = '\0';
    GENERAL_NAMES_free(names);
}

static void
words_of_wrong_name(char *out, size_t cap, const X509 *leaf, const char *name)
{
    char names[MAX_NAMES] = "";
    if (leaf != NULL)
        add_names(names, sizeof(names), leaf);
    snprintf(out, cap, "the server's certificate is not for %s%s%s", name,
             names[0] == '\0' ? "" : ", but for ", names);
}

static const struct {
    long result;
    const char *words;
} distrusts[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "the server's certificate has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID,
     "the server's certificate is not valid yet: is a clock wrong?"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
     "the server's certificate is self-signed and not trusted: ssl_ca_certs "
     "may name it"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
     "the server's certificate is not trusted: its CA is not among ours "
     "(ssl_ca_certs)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
     "the server's certificate is not trusted: its CA is not among ours "
     "(ssl_ca_certs)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
     "the server's certificate is not trusted: a CA between it and ours is "
     "missing (ssl_ca_certs)"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
     "the server's certificate is not trusted: its CA is not among ours "
     "(ssl_ca_certs)"},
    {X509_V_ERR_INVALID_PURPOSE,
     "the server's certificate is not one for servers"},
};

static void
words_of_distrust(char *out, size_t cap, long result, const X509 *leaf,
                  const char *name)
{
    if (result == X509_V_ERR_HOSTNAME_MISMATCH ||
        result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        words_of_wrong_name(out, cap, leaf, name);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(distrusts); i++)
        if (distrusts[i].result == result) {
            snprintf(out, cap, "%s", distrusts[i].words);
            return;
        }
    snprintf(out, cap, "the server's certificate is not trusted: %s",
             X509_verify_cert_error_string(result));
}

static const struct {
    int reason;
    const char *words;
} reasons[] = {
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the server requires a client certificate (ssl_certfile, ssl_keyfile)"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the server refused the handshake: it may require a client certificate "
     "(ssl_certfile, ssl_keyfile), or has no cipher in common with us"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the server does not trust the CA of our client certificate"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
     "the server refuses our client certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
     "the server refuses our client certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "our client certificate has expired"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
     "our client certificate is revoked"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
     "the server speaks no TLS version that we do (1.2 and later)"},
    {SSL_R_UNSUPPORTED_PROTOCOL,
     "the server speaks no TLS version that we do (1.2 and later)"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME,
     "the server knows no host of that name (ssl_server_hostname)"},
};

static bool
is_no_tls(int reason)
{
    return reason == SSL_R_WRONG_VERSION_NUMBER ||
           reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
           reason == SSL_R_HTTP_REQUEST || reason == SSL_R_BAD_PACKET ||
           reason == SSL_R_UNEXPECTED_MESSAGE;
}

void
tls_words_of_failure(char *out, size_t cap, const SSL *ssl, const X509 *leaf,
                     const char *name, bool talked)
{
    const unsigned long code = ERR_peek_error();
    const int reason =
        ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    const long result = SSL_get_verify_result(ssl);
    if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && result != X509_V_OK) {
        words_of_distrust(out, cap, result, leaf, name);
        return;
    }
    if (!talked && is_no_tls(reason)) {
        snprintf(out, cap, "the server does not speak TLS on this port");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].reason == reason) {
            snprintf(out, cap, "%s", reasons[i].words);
            return;
        }
    const char *text = ERR_reason_error_string(code);
    snprintf(out, cap, "TLS failed: %s", text == NULL ? "no reason" : text);
}
