#include "io/http.h"

#include "http_rig.h"

const char suite_name[] = "http_limits";

static struct http_config
config_with(size_t max_connections, int64_t idle_ms, int64_t request_ms,
            int64_t response_ms)
{
    struct http_config config = http_defaults;
    config.max_connections = max_connections;
    config.idle_ms = idle_ms;
    config.request_ms = request_ms;
    config.response_ms = response_ms;
    return config;
}

START_TEST(a_connection_serves_a_hundred_requests)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    for (int i = 0; i < 120; i++)
        client_say(c, GET("/"));

    UNTIL(rig, c->closed);
    ck_assert_uint_eq(rig->nasked, 100);
    ck_assert_uint_eq(count_of(c, "hello\n"), 100);
    ck_assert_uint_eq(count_of(c, "Connection: close\r\n"), 1);
    rig_free(rig);
}
END_TEST

/* More than the server reads before it closes. */
START_TEST(the_hundredth_answer_reaches_a_client_that_sent_more)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    struct buf requests;
    buf_init(&requests, 0);
    for (int i = 0; i < 1000; i++)
        buf_add_str(&requests, STR(GET("/")));
    c->paused = true;

    client_send(c, requests.ptr, requests.len);
    UNTIL(rig, rig->nasked == 100 && http_nbusy(rig->http) == 0);
    c->paused = false;

    UNTIL(rig, c->closed);
    ck_assert(!c->reset);
    ck_assert_uint_eq(count_of(c, "hello\n"), 100);
    ck_assert_uint_eq(rig->nasked, 100);
    buf_close(&requests);
    rig_free(rig);
}
END_TEST

static const char *const garbage[] = {
    "GET /\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "GET",
    "\r\n",
    "\n\n\n\n",
    "GET / HTTP/1.1",
    "GET / HTTP/1.1\r\nHost: x\r\n",
};

START_TEST(garbage_is_closed_in_time)
{
    const struct http_config config = config_with(512, 200, 200, 10000);
    struct rig *rig = rig_new(&config);
    struct client *c = client_new(rig);

    client_say(c, garbage[_i]);

    UNTIL(rig, c->closed);
    ck_assert_uint_eq(rig->nasked, 0);
    rig_free(rig);
}
END_TEST

START_TEST(an_idle_connection_is_closed)
{
    const struct http_config config = config_with(512, 200, 10000, 10000);
    struct rig *rig = rig_new(&config);
    struct client *fresh = client_new(rig);
    struct client *used = client_new(rig);
    client_say(used, GET("/"));
    const int64_t began_ms = clock_now_ms();

    UNTIL(rig, fresh->closed && used->closed);

    ck_assert(has(used, "hello\n"));
    ck_assert_int_ge(clock_now_ms() - began_ms, 150);
    rig_free(rig);
}
END_TEST

static const char *const drips[] = {
    "GET /", /* the first line does not end */
    "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    GET("/") "GET /", /* in the second request */
    GET("/") "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
};

START_TEST(a_dripped_request_is_cut)
{
    const struct http_config config = config_with(512, 10000, 300, 10000);
    struct rig *rig = rig_new(&config);
    struct client *c = client_new(rig);
    client_say(c, drips[_i]);
    const int64_t began_ms = clock_now_ms();

    for (int64_t next_ms = began_ms; !c->closed; turn(rig)) {
        ck_assert(clock_now_ms() < began_ms + WAIT_MS);
        if (clock_now_ms() < next_ms)
            continue;
        next_ms += 10;
        send(c->fd, "a", 1, MSG_NOSIGNAL);
    }

    ck_assert_int_ge(clock_now_ms() - began_ms, 250);
    ck_assert_uint_eq(rig->nasked, count_of(c, "hello\n"));
    rig_free(rig);
}
END_TEST

START_TEST(a_reader_that_does_not_read_is_cut)
{
    const struct http_config config = config_with(512, 10000, 10000, 300);
    struct rig *rig = rig_new(&config);
    rig_make_big(rig);
    struct client *c = client_new(rig);
    c->paused = true;
    const int64_t began_ms = clock_now_ms();
    client_say(c, GET("/big"));
    UNTIL(rig, http_nbusy(rig->http) == 1);

    UNTIL(rig, http_nbusy(rig->http) == 0);

    ck_assert_int_ge(clock_now_ms() - began_ms, 250);
    c->paused = false;
    UNTIL(rig, c->closed);
    ck_assert_uint_lt(c->in.len, 32 << 20);
    rig_free(rig);
}
END_TEST

START_TEST(an_answer_that_comes_too_late_is_dropped)
{
    const struct http_config config = config_with(512, 10000, 10000, 200);
    struct rig *rig = rig_new(&config);
    struct client *c = client_new(rig);
    client_say(c, GET("/later"));

    UNTIL(rig, c->closed);
    http_reply(rig->held, 200, NULL, NULL, blob_copy(STR("done\n")));

    UNTIL(rig, http_nbusy(rig->http) == 0);
    ck_assert_uint_eq(c->in.len, 0);
    rig_free(rig);
}
END_TEST

START_TEST(idle_connections_make_room_for_a_fresh_client)
{
    const struct http_config config = config_with(8, 10000, 10000, 10000);
    struct rig *rig = rig_new(&config);
    struct client *busy = client_new(rig);
    client_say(busy, GET("/later"));
    UNTIL(rig, rig->held != NULL);
    for (int i = 0; i < 40; i++) {
        struct client *idle = client_new(rig);
        client_say(idle, i % 2 == 0 ? "" : "GET / HT");
        turn(rig);
    }

    struct client *fresh = client_new(rig);
    client_say(fresh, GET("/"));

    UNTIL(rig, has(fresh, "hello\n"));
    ck_assert(rig->clients[1].closed);
    http_reply(rig->held, 200, NULL, NULL, blob_copy(STR("done\n")));
    UNTIL(rig, has(busy, "done\n"));
    size_t nopen = 0;
    for (size_t i = 0; i < rig->nclients; i++)
        nopen += !rig->clients[i].closed;
    ck_assert_uint_le(nopen, 8);
    rig_free(rig);
}
END_TEST

START_TEST(busy_connections_are_not_closed_for_others)
{
    const struct http_config config = config_with(4, 10000, 10000, 500);
    struct rig *rig = rig_new(&config);
    rig_make_big(rig);
    for (int i = 0; i < 4; i++) {
        struct client *c = client_new(rig);
        c->paused = true;
        client_say(c, GET("/big"));
        UNTIL(rig, rig->nasked == (size_t)i + 1);
    }

    struct client *fresh = client_new(rig);
    client_say(fresh, GET("/"));

    /* Their own deadline ends them, and the fresh one has waited. */
    UNTIL(rig, has(fresh, "hello\n"));
    rig_free(rig);
}
END_TEST

#define LENGTH(array) (int)(sizeof(array) / sizeof((array)[0]))

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, a_connection_serves_a_hundred_requests);
    tcase_add_test(tc, the_hundredth_answer_reaches_a_client_that_sent_more);
    tcase_add_loop_test(tc, garbage_is_closed_in_time, 0, LENGTH(garbage));
    tcase_add_test(tc, an_idle_connection_is_closed);
    tcase_add_loop_test(tc, a_dripped_request_is_cut, 0, LENGTH(drips));
    tcase_add_test(tc, a_reader_that_does_not_read_is_cut);
    tcase_add_test(tc, an_answer_that_comes_too_late_is_dropped);
    tcase_add_test(tc, idle_connections_make_room_for_a_fresh_client);
    tcase_add_test(tc, busy_connections_are_not_closed_for_others);
}
