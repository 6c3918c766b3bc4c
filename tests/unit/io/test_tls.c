#include "suite.h"
#include "tls_rig.h"

const char suite_name[] = "tls";

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

void
suite_add(TCase *tc)
{
    tcase_add_unchecked_fixture(tc, make_certificates, remove_certificates);
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
}
