#include "io/http.h"

#include "http_rig.h"

const char suite_name[] = "http_head";

/* With one answer, which has been counted once. */
static void
assert_refused(const struct rig *rig, const struct client *c, unsigned status)
{
    char line[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    ck_assert(has(c, line));
    ck_assert_uint_eq(count_of(c, "HTTP/1."), 1);
    ck_assert_uint_eq(rig->nasked, 0);
    ck_assert_uint_eq(rig->nrefused, 1);
    ck_assert_uint_eq(rig->refused, status);
}

static const char *const methods[] = {"POST",  "PUT",     "DELETE", "PATCH",
                                      "TRACE", "OPTIONS", "get",    "FROB"};

START_TEST(methods_that_do_not_read_are_refused)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, methods[_i]);
    client_say(c, " / HTTP/1.1\r\nHost: x\r\n\r\n" GET("/"));

    UNTIL(rig, c->closed);
    ck_assert(has(c, "HTTP/1.1 405 Method Not Allowed\r\n"));
    ck_assert(has(c, "Allow: GET, HEAD\r\n"));
    ck_assert(has(c, "Connection: close\r\n"));
    ck_assert(has(c, "X-Content-Type-Options: nosniff\r\n"));
    assert_refused(rig, c, 405);
    rig_free(rig);
}
END_TEST

