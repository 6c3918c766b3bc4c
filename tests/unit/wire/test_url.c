#include "wire/url.h"

#include <string.h>

#include "../suite.h"

const char suite_name[] = "url";

struct want {
    enum url_scheme scheme;
    const char *host;
    uint16_t port;
    const char *path;
    const char *user;
    const char *password;
    int db;
    const char *vhost;
    int64_t heartbeat_s;
    bool external;
};

#define AMQP(text, host_, port_, user_, password_, vhost_)                   \
    {                                                                        \
        text,                                                                \
        {                                                                    \
            .scheme = URL_AMQP, .host = host_, .port = port_, .user = user_, \
            .password = password_, .vhost = vhost_                           \
        }                                                                    \
    }

static const struct {
    const char *text;
    struct want want; /* the last URL of the list */
} good[] = {
    /* clang-format off */
    {"redis://", {.host = "127.0.0.1", .port = 6379}},
    {"redis:///3", {.host = "127.0.0.1", .port = 6379, .db = 3}},
    {"redis://h", {.host = "h", .port = 6379}},
    {"redis://h/", {.host = "h", .port = 6379}},
    {"redis://h:1234", {.host = "h", .port = 1234}},
    {"redis://h:/2", {.host = "h", .port = 6379, .db = 2}},
    {"redis://h/3", {.host = "h", .port = 6379, .db = 3}},
    {"redis://h//3", {.host = "h", .port = 6379, .db = 3}},
    {"REDIS://My.Host/%31", {.host = "my.host", .port = 6379, .db = 1}},
    {"redis://h/1#part", {.host = "h", .port = 6379, .db = 1}},
    {"redis://:pw@h/1",
     {.host = "h", .port = 6379, .password = "pw", .db = 1}},
    {"redis://user:p%40w@h",
     {.host = "h", .port = 6379, .user = "user", .password = "p@w"}},
    {"redis://us%3Aer:p:w%2fx%zz%4@h",
     {.host = "h", .port = 6379, .user = "us:er", .password = "p:w/x%zz%4"}},
    {"redis://u:a@b@h",
     {.host = "h", .port = 6379, .user = "u", .password = "a@b"}},
    {"redis://pw@h", {.host = "h", .port = 6379, .user = "pw"}},
    {"redis://user:@h", {.host = "h", .port = 6379, .user = "user"}},
    {"redis://:pw@/1",
     {.host = "127.0.0.1", .port = 6379, .password = "pw", .db = 1}},
    {"redis://[::1]", {.host = "::1", .port = 6379}},
    {"redis://u:p@[FE80::1]:1/2",
     {.host = "fe80::1", .port = 1, .user = "u", .password = "p", .db = 2}},
    {"  redis://h \n", {.host = "h", .port = 6379}},
    {"redis+socket:///tmp/r.sock",
     {.scheme = URL_REDIS_UNIX, .path = "/tmp/r.sock", .port = 6379}},
    {"redis+socket://user:pw@/tmp/r.sock?virtual_host=4",
     {.scheme = URL_REDIS_UNIX, .path = "/tmp/r.sock", .port = 6379,
      .user = "user", .password = "pw", .db = 4}},
    {"redis+socket:///r?virtual_host=/4&socket_timeout=3",
     {.scheme = URL_REDIS_UNIX, .path = "/r", .port = 6379, .db = 4}},
    {"unix:///tmp/a%20b?db=2",
     {.scheme = URL_REDIS_UNIX, .path = "/tmp/a b", .port = 6379, .db = 2}},
    /* Later URLs of a failover list: port and database come from the first,
     * user and password do not. */
    {"redis://a/0;redis://b/1", {.host = "b", .port = 6379, .db = 1}},
    {"redis://:pw@a:1/3;redis://b", {.host = "b", .port = 1, .db = 3}},
    {"redis://:pw@a:1/3 ; redis://u:x@b:2/4",
     {.host = "b", .port = 2, .db = 4, .user = "u", .password = "x"}},
    {"redis://u:pw@a:1/3;b",
     {.host = "b", .port = 1, .db = 3, .user = "u", .password = "pw"}},
    {"redis://u:pw@a:1/3;[::2]:5",
     {.host = "::2", .port = 5, .db = 3, .user = "u", .password = "pw"}},
    {"redis://a:7/3;", {.host = "a", .port = 7, .db = 3}},
    AMQP("amqp://", "127.0.0.1", 5672, "guest", "guest", "/"),
    AMQP("amqp://h", "h", 5672, "guest", "guest", "/"),
    AMQP("amqp://h/", "h", 5672, "guest", "guest", "/"),
    AMQP("amqp://h//", "h", 5672, "guest", "guest", "/"),
    AMQP("amqp://h/%2f", "h", 5672, "guest", "guest", "/"),
    AMQP("amqp://h/vh", "h", 5672, "guest", "guest", "vh"),
    AMQP("amqp://h//vh", "h", 5672, "guest", "guest", "/vh"),
    AMQP("amqp://h/a%2Fb", "h", 5672, "guest", "guest", "a/b"),
    AMQP("pyamqp://u@h:1", "h", 1, "u", "guest", "/"),
    AMQP("librabbitmq://us%40er:p%3Aw@[::1]/v", "::1", 5672, "us@er", "p:w",
         "v"),
    AMQP("localhost:5673//", "localhost", 5673, "guest", "guest", "/"),
    AMQP("h:6379", "h", 6379, "guest", "guest", "/"),
    AMQP("h/v", "h", 5672, "guest", "guest", "v"),
    AMQP("amqp://u:p@a:1/v;amqp://b", "b", 1, "guest", "guest", "v"),
    AMQP("amqp://u:p@a:1/v;b", "b", 1, "u", "p", "v"),
    AMQP("amqp://u:p@a:1/v;amqp://x:y@b:2/w", "b", 2, "x", "y", "w"),
    {"amqp://h?heartbeat=30.5&connect_timeout=3&ssl=0&login_method=EXTERNAL",
     {.scheme = URL_AMQP, .host = "h", .port = 5672, .user = "guest",
      .password = "guest", .vhost = "/", .heartbeat_s = 30,
      .external = true}},
    /* Sentinels: each port is its own. */
    {"sentinel://", {.scheme = URL_SENTINEL, .host = "127.0.0.1",
                     .port = 26379}},
    {"sentinel://u:p@s1/3",
     {.scheme = URL_SENTINEL, .host = "s1", .port = 26379, .user = "u",
      .password = "p", .db = 3}},
    {"sentinel://s1:1/3;sentinel://s2",
     {.scheme = URL_SENTINEL, .host = "s2", .port = 26379, .db = 3}},
    {"sentinel://s1:1/3;s2:2",
     {.scheme = URL_SENTINEL, .host = "s2", .port = 2, .db = 3}},
    /* clang-format on */
};

