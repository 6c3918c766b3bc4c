#include "io/http.h"

#include "http_rig.h"

const char suite_name[] = "http";

START_TEST(get_is_answered_with_headers_and_body)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, GET("/"));

    UNTIL(rig, has(c, "\r\n\r\nhello\n"));
    ck_assert(has(c, "HTTP/1.1 200 OK\r\n"));
    ck_assert(has(c, "Content-Type: text/plain\r\n"));
    ck_assert(has(c, "Content-Length: 6\r\n"));
    ck_assert(has(c, "Vary: Accept\r\n"));
    ck_assert(has(c, "X-Content-Type-Options: nosniff\r\n"));
    ck_assert(!has(c, "Connection: close"));
    rig_free(rig);
}
END_TEST

START_TEST(head_is_answered_like_get_without_body)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET("/missing"));

    UNTIL(rig, has(c, "\r\n\r\nno\n"));
    ck_assert(has(c, "Content-Length: 6\r\n"));
    ck_assert(!has(c, "hello"));
    ck_assert(has(c, "HTTP/1.1 404 Not Found\r\n"));
    rig_free(rig);
}
END_TEST

START_TEST(an_empty_answer_is_complete)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, GET("/empty"));

    UNTIL(rig, has(c, "\r\n\r\n"));
    ck_assert(has(c, "Content-Length: 0\r\n"));
    rig_free(rig);
}
END_TEST

START_TEST(a_connection_serves_one_request_after_the_other)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    for (size_t i = 1; i <= 5; i++) {
        client_say(c, GET("/"));
        UNTIL(rig, count_of(c, "hello\n") == i);
    }

    ck_assert(!c->closed);
    rig_free(rig);
}
END_TEST

START_TEST(pipelined_requests_are_all_answered)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, GET("/") GET("/") GET("/missing") GET("/"));

    UNTIL(rig, count_of(c, "hello\n") == 3 && has(c, "no\n"));
    ck_assert_uint_eq(rig->nasked, 4);
    rig_free(rig);
}
END_TEST

START_TEST(a_request_in_single_bytes_is_answered)
{
    static const char request[] = GET("/");
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    for (size_t i = 0; i + 1 < sizeof(request); i++) {
        client_send(c, request + i, 1);
        turn(rig);
    }

    UNTIL(rig, has(c, "hello\n"));
    rig_free(rig);
}
END_TEST

START_TEST(an_old_client_gets_its_connection_closed)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, "GET / HTTP/1.0\r\n\r\n");

    UNTIL(rig, c->closed);
    ck_assert(has(c, "\r\n\r\nhello\n"));
    rig_free(rig);
}
END_TEST

START_TEST(an_answer_may_come_later)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    struct client *other = client_new(rig);

    client_say(c, GET("/later"));
    UNTIL(rig, rig->held != NULL);
    client_say(other, GET("/"));
    UNTIL(rig, has(other, "hello\n"));
    UNTIL(rig, http_nbusy(rig->http) == 1);
    ck_assert_uint_eq(c->in.len, 0);
    http_reply(rig->held, 200, "text/plain", NULL, blob_copy(STR("done\n")));

    UNTIL(rig, has(c, "\r\n\r\ndone\n"));
    UNTIL(rig, http_nbusy(rig->http) == 0);
    client_say(c, GET("/"));
    UNTIL(rig, has(c, "hello\n"));
    rig_free(rig);
}
END_TEST

START_TEST(a_client_that_left_may_still_be_answered)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    struct client *other = client_new(rig);
    client_say(c, GET("/later"));
    UNTIL(rig, rig->held != NULL);

    client_leave(c);
    client_say(other, GET("/"));
    UNTIL(rig, has(other, "hello\n"));
    ck_assert(str_eq(http_path(rig->held), STR("/later")));
    http_reply(rig->held, 200, NULL, NULL, blob_copy(STR("done\n")));

    UNTIL(rig, http_nbusy(rig->http) == 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_request_outlives_the_server)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    client_say(c, GET("/later"));
    UNTIL(rig, rig->held != NULL);

    http_free(rig->http, on_freed, rig);
    UNTIL(rig, rig->freed && c->closed);

    ck_assert_ptr_null(http_header(rig->held, "Host").ptr);
    http_reply(rig->held, 200, NULL, NULL, blob_copy(STR("done\n")));
    ck_assert_uint_eq(c->in.len, 0);
    rig_free(rig);
}
END_TEST

START_TEST(the_handler_may_free_the_server)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, GET("/free") GET("/"));

    UNTIL(rig, rig->freed && c->closed);
    ck_assert_uint_eq(rig->nasked, 1);
    rig_free(rig);
}
END_TEST

START_TEST(quiescing_lets_the_running_answer_end)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    client_say(c, GET("/later"));
    UNTIL(rig, rig->held != NULL);

    http_quiesce(rig->http);

    ck_assert_int_lt(connect_to(http_port(rig->http)), 0);
    http_reply(rig->held, 200, "text/plain", NULL, blob_copy(STR("done\n")));
    UNTIL(rig, c->closed);
    ck_assert(has(c, "\r\n\r\ndone\n"));
    ck_assert(has(c, "Connection: close\r\n"));
    ck_assert_uint_eq(http_nbusy(rig->http), 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_large_page_is_shared_and_arrives_whole)
{
    struct rig *rig = rig_new(&http_defaults);
    rig_make_big(rig);
    struct client *a = client_new(rig);
    struct client *b = client_new(rig);

    client_say(a, GET("/big"));
    client_say(b, GET("/big"));

    UNTIL(rig, a->in.len > 32 << 20 && b->in.len > 32 << 20);
    UNTIL(rig, http_nbusy(rig->http) == 0);
    rig_free(rig);
}
END_TEST

