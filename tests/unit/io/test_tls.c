#include <stdint.h>

#include "base/attr.h"
#include "suite.h"
#include "tls_rig.h"

const char suite_name[] = "tls";

static struct identity ca;
static struct identity stranger; /* another CA */
static struct identity good;
static struct identity foreign;
static struct identity expired;
static struct identity early;
static struct identity selfsigned;
static struct identity user;

static void
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

static void
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
static struct tls_options
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

static void
open_rig(struct rig *rig, const struct identity *server, const char *text,
         const char *host)
{
    struct tls_options options = options_of(text);
    rig_open(rig, server, &options, host);
    tls_options_close(&options);
}

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

/* --- peers that do not belong here --- */

static const char *const strangers[] = {
    "-ERR unknown command\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
    "AMQP\0\0\x09\x01", "SSH-2.0-OpenSSH_9.2\r\n"};

START_TEST(peer_without_tls_is_named)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert_int_eq(tls_handshake(rig.client), TLS_WAIT);

    ck_assert(tls_feed(rig.client, (struct str){strangers[_i], 8}));
    ck_assert_int_eq(tls_handshake(rig.client), TLS_FAILED);

    ck_assert_str_eq(tls_words(rig.client),
                     "the server does not speak TLS on this port");
    ck_assert_int_eq(tls_handshake(rig.client), TLS_FAILED);
    rig_close(&rig);
}
END_TEST

START_TEST(old_versions_are_refused)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    SSL_set_security_level(rig.server, 0);
    SSL_set_min_proto_version(rig.server, TLS1_VERSION);
    SSL_set_max_proto_version(rig.server, TLS1_1_VERSION);

    ck_assert(!rig_handshake(&rig));

    ck_assert_ptr_nonnull(strstr(tls_words(rig.client), "TLS version"));
    rig_close(&rig);
}
END_TEST

/* --- bytes --- */

static const size_t chunks[] = {1, 2, 3, 5, 6, 17, 100, 1000, 16384, 65536};

START_TEST(bytes_arrive_whole_however_they_are_cut)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    rig.chunk = chunks[_i];
    struct buf sent;
    buf_init(&sent, 0);

    ck_assert(rig_handshake(&rig));
    for (size_t i = 0; i < 60; i++) {
        for (size_t n = 0; n < i * 11; n++)
            buf_add_byte(&sent, (char)(i + n));
        if (i > 0)
            ck_assert_int_gt(SSL_write(rig.server, sent.ptr + sent.len - i * 11,
                                       (int)(i * 11)),
                             0);
    }
    rig_go_on(&rig);

    ck_assert_int_eq(rig.step, TLS_WAIT);
    ck_assert(str_eq(buf_str(&rig.received), buf_str(&sent)));
    buf_close(&sent);
    rig_close(&rig);
}
END_TEST

START_TEST(what_is_written_arrives)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert_int_eq(tls_write(rig.client, STR("too early")), TLS_FAILED);
    ck_assert(rig_handshake(&rig));
    static char big[100000] = {'a', 'b'};

    ck_assert_int_eq(tls_write(rig.client, (struct str){big, sizeof(big)}),
                     TLS_OK);
    ck_assert_int_eq(tls_write(rig.client, STR("")), TLS_OK);

    rig_to_server(&rig);
    ck_assert_uint_eq(tls_outgoing(rig.client).len, 0);
    static char got[sizeof(big)];
    size_t len = 0;
    for (int n;
         (n = SSL_read(rig.server, got + len, (int)(sizeof(got) - len))) > 0;)
        len += (size_t)n;
    ck_assert_uint_eq(len, sizeof(big));
    ck_assert_mem_eq(got, big, sizeof(big));
    rig_close(&rig);
}
END_TEST

START_TEST(goodbye_is_told_from_silence)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert(rig_handshake(&rig));

    SSL_write(rig.server, "last", 4);
    SSL_shutdown(rig.server);
    rig_go_on(&rig);

    ck_assert_int_eq(rig.step, TLS_CLOSED);
    ck_assert(str_eq(buf_str(&rig.received), STR("last")));
    tls_close(rig.client);
    ck_assert_uint_gt(tls_outgoing(rig.client).len, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(changed_byte_ends_the_connection)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert(rig_handshake(&rig));

    SSL_write(rig.server, "secret", 6);
    rig.corrupt = true;
    rig_go_on(&rig);

    ck_assert_int_eq(rig.step, TLS_FAILED);
    ck_assert_uint_eq(rig.received.len, 0);
    ck_assert_int_eq(tls_write(rig.client, STR("x")), TLS_FAILED);
    rig_close(&rig);
}
END_TEST

START_TEST(new_keys_go_unnoticed)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    ck_assert(rig_handshake(&rig));

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(rig.server, SSL_KEY_UPDATE_REQUESTED),
                         1);
        SSL_write(rig.server, "abc", 3);
        rig_go_on(&rig);
        ck_assert_int_eq(tls_write(rig.client, STR("xyz")), TLS_OK);
        rig_go_on(&rig);
    }

    ck_assert_int_eq(rig.step, TLS_WAIT);
    ck_assert(str_eq(buf_str(&rig.received), STR("abcabcabc")));
    rig_close(&rig);
}
END_TEST

START_TEST(renegotiation_is_refused)
{
    struct rig rig;
    open_rig(&rig, &good, "ca_certs=ca.crt", "localhost");
    SSL_set_max_proto_version(rig.server, TLS1_2_VERSION);
    ck_assert(rig_handshake(&rig));

    ck_assert_int_eq(SSL_renegotiate(rig.server), 1);
    ck_assert_int_eq(SSL_do_handshake(rig.server), 1); /* asks for it */
    bool secured = true;
    while (rig_to_client(&rig, &secured)) {}
    ck_assert_uint_gt(tls_outgoing(rig.client).len, 0);
    rig_to_server(&rig);
    char ignored[16];

    ck_assert_int_le(SSL_read(rig.server, ignored, sizeof(ignored)), 0);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
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
    tcase_add_loop_test(tc, peer_without_tls_is_named, 0,
                        (int)COUNT_OF(strangers));
    tcase_add_test(tc, old_versions_are_refused);
    tcase_add_loop_test(tc, bytes_arrive_whole_however_they_are_cut, 0,
                        (int)COUNT_OF(chunks));
    tcase_add_test(tc, what_is_written_arrives);
    tcase_add_test(tc, goodbye_is_told_from_silence);
    tcase_add_test(tc, changed_byte_ends_the_connection);
    tcase_add_test(tc, new_keys_go_unnoticed);
    tcase_add_test(tc, renegotiation_is_refused);
    tcase_add_loop_test(tc, files_are_checked, 0, (int)COUNT_OF(files));
}