static bool
text_eq(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

START_TEST(urls_are_read_as_kombu_reads_them)
{
    struct buf err;
    buf_init(&err, 0);
    struct url_list list;

    const bool ok = url_list_parse(&list, str_from(good[_i].text), &err);

    ck_assert_msg(ok, "%s: %.*s", good[_i].text, STR_FMT(buf_str(&err)));
    const struct url *got = &list.urls[list.n - 1];
    const struct want *want = &good[_i].want;
    ck_assert_int_eq(got->scheme, want->scheme);
    ck_assert_msg(text_eq(got->host, want->host), "%s: host %s", good[_i].text,
                  got->host);
    ck_assert_msg(text_eq(got->path, want->path), "%s: path %s", good[_i].text,
                  got->path);
    ck_assert_msg(text_eq(got->user, want->user), "%s: user %s", good[_i].text,
                  got->user);
    ck_assert_msg(text_eq(got->password, want->password), "%s: password %s",
                  good[_i].text, got->password);
    ck_assert_uint_eq(got->port, want->port);
    ck_assert_int_eq(got->db, want->db);
    ck_assert_msg(text_eq(got->vhost, want->vhost), "%s: vhost %s",
                  good[_i].text, got->vhost);
    ck_assert_int_eq(got->heartbeat_s, want->heartbeat_s);
    ck_assert_int_eq(got->external, want->external);
    url_list_free(&list);
    ck_assert_uint_eq(list.n, 0);
    buf_close(&err);
}
END_TEST

/* "SECRET" stands for what no message may repeat. */
static const struct {
    const char *text;
    const char *want; /* part of the message */
} bad[] = {
    {"", "empty"},
    {" ; ", "scheme is missing"},
    {"SECRET@h", "scheme is missing"},
    {"SECRET?x", "scheme is missing"},
    {"/SECRET", "scheme is missing"},
    {"redis://:SECRET@h/abc", "database is not a number"},
    {"redis://:SECRET@h/-1", "database is not a number"},
    {"redis://:SECRET@h/1/2", "database is not a number"},
    {"redis://:SECRET@h/%00", "database is not a number"},
    {"redis://:SECRET@h/99999999999", "database is not a number"},
    {"redis://:SECRET@h:0", "port"},
    {"redis://:SECRET@h:65536", "port"},
    {"redis://:SECRET@h:1x", "port"},
    {"redis://:SECRET@::1", "brackets"},
    {"redis://:SECRET@[::1", "brackets"},
    {"redis://:SECRET@[::1]6379", "brackets"},
    {"redis://:SECRET@a b", "host name"},
    {"redis://:SECRET@a,b", "host name"},
    {"redis://:SECRET%00@h", "%00"},
    /* characters that had to be encoded */
    {"redis://:SECRET/x@h", "percent-encoded"},
    {"redis://:SECRET?x@h", "percent-encoded"},
    {"redis://:SECRET#x@h", "percent-encoded"},
    {"redis://u:12?SECRET=@h", "percent-encoded"},
    {"redis://:SECRET;x@h", "port"},
    {"redis://:12;SECRET@h", "neither a URL nor host:port"},
    {"redis://h?virtual_host=2", "\"virtual_host\""},
    {"redis://h/0?db=5", "\"db\""},
    {"redis://h/0?a=1&health_check_interval=5", "\"a\""},
    {"redis://h/0?\x1b[1m=1", "unknown option"},
    {"rediss://:SECRET@h/0?ssl_cert_reqs=maybe", "ssl_cert_reqs must be"},
    {"rediss://:SECRET@h/0?ssl_check_hostname=maybe", "true or false"},
    {"rediss://:SECRET@h/0?ssl_ca_certs=", "ssl_ca_certs must be"},
    {"rediss://:SECRET@h/0?ssl_keyfile=a%00b", "cannot contain %00"},
    {"rediss://:SECRET@h/0?ssl_foo=1", "\"ssl_foo\""},
    {"rediss://:SECRET@h/0?keyfile=1", "\"keyfile\""},
    {"redis+socket:///s?ssl_cert_reqs=none", "TLS is for networks"},
    {"redis+socket://:SECRET@h/tmp/s", "three slashes"},
    {"redis+socket://", "three slashes"},
    {"redis+socket:///s?foo=1", "\"foo\""},
    {"redis+socket:///s?virtual_host=SECRET", "database"},
    {"sentinel://:SECRET@h;redis://i", "does not go together"},
    {"redis://:SECRET@h;sentinel://i", "does not go together"},
    {"sentinel://:SECRET@h,i/0", "host name"},
    {"sentinel://h/0?master_name=m", "--broker-transport-option master_name"},
    {"amqp://u:SECRET@h//%00", "virtual host"},
    {"amqp://u:SECRET/x@h//", "percent-encoded"},
    {"amqp://u:SECRET@h//?heartbeat=x", "heartbeat"},
    {"amqp://u:SECRET@h//?connect_timeout=-1", "connect_timeout"},
    {"amqp://u:SECRET@h//?login_method=SECRET", "login_method"},
    {"amqp://u:SECRET@h//?ssl=SECRET", "ssl is"},
    {"amqp://u:SECRET@h//?foo=SECRET", "\"foo\""},
    {"amqp://u:SECRET@h//;redis://i", "does not go together"},
    {"SECRET://h", "unknown scheme"},
    {"redis://a;sqs://u:SECRET@h", "(in URL 2 of 2)"},
    {"redis+socket:///s;h", "scheme is missing"},
};

START_TEST(wrong_urls_are_refused_without_their_secrets)
{
    struct buf err;
    buf_init(&err, 0);
    struct url_list list;

    const bool ok = url_list_parse(&list, str_from(bad[_i].text), &err);

    buf_add_byte(&err, '\0');
    ck_assert_msg(!ok, "%s", bad[_i].text);
    ck_assert_msg(strstr(err.ptr, bad[_i].want) != NULL, "%s: %s", bad[_i].text,
                  err.ptr);
    ck_assert_msg(strstr(err.ptr, "SECRET") == NULL, "%s: %s", bad[_i].text,
                  err.ptr);
    for (size_t i = 0; i + 1 < err.len; i++)
        ck_assert_int_ge(err.ptr[i], ' ');
    buf_close(&err);
}
END_TEST

static const struct {
    const char *text;
    size_t index; /* of the URL in question */
    const char *want;
} encrypted[] = {
    {"redis://h", 0, "off"},
    {"rediss://h", 0, "on"},
    {"RedisS://h:1/2", 0, "on"},
    {"redis://h?ssl_ca_certs=/ca.pem", 0, "on ca=/ca.pem"},
    {"rediss://h/0?ssl_cert_reqs=CERT_NONE", 0, "on noverify noname"},
    {"rediss://h/0?ssl_cert_reqs=none", 0, "on noverify noname"},
    {"rediss://h/0?ssl_cert_reqs=0", 0, "on noverify noname"},
    {"rediss://h/0?ssl_cert_reqs=CERT_OPTIONAL", 0, "on"},
    {"rediss://h/0?ssl_cert_reqs=2&ssl_check_hostname=False", 0, "on noname"},
    {"rediss://h?ssl_certfile=%2Fa%20b&ssl_keyfile=/k&ssl_password=p%26", 0,
     "on cert=/a b key=/k password=p&"},
    {"rediss://h?ssl_ca_path=/d&ssl_ciphers=x&ssl_server_hostname=n", 0,
     "on dir=/d name=n"},
    /* what follows is not less encrypted than the first */
    {"rediss://a?ssl_ca_certs=/ca;redis://b", 1, "on ca=/ca"},
    {"rediss://a?ssl_ca_certs=/ca;rediss://b", 1, "on ca=/ca"},
    {"rediss://a?ssl_cert_reqs=none;b", 1, "on noverify noname"},
    {"rediss://a?ssl_cert_reqs=none;rediss://b?ssl_ca_certs=/ca", 1,
     "on ca=/ca"},
    {"redis://a;rediss://b", 0, "off"},
    {"redis://a;rediss://b", 1, "on"},
};

static void
describe(const struct tls_options *tls, struct buf *out)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"ca", tls->ca_certs},           {"dir", tls->ca_path},
        {"cert", tls->certfile},         {"key", tls->keyfile},
        {"password", tls->key_password}, {"name", tls->server_hostname},
    };
    buf_add_str(out, tls->on ? STR("on") : STR("off"));
    if (!tls_options_verify(tls))
        buf_add_str(out, STR(" noverify"));
    if (!tls_options_check_name(tls))
        buf_add_str(out, STR(" noname"));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].text != NULL)
            buf_printf(out, " %s=%s", texts[i].name, texts[i].text);
    buf_add_byte(out, '\0');
}