/* Whoever sends a body first and reads the answer then must find it. */
START_TEST(a_large_body_is_refused_without_a_reset)
{
    enum { BODY_BYTES = 1 << 20 };
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    char *body = calloc(1, BODY_BYTES);
    c->paused = true;

    client_say(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576"
                  "\r\n\r\n");
    size_t sent = 0;
    while (sent < BODY_BYTES) {
        const ssize_t n =
            send(c->fd, body, BODY_BYTES - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        ck_assert(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        turn(rig);
    }
    c->paused = false;
    shutdown(c->fd, SHUT_WR);

    UNTIL(rig, c->closed);
    ck_assert(has(c, "405 Method Not Allowed"));
    ck_assert(has(c, "Allow: GET, HEAD\r\n"));
    free(body);
    rig_free(rig);
}
END_TEST

#define HEAD(lines) "GET / HTTP/1.1\r\nHost: x\r\n" lines "\r\n"
#define BYTES(literal) BYTES_OR(literal, NULL)

/* libmicrohttpd 1.0 refuses some of them itself, before anybody else is asked:
 * with an answer of its own, or by closing the connection. */
#define BYTES_OR(literal, own)            \
    {                                     \
        literal, sizeof(literal) - 1, own \
    }
#define CLOSES ""

/* What two readers could understand in two ways. */
static const struct {
    const char *bytes;
    size_t len;
    const char *own; /* how the library's answer begins; NULL: none */
} doubtful[] = {
    BYTES(HEAD("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") "0\r\n"),
    BYTES(HEAD("Transfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    BYTES(HEAD("Transfer-Encoding: identity\r\n")),
    BYTES(HEAD("Content-Length: 5\r\n") "hello"),
    BYTES(HEAD("Content-Length: 0\r\nContent-Length: 37\r\n")),
    BYTES(HEAD("Content-Length: 0\r\nContent-Length: 0\r\n")),
    BYTES(HEAD("Content-Length: 00\r\n")),
    BYTES(HEAD("Content-Length: +0\r\n")),
    BYTES(HEAD("Content-Length: -1\r\n")),
    BYTES_OR(HEAD("Content-Length: 99999999999999999999\r\n"), "HTTP/1.1 413 "),
    BYTES(HEAD("Host: y\r\n")),
    BYTES(HEAD("host: x\r\n")),
    BYTES_OR("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
    BYTES("GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
    BYTES(HEAD("Content-Length : 5\r\n") "hello"),
    BYTES(HEAD("X-Folded: a\r\n b\r\n")),
    BYTES(HEAD("X-Folded: a\r\n\tContent-Length: 5\r\n")),
    BYTES("GET / HTTP/1.1\nHost: x\n\n"),
    BYTES("GET / HTTP/1.1\r\nHost: x\nX-Bare: y\r\n\r\n"),
    BYTES("GET / HTTP/1.1\r\nHost: x\r\nX-Bare: y\n\r\n"),
    BYTES("GET / HTTP/1.1\r\nHost: x\r\nX-Bare: y\r\n\n"),
    BYTES("GET / HTTP/1.1\nHost: x\r\n\r\n"),
    BYTES("GET / HTTP/1.1\n  Host: x\n\n"),
    BYTES(HEAD("X-Nul: a\0b\r\n")),
    BYTES(HEAD("X-Nul: a\0\r\n")),
    BYTES(HEAD("X-Nul\0: a\r\n")),
    BYTES(HEAD("X-Bell: a\ab\r\n")),
    BYTES(HEAD("X-Return: a\rb\r\n")),
    BYTES(HEAD("X-Delete: a\x7f\r\n")),
    BYTES(HEAD("X(Paren): a\r\n")),
    BYTES(HEAD("X Space: a\r\n")),
    BYTES(HEAD(": a\r\n")),
    BYTES(HEAD("no colon\r\n")),
    BYTES_OR("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", CLOSES),
    BYTES_OR("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", CLOSES),
    BYTES("GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET /%0a HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET /% HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
    BYTES("GET metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
};

/* Nobody was asked, and nothing follows that answer. Ours has no title. */
static bool
refused_by_library(const struct rig *rig, const struct client *c,
                   const char *own)
{
    if (own == NULL || (c->in.len > 0 && !has(c, "<title>")))
        return false;
    ck_assert(str_starts(buf_str(&c->in), str_from(own)));
    ck_assert(own[0] != '\0' || c->in.len == 0);
    ck_assert(!has(c, "hello\n"));
    ck_assert_uint_eq(rig->nasked, 0);
    return true;
}

START_TEST(doubtful_requests_are_refused_and_nothing_behind_them_is_run)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_send(c, doubtful[_i].bytes, doubtful[_i].len);
    client_say(c, GET("/"));

    UNTIL(rig, c->closed);
    if (!refused_by_library(rig, c, doubtful[_i].own))
        assert_refused(rig, c, 400);
    rig_free(rig);
}
END_TEST

/* And what is unusual, but can be understood in one way only. */
static const char *const plain[] = {
    GET("/"),
    HEAD("Content-Length: 0\r\n"),
    HEAD("X-Empty:\r\n"),
    HEAD("X-Empty:   \r\n"),
    HEAD("X-Tight:a\r\n"),
    HEAD("X-Tabs:\ta\tb\t\r\n"),
    HEAD("X-Latin: \xe4\r\n"),
    HEAD("Cookie: a=b; c=\"d\"; e\r\n"),
    HEAD("Accept: */*\r\nAccept: text/plain\r\n"),
    "GET /? HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /?a=b&c=%00%zz HTTP/1.1\r\nHost: x\r\n\r\n",
};

START_TEST(unusual_requests_are_served)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, plain[_i]);
    client_say(c, GET("/"));

    UNTIL(rig, count_of(c, "hello\n") == 2);
    rig_free(rig);
}
END_TEST

/* The padding is made of 'a'. */
static void
send_padded(struct client *c, const char *before, size_t len, const char *after)
{
    char *padding = malloc(len);
    memset(padding, 'a', len);
    client_say(c, before);
    client_send(c, padding, len);
    client_say(c, after);
    free(padding);
}

START_TEST(heads_up_to_eight_kilobytes_are_served)
{
    static const char before[] = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ";
    static const char after[] = "\r\n\r\n";
    const size_t fill = 8192 - strlen(before) - strlen(after);
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    send_padded(c, before, fill, after);
    UNTIL(rig, has(c, "hello\n"));
    send_padded(c, before, fill + 1, after);

    UNTIL(rig, c->closed);
    ck_assert(has(c, "HTTP/1.1 431 "));
    ck_assert_uint_eq(rig->nasked, 1);
    rig_free(rig);
}
END_TEST

static const struct {
    const char *before;
    size_t len;
    const char *after;
    unsigned status;
} oversized[] = {
    {"GET /", 40000, " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
    {"GET /?", 9000, " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
    {"", 10000, " / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
    {"GET / HTTP/1.1\r\nHost: x\r\nX-", 40000, ": a\r\n\r\n", 431},
};

START_TEST(oversized_heads_are_refused)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    send_padded(c, oversized[_i].before, oversized[_i].len,
                oversized[_i].after);

    UNTIL(rig, c->closed);
    ck_assert(!c->reset);
    assert_refused(rig, c, oversized[_i].status);
    rig_free(rig);
}
END_TEST

START_TEST(two_thousand_headers_are_refused)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 2000; i++)
        client_say(c, "a: b\r\n");

    UNTIL(rig, c->closed);
    assert_refused(rig, c, 431);
    rig_free(rig);
}
END_TEST

/* What libmicrohttpd would keep a note of for each part of it. */
static const struct {
    const char *before;
    const char *part;
    size_t nparts;
    const char *after;
    size_t nseen; /* bytes of parameters that the handler gets */
} crowded[] = {
    {"GET /parameters?", "name[]=celery_worker_up&", 330,
     " HTTP/1.1\r\nHost: x\r\n\r\n", 330 * 24},
    {"GET /parameters?", "a&", 4070, " HTTP/1.1\r\nHost: x\r\n\r\n", 4070 * 3},
    {"GET /parameters HTTP/1.1\r\nHost: x\r\nCookie: ", "a;", 4060, "\r\n\r\n",
     0},
};

static void
send_crowded(struct client *c, int i)
{
    struct buf request;
    buf_init(&request, 0);
    buf_add_str(&request, str_from(crowded[i].before));
    for (size_t n = 0; n < crowded[i].nparts; n++)
        buf_add_str(&request, str_from(crowded[i].part));
    buf_add_str(&request, str_from(crowded[i].after));
    ck_assert_uint_le(request.len, http_defaults.max_header_bytes);
    client_send(c, request.ptr, request.len);
    buf_close(&request);
}

START_TEST(a_head_of_many_parts_is_served)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    send_crowded(c, _i);
    UNTIL(rig, rig->nasked == 1);
    const size_t nseen = rig->seen.len;
    client_say(c, GET("/"));

    UNTIL(rig, has(c, "hello\n"));
    ck_assert_uint_eq(count_of(c, "HTTP/1.1 200 OK\r\n"), 2);
    ck_assert_uint_eq(nseen, crowded[_i].nseen);
    rig_free(rig);
}
END_TEST

START_TEST(a_client_that_leaves_a_crowded_head_leaves_no_memory_behind)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    struct client *other = client_new(rig);

    send_crowded(c, _i);
    client_say(other, GET("/"));
    UNTIL(rig, count_of(other, "hello\n") == 1);
    client_leave(c);
    client_say(other, GET("/"));

    UNTIL(rig, count_of(other, "hello\n") == 2);
    rig_free(rig);
}
END_TEST

static const char *const versions[] = {"HTTP/0.9", "HTTP/2.0", "HTTP/9.9"};

START_TEST(other_versions_are_refused)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, "GET / ");
    client_say(c, versions[_i]);
    client_say(c, "\r\nHost: x\r\n\r\n");

    UNTIL(rig, c->closed);
    assert_refused(rig, c, 505);
    rig_free(rig);
}
END_TEST

#define LENGTH(array) (int)(sizeof(array) / sizeof((array)[0]))

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, methods_that_do_not_read_are_refused, 0,
                        LENGTH(methods));
    tcase_add_test(tc, a_large_body_is_refused_without_a_reset);
    tcase_add_loop_test(
        tc, doubtful_requests_are_refused_and_nothing_behind_them_is_run, 0,
        LENGTH(doubtful));
    tcase_add_loop_test(tc, unusual_requests_are_served, 0, LENGTH(plain));
    tcase_add_test(tc, heads_up_to_eight_kilobytes_are_served);
    tcase_add_loop_test(tc, oversized_heads_are_refused, 0, LENGTH(oversized));
    tcase_add_loop_test(tc, a_head_of_many_parts_is_served, 0, LENGTH(crowded));
    tcase_add_loop_test(
        tc, a_client_that_leaves_a_crowded_head_leaves_no_memory_behind, 0,
        LENGTH(crowded));
    tcase_add_loop_test(tc, other_versions_are_refused, 0, LENGTH(versions));
    tcase_add_test(tc, two_thousand_headers_are_refused);
}
