#pragma once

/* A Redis server as far as a broker connection sees one, on the loop of the
 * test: it notes every command, and answers by a script. */

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "wire/resp.h"

enum { FAKE_MAX_CONNS = 32, FAKE_MAX_ANSWERS = 16 };

struct fake_conn {
    uv_tcp_t tcp;
    struct fake *fake;
    struct resp *resp;
    size_t number;
    bool subscribed;
    bool open;
    char space[65536];
};

struct fake {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uint16_t port;
    struct fake_conn *conns[FAKE_MAX_CONNS];
    size_t nconns;
    /* What is said before any command. */
    const char *greeting;
    /* Verb and answer, the last one for a verb counts; "" stays silent, NULL
     * closes. */
    struct {
        const char *verb;
        const char *answer;
    } answers[FAKE_MAX_ANSWERS];
    size_t nanswers;
    struct buf log; /* "1 AUTH pw\n": connection and arguments */
};

struct fake_write {
    uv_write_t req;
    char bytes[];
};

static inline void
fake_on_written(uv_write_t *req, int status)
{
    (void)status;
    free(req->data);
}

static inline void
fake_send(struct fake_conn *conn, struct str bytes)
{
    if (!conn->open || bytes.len == 0)
        return;
    struct fake_write *write = xmalloc(sizeof(*write) + bytes.len);
    memcpy(write->bytes, bytes.ptr, bytes.len);
    write->req.data = write;
    const uv_buf_t buf = uv_buf_init(write->bytes, (unsigned)bytes.len);
    uv_write(&write->req, (uv_stream_t *)&conn->tcp, &buf, 1, fake_on_written);
}

static inline void
fake_on_closed(uv_handle_t *handle)
{
    struct fake_conn *conn = handle->data;
    conn->open = false;
}

static inline void
fake_close_conn(struct fake_conn *conn)
{
    resp_stop(conn->resp);
    if (!uv_is_closing((uv_handle_t *)&conn->tcp))
        uv_close((uv_handle_t *)&conn->tcp, fake_on_closed);
}

static inline void
fake_answer(struct fake *fake, const char *verb, const char *answer)
{
    ck_assert_uint_lt(fake->nanswers, FAKE_MAX_ANSWERS);
    fake->answers[fake->nanswers].verb = verb;
    fake->answers[fake->nanswers++].answer = answer;
}

static inline const char *
fake_usual_answer(struct fake_conn *conn, struct str verb, struct str arg,
                  struct buf *out)
{
    if (str_eq(verb, STR("PSUBSCRIBE")) || str_eq(verb, STR("SUBSCRIBE"))) {
        conn->subscribed = true;
        buf_printf(out, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%.*s\r\n:1\r\n", verb.len,
                   verb.len == 10 ? "psubscribe" : "subscribe", arg.len,
                   STR_FMT(arg));
        buf_add_byte(out, '\0');
        return out->ptr;
    }
    if (str_eq(verb, STR("PING")))
        return conn->subscribed ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
                                : "+PONG\r\n";
    if (str_eq(verb, STR("RPOP")))
        return "$-1\r\n";
    if (str_eq(verb, STR("AUTH")) || str_eq(verb, STR("SELECT")))
        return "+OK\r\n";
    return ":1\r\n";
}

static inline void
fake_on_command(void *ctx, const struct resp_reply *command)
{
    struct fake_conn *conn = ctx;
    struct fake *fake = conn->fake;
    buf_printf(&fake->log, "%zu", conn->number);
    for (size_t i = 0; i < command->nitems; i++)
        buf_printf(&fake->log, " %.*s", STR_FMT(command->items[i].str));
    buf_add_byte(&fake->log, '\n');
    const struct str verb = command->items[0].str;
    struct buf text;
    buf_init(&text, 0);
    const char *answer = fake_usual_answer(
        conn, verb, command->nitems > 1 ? command->items[1].str : verb, &text);
    for (size_t i = 0; i < fake->nanswers; i++)
        if (str_eq(verb, str_from(fake->answers[i].verb)))
            answer = fake->answers[i].answer;
    if (answer == NULL)
        fake_close_conn(conn);
    else
        fake_send(conn, str_from(answer));
    buf_close(&text);
}

static inline void
fake_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct fake_conn *conn = handle->data;
    *out = uv_buf_init(conn->space, sizeof(conn->space));
}

static inline void
fake_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_conn *conn = stream->data;
    if (n < 0)
        fake_close_conn(conn);
    else
        ck_assert_int_eq(
            resp_feed(conn->resp, (struct str){buf->base, (size_t)n}), RESP_OK);
}

static inline void
fake_on_connection(uv_stream_t *listener, int status)
{
    ck_assert_int_eq(status, 0);
    struct fake *fake = listener->data;
    ck_assert_uint_lt(fake->nconns, FAKE_MAX_CONNS);
    struct fake_conn *conn = xcalloc(1, sizeof(*conn));
    conn->fake = fake;
    conn->open = true;
    conn->resp =
        resp_new(&(struct resp_limits){.max_string = 1 << 20, .max_items = 64},
                 fake_on_command, conn);
    fake->conns[fake->nconns++] = conn;
    conn->number = fake->nconns;
    uv_tcp_init(fake->loop, &conn->tcp);
    conn->tcp.data = conn;
    ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&conn->tcp), 0);
    uv_read_start((uv_stream_t *)&conn->tcp, fake_on_alloc, fake_on_read);
    fake_send(conn, str_from(fake->greeting));
}

static inline void
fake_open(struct fake *fake, uv_loop_t *loop)
{
    *fake = (struct fake){.loop = loop};
    buf_init(&fake->log, 0);
    uv_tcp_init(loop, &fake->listener);
    fake->listener.data = fake;
    struct sockaddr_in address;
    ck_assert_int_eq(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    ck_assert_int_eq(
        uv_tcp_bind(&fake->listener, (const struct sockaddr *)&address, 0), 0);
    ck_assert_int_eq(
        uv_listen((uv_stream_t *)&fake->listener, 16, fake_on_connection), 0);
    int len = sizeof(address);
    uv_tcp_getsockname(&fake->listener, (struct sockaddr *)&address, &len);
    fake->port = ntohs(address.sin_port);
}

/* Closes all; the loop must run once more before fake_free. */
static inline void
fake_close(struct fake *fake)
{
    if (!uv_is_closing((uv_handle_t *)&fake->listener))
        uv_close((uv_handle_t *)&fake->listener, NULL);
    for (size_t i = 0; i < fake->nconns; i++)
        fake_close_conn(fake->conns[i]);
}

static inline void
fake_free(struct fake *fake)
{
    for (size_t i = 0; i < fake->nconns; i++) {
        resp_free(fake->conns[i]->resp);
        free(fake->conns[i]);
    }
    buf_close(&fake->log);
}