START_TEST(tls_is_read_from_scheme_and_options)
{
    struct buf text;
    buf_init(&text, 0);
    struct url_list list;

    ck_assert(url_list_parse(&list, str_from(encrypted[_i].text), &text));

    describe(&list.urls[encrypted[_i].index].tls, &text);
    ck_assert_str_eq(text.ptr, encrypted[_i].want);
    url_list_free(&list);
    buf_close(&text);
}
END_TEST

static const struct {
    const char *text;
    const char *want;
} redacted[] = {
    {"redis://", "redis://:**@127.0.0.1:6379/0"},
    {"redis://:SECRET@h:1/2", "redis://:**@h:1/2"},
    {"redis://user:SECRET@h", "redis://user:**@h:6379/0"},
    {"redis://a%40b:SECRET@h", "redis://a%40b:**@h:6379/0"},
    {"redis://SECRET@h", "redis://**:**@h:6379/0"},
    {"redis://[::1]:7", "redis://:**@[::1]:7/0"},
    {"sentinel://:SECRET@h/1", "sentinel://:**@h:26379/1"},
    {"rediss://:SECRET@h/0?ssl_cert_reqs=none", "rediss://:**@h:6379/0"},
    {"redis://:SECRET@h/0?ssl_keyfile=SECRET", "rediss://:**@h:6379/0"},
    {"amqp://", "amqp://guest:**@127.0.0.1:5672//"},
    {"pyamqp://u:SECRET@h:1/a%2Fb", "amqp://u:**@h:1/a/b"},
    {"unix://u:SECRET@/tmp/a b?db=3",
     "redis+socket://u:**@/tmp/a%20b?virtual_host=3"},
};