static const struct {
    const char *target;
    const char *seen;
} parameters[] = {
    {"/parameters", ""},
    {"/parameters?", ""},
    {"/parameters?name%5B%5D=celery_worker_up", "name[]=celery_worker_up;"},
    {"/parameters?name[]=a&name[]=b&&x", "name[]=a;name[]=b;x=;"},
    {"/parameters?a+b=c%20d+e&=f&g=h=i", "a b=c d e;=f;g=h=i;"},
    {"/parameters?a=%zz%4&b=%", "a=%zz%4;b=%;"},
    {"/%70arameters?q=1?2", "q=1?2;"},
};

START_TEST(parameters_are_decoded)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    struct buf request;
    buf_init(&request, 0);
    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
               parameters[_i].target);

    client_send(c, request.ptr, request.len);

    UNTIL(rig, has(c, "HTTP/1.1 200 OK\r\n"));
    ck_assert(str_eq(buf_str(&rig->seen), str_from(parameters[_i].seen)));
    buf_close(&request);
    rig_free(rig);
}
END_TEST

START_TEST(the_first_header_of_a_name_is_found)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);

    client_say(c, "GET /header HTTP/1.1\r\nHost: x\r\nX-TEST: a, b\r\n"
                  "x-test: c\r\n\r\n");

    UNTIL(rig, has(c, "200 OK"));
    ck_assert(str_eq(buf_str(&rig->seen), STR("a, b")));
    client_say(c, GET("/header"));
    UNTIL(rig, rig->nasked == 2);
    ck_assert_uint_eq(rig->seen.len, 0);
    rig_free(rig);
}
END_TEST

static const char *const hosts[] = {NULL, "", "localhost", "127.0.0.1"};

START_TEST(every_way_to_name_the_host_is_reached_over_ipv4)
{
    struct rig *rig = rig_new_on(&http_defaults, hosts[_i]);
    struct client *c = client_new(rig);

    client_say(c, GET("/"));

    UNTIL(rig, has(c, "hello\n"));
    rig_free(rig);
}
END_TEST

START_TEST(an_address_in_use_or_unknown_is_refused)
{
    struct rig *rig = rig_new(&http_defaults);
    const uint16_t port = http_port(rig->http);

    ck_assert(!http_listen(rig->http, "127.0.0.1", port));
    ck_assert(!http_listen(rig->http, "192.0.2.1", 0));
    ck_assert(!http_listen(rig->http, "host.invalid", 0));
    ck_assert_uint_eq(http_port(rig->http), port);
    rig_free(rig);
}
END_TEST

START_TEST(two_sockets_are_one_server)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *a = client_new(rig);
    ck_assert(http_listen(rig->http, "127.0.0.1", 0));
    struct client *b = client_new(rig);

    client_say(a, GET("/later"));
    UNTIL(rig, rig->held != NULL);
    client_say(b, GET("/release"));

    UNTIL(rig, has(a, "done\n") && has(b, "200 OK"));
    rig_free(rig);
}
END_TEST

START_TEST(an_idle_server_does_not_turn)
{
    struct rig *rig = rig_new(&http_defaults);
    struct client *c = client_new(rig);
    client_say(c, GET("/"));
    UNTIL(rig, has(c, "hello\n"));
    uv_timer_stop(&rig->tick);

    /* The sweep over the open connection is all that is left to do. */
    const int64_t began_ms = clock_now_ms();
    for (int i = 0; i < 4; i++)
        uv_run(&rig->loop, UV_RUN_ONCE);

    ck_assert_int_ge(clock_now_ms() - began_ms, 500);
    uv_timer_start(&rig->tick, on_tick, 2, 2);
    rig_free(rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, get_is_answered_with_headers_and_body);
    tcase_add_test(tc, head_is_answered_like_get_without_body);
    tcase_add_test(tc, an_empty_answer_is_complete);
    tcase_add_test(tc, a_connection_serves_one_request_after_the_other);
    tcase_add_test(tc, pipelined_requests_are_all_answered);
    tcase_add_test(tc, a_request_in_single_bytes_is_answered);
    tcase_add_test(tc, an_old_client_gets_its_connection_closed);
    tcase_add_test(tc, an_answer_may_come_later);
    tcase_add_test(tc, a_client_that_left_may_still_be_answered);
    tcase_add_test(tc, a_request_outlives_the_server);
    tcase_add_test(tc, the_handler_may_free_the_server);
    tcase_add_test(tc, quiescing_lets_the_running_answer_end);
    tcase_add_test(tc, a_large_page_is_shared_and_arrives_whole);
    tcase_add_loop_test(tc, parameters_are_decoded, 0,
                        (int)(sizeof(parameters) / sizeof(parameters[0])));
    tcase_add_test(tc, the_first_header_of_a_name_is_found);
    tcase_add_loop_test(tc, every_way_to_name_the_host_is_reached_over_ipv4, 0,
                        (int)(sizeof(hosts) / sizeof(hosts[0])));
    tcase_add_test(tc, an_address_in_use_or_unknown_is_refused);
    tcase_add_test(tc, two_sockets_are_one_server);
    tcase_add_test(tc, an_idle_server_does_not_turn);
}
