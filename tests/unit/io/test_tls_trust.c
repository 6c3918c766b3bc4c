#include "suite.h"
#include "tls_rig.h"

const char suite_name[] = "tls_trust";

/* --- whom to trust --- */

static const struct {
    const struct identity *server;
    const char *options;
    const char *host;
    const char *words; /* NULL: trusted */
} trust[] = {
    {&good, "ca_certs=ca.crt", "localhost", NULL},
    {&good, "ca_certs=ca.crt", "LOCALHOST", NULL},
    {&good, "ca_certs=ca.crt", "127.0.0.1", NULL},
    {&good, "ca_certs=ca.crt", "a.svc.test", NULL},
    {&good, "ca_certs=ca.crt", "a.b.svc.test", "not for a.b.svc.test, but"},
    {&good, "ca_certs=ca.crt", "other", "not for other, but for localhost"},
    {&good, "ca_certs=ca.crt", "127.0.0.2", "not for 127.0.0.2"},
    {&good, "ca_certs=ca.crt", "::1", "not for ::1"},
    {&good, "ca_certs=ca.crt server_hostname=localhost", "10.0.0.1", NULL},
    {&good, "ca_certs=ca.crt server_hostname=x", "localhost", "not for x"},
    {&good, "ca_certs=ca.crt check_hostname=false", "other", NULL},
    {&foreign, "ca_certs=ca.crt check_hostname=false", "other",
     "its CA is not among ours"},
    {&good, "", "localhost", "not among ours"},
    {&foreign, "ca_certs=ca.crt", "localhost", "not among ours"},
    {&foreign, "ca_certs=ca.crt cert_reqs=1", "localhost", "not among ours"},
    {&expired, "ca_certs=ca.crt", "localhost", "has expired"},
    {&early, "ca_certs=ca.crt", "localhost", "not valid yet"},
    {&selfsigned, "ca_certs=ca.crt", "localhost", "self-signed"},
    {&selfsigned, "ca_certs=self.crt", "localhost", NULL},
    {&foreign, "cert_reqs=none", "localhost", NULL},
    {&expired, "cert_reqs=CERT_NONE", "other", NULL},
    {&selfsigned, "cert_reqs=0 check_hostname=true", "other", NULL},
};

START_TEST(certificate_is_judged)
{
    struct rig rig;
    open_rig(&rig, trust[_i].server, trust[_i].options, trust[_i].host);

    const bool ok = rig_handshake(&rig);

    const char *words = tls_words(rig.client);
    ck_assert_msg(ok == (trust[_i].words == NULL), "%d: %s", _i, words);
    if (!ok)
        ck_assert_msg(strstr(words, trust[_i].words) != NULL, "%s", words);
    rig_close(&rig);
}
END_TEST

START_TEST(end_of_certificate_is_known_also_when_refused)
{
    struct rig rig;
    const time_t now = time(NULL);

    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert_int_eq(tls_not_after(rig.client), 0);
    ck_assert(rig_handshake(&rig));
    ck_assert_int_le(llabs(tls_not_after(rig.client) - (now + DAY)), 60);
    rig_close(&rig);

    open_rig(&rig, &expired, "ca_certs=ca.crt", "localhost");
    ck_assert(!rig_handshake(&rig));
    ck_assert_int_le(llabs(tls_not_after(rig.client) - (now - DAY)), 60);
    rig_close(&rig);

    open_rig(&rig, &foreign, "cert_reqs=none", "localhost");
    ck_assert(rig_handshake(&rig));
    ck_assert_int_le(llabs(tls_not_after(rig.client) - (now + DAY)), 60);
    rig_close(&rig);
}
END_TEST

START_TEST(name_is_sent_but_never_an_address)
{
    struct rig rig;

    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert(rig_handshake(&rig));
    ck_assert_str_eq(SSL_get_servername(rig.server, TLSEXT_NAMETYPE_host_name),
                     "localhost");
    rig_close(&rig);

    open_rig(&rig, &good, "ca_certs=ca.crt", "127.0.0.1");
    ck_assert(rig_handshake(&rig));
    ck_assert_ptr_null(
        SSL_get_servername(rig.server, TLSEXT_NAMETYPE_host_name));
    rig_close(&rig);
}
END_TEST