START_TEST(redacted_url_masks_the_password)
{
    struct buf err, out;
    buf_init(&err, 0);
    buf_init(&out, 0);
    struct url_list list;
    ck_assert(url_list_parse(&list, str_from(redacted[_i].text), &err));

    url_redacted(&list.urls[0], &out);

    ck_assert_msg(str_eq(buf_str(&out), str_from(redacted[_i].want)), "%.*s",
                  STR_FMT(buf_str(&out)));
    url_list_free(&list);
    buf_close(&out);
    buf_close(&err);
}
END_TEST

START_TEST(failover_list_keeps_its_order)
{
    struct buf err;
    buf_init(&err, 0);
    struct url_list list;

    ck_assert(
        url_list_parse(&list, STR("redis://a;redis://b;redis://c"), &err));

    ck_assert_uint_eq(list.n, 3);
    ck_assert_str_eq(list.urls[0].host, "a");
    ck_assert_str_eq(list.urls[1].host, "b");
    ck_assert_str_eq(list.urls[2].host, "c");
    url_list_free(&list);
    buf_close(&err);
}
END_TEST

START_TEST(nul_byte_is_refused)
{
    struct buf err;
    buf_init(&err, 0);
    struct url_list list;

    ck_assert(!url_list_parse(&list, STR("redis://a\0b"), &err));

    buf_close(&err);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, urls_are_read_as_kombu_reads_them, 0,
                        (int)COUNT_OF(good));
    tcase_add_loop_test(tc, tls_is_read_from_scheme_and_options, 0,
                        (int)COUNT_OF(encrypted));
    tcase_add_loop_test(tc, wrong_urls_are_refused_without_their_secrets, 0,
                        (int)COUNT_OF(bad));
    tcase_add_loop_test(tc, redacted_url_masks_the_password, 0,
                        (int)COUNT_OF(redacted));
    tcase_add_test(tc, failover_list_keeps_its_order);
    tcase_add_test(tc, nul_byte_is_refused);
}
