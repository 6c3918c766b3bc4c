#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../suite.h"
#include "stream_rig.h"

const char suite_name[] = "stream";

START_TEST(name_is_resolved_and_an_address_that_answers_found)
{
    struct rig rig;
    rig_open(&rig);
    /* Where localhost is ::1 first, that one refuses. */
    rig_connect(&rig,
                (struct stream_config){.host = "localhost", .port = rig.port});

    WAIT_FOR(&rig, rig.connected && rig.accepted);

    ck_assert_uint_eq(rig.nends, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(name_without_address_ends_the_stream)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, (struct stream_config){.host = "a.b..c", .port = 1});

    WAIT_FOR(&rig, rig.nends == 1);

    ck_assert_int_eq(rig.why, STREAM_RESOLVE);
    ck_assert_int_ne(rig.error, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(close_while_a_name_is_looked_up_or_connected_is_silent)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig,
                (struct stream_config){.host = hosts[_i], .port = rig.port});

    stream_close(rig.stream);
    WAIT_FOR(&rig, rig.closed);

    ck_assert(!rig.connected);
    ck_assert_uint_eq(rig.nends, 0);
    rig_close(&rig);
}
END_TEST

/* F2: a socket whose queue is full drops what asks to connect, as a firewall
 * does. */
START_TEST(peer_that_never_answers_times_out)
{
    struct rig rig;
    rig_open(&rig);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    socklen_t len = sizeof(address);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    int fds[4];
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (const struct sockaddr *)&address, len);
    }

    rig_connect(&rig, (struct stream_config){.host = "127.0.0.1",
                                             .port = ntohs(address.sin_port),
                                             .connect_ms = 300});
    WAIT_FOR(&rig, rig.nends == 1);

    ck_assert_int_eq(rig.why, STREAM_TIMEOUT);
    ck_assert_int_eq(rig.error, UV_ETIMEDOUT);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    close(fd);
    rig_close(&rig);
}
END_TEST

START_TEST(what_came_before_the_end_is_handed_out_first)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, (struct stream_config){
                          .host = "127.0.0.1",
                          .port = rig.port,
                          .in_max = 512 * 1024,
                      });
    WAIT_FOR(&rig, rig.connected && rig.accepted);
    struct burst burst;
    enum { N = 10 * 1024 * 1024 };

    send_burst(&rig, &burst, N);
    WAIT_FOR(&rig, burst.done);
    uv_close((uv_handle_t *)&rig.peer, NULL);
    WAIT_FOR(&rig, rig.nends == 1);

    ck_assert_uint_eq(rig.nbytes, N);
    ck_assert(!rig.mismatch);
    ck_assert_uint_le(rig.largest, 256 * 1024);
    ck_assert_int_eq(rig.why, STREAM_CLOSED);
    buf_close(&burst.bytes);
    rig_close(&rig);
}
END_TEST

START_TEST(stream_may_be_closed_from_its_own_bytes)
{
    struct rig rig;
    rig_open(&rig);
    rig.close_in_bytes = true;
    rig_connect(&rig,
                (struct stream_config){.host = "127.0.0.1", .port = rig.port});
    WAIT_FOR(&rig, rig.connected && rig.accepted);
    struct burst burst;

    send_burst(&rig, &burst, 1000 * 1000);
    WAIT_FOR(&rig, rig.closed && burst.done);

    ck_assert_uint_gt(rig.nbytes, 0);
    ck_assert_uint_eq(rig.nends, 0);
    buf_close(&burst.bytes);
    rig_close(&rig);
}
END_TEST

START_TEST(peer_that_does_not_read_ends_the_stream)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig, (struct stream_config){.host = "127.0.0.1",
                                             .port = rig.port,
                                             .out_max = 100 * 1000});
    WAIT_FOR(&rig, rig.connected && rig.accepted);
    static char bytes[50 * 1000];

    for (int i = 0; i < 1000 && rig.nends == 0; i++) {
        stream_write(rig.stream, (struct str){bytes, sizeof(bytes)});
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    }

    ck_assert_uint_eq(rig.nends, 1);
    ck_assert_int_eq(rig.why, STREAM_CLOGGED);
    stream_write(rig.stream, STR("more"));
    rig_close(&rig);
}
END_TEST

/* The peer does not end it. */
START_TEST(stream_that_cannot_write_ends_soon)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig,
                (struct stream_config){.host = "127.0.0.1", .port = rig.port});
    WAIT_FOR(&rig, rig.connected && rig.accepted);
    uv_os_fd_t fd;
    uv_fileno((uv_handle_t *)&rig.stream->link->uv.stream, &fd);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    (void)signal(SIGPIPE, SIG_IGN);

    stream_write(rig.stream, STR("to nobody"));
    WAIT_FOR(&rig, rig.nends == 1);

    ck_assert_int_eq(rig.why, STREAM_RESET);
    ck_assert_int_eq(rig.error, UV_EPIPE);
    rig_close(&rig);
}
END_TEST

START_TEST(writes_arrive)
{
    struct rig rig;
    rig_open(&rig);
    rig_connect(&rig,
                (struct stream_config){.host = "127.0.0.1", .port = rig.port});
    stream_write(rig.stream, STR("too early"));
    WAIT_FOR(&rig, rig.connected && rig.accepted);
    uv_read_start((uv_stream_t *)&rig.peer, on_alloc, on_peer_read);

    stream_write(rig.stream, STR("hello"));
    stream_write(rig.stream, STR(""));
    WAIT_FOR(&rig, rig.peer_bytes == 5);

    rig_close(&rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, name_is_resolved_and_an_address_that_answers_found);
    tcase_add_test(tc, name_without_address_ends_the_stream);
    tcase_add_loop_test(
        tc, close_while_a_name_is_looked_up_or_connected_is_silent, 0, 2);
    tcase_add_test(tc, peer_that_never_answers_times_out);
    tcase_add_test(tc, what_came_before_the_end_is_handed_out_first);
    tcase_add_test(tc, stream_may_be_closed_from_its_own_bytes);
    tcase_add_test(tc, peer_that_does_not_read_ends_the_stream);
    tcase_add_test(tc, stream_that_cannot_write_ends_soon);
    tcase_add_test(tc, writes_arrive);
}