/* --- the client's own certificate --- */

static const struct {
    int version;
    const char *options;
    const char *words;
} clients[] = {
    {TLS1_3_VERSION, "certfile=user.crt keyfile=user.key", NULL},
    {TLS1_2_VERSION, "certfile=user.crt keyfile=user.key", NULL},
    {TLS1_3_VERSION, "certfile=user.crt keyfile=locked.key password=s3cret",
     NULL},
    {TLS1_3_VERSION, "", "requires a client certificate"},
    {TLS1_2_VERSION, "", "may require a client certificate"},
};

START_TEST(client_certificate_is_shown)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    tls_free(rig.client);
    struct buf err;
    buf_init(&err, 0);
    struct tls_options options = options_of(clients[_i].options);
    options.verify = TLS_NO;
    rig.client = tls_new(&options, "localhost", &err);
    SSL_set_max_proto_version(rig.server, clients[_i].version);
    SSL_set_verify(rig.server,
                   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(rig.ctx), ca.cert);

    const bool ok = rig_handshake(&rig);

    const char *words = tls_words(rig.client);
    ck_assert_msg(ok == (clients[_i].words == NULL), "%s", words);
    if (!ok)
        ck_assert_msg(strstr(words, clients[_i].words) != NULL, "%s", words);
    tls_options_close(&options);
    buf_close(&err);
    rig_close(&rig);
}
END_TEST

/* --- files --- */

static const struct {
    const char *options;
    const char *words; /* NULL: fine */
} files[] = {
    {"", NULL},
    {"cert_reqs=none", NULL},
    {"ca_certs=ca.crt certfile=user.crt keyfile=user.key", NULL},
    {"keyfile=locked.key certfile=user.crt password=s3cret", NULL},
    {"ca_path=.", NULL},
    {"ca_certs=gone.crt", "(ssl_ca_certs)"},
    {"ca_certs=gone.crt", "gone.crt: No such file"},
    {"ca_certs=no.pem", "no.pem: no "},
    {"ca_certs=.", "it is not a file"},
    {"ca_path=ca.crt", "it is not a folder"},
    {"certfile=gone.crt", "(ssl_certfile)"},
    {"certfile=no.pem", "no.pem: no "},
    {"certfile=user.crt", "(ssl_keyfile, ssl_password)"},
    {"certfile=user.crt keyfile=gone.key", "gone.key: No such file"},
    {"certfile=user.crt keyfile=good.key", "key values mismatch"},
    {"certfile=user.crt keyfile=locked.key", "locked.key: "},
    {"certfile=user.crt keyfile=locked.key password=Canary", "locked.key: "},
    {"keyfile=user.key", "without ssl_certfile"},
};

START_TEST(files_are_checked)
{
    struct buf err;
    buf_init(&err, 0);
    struct tls_options options = options_of(files[_i].options);

    const bool ok = tls_check(&options, &err);

    buf_add_byte(&err, '\0');
    ck_assert_msg(ok == (files[_i].words == NULL), "%s", err.ptr);
    if (!ok)
        ck_assert_msg(strstr(err.ptr, files[_i].words) != NULL, "%s", err.ptr);
    ck_assert_ptr_null(strstr(err.ptr, "Canary"));
    ck_assert_ptr_null(
        tls_new(&(struct tls_options){.ca_certs = (char[]){"/"}}, "h", &err));
    tls_options_close(&options);
    buf_close(&err);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_unchecked_fixture(tc, make_certificates, remove_certificates);
    tcase_add_loop_test(tc, certificate_is_judged, 0, (int)COUNT_OF(trust));
    tcase_add_test(tc, end_of_certificate_is_known_also_when_refused);
    tcase_add_test(tc, name_is_sent_but_never_an_address);
    tcase_add_loop_test(tc, client_certificate_is_shown, 0,
                        (int)COUNT_OF(clients));
    tcase_add_loop_test(tc, files_are_checked, 0, (int)COUNT_OF(files));
}
