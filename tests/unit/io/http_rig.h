#pragma once

/* An HTTP server on a loop of its own, and clients with plain sockets in the
 * same thread: whoever waits turns the loop. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/http.h"

#include "../suite.h"

enum { CLIENTS_MAX = 64, WAIT_MS = 8000 };

struct client {
    int fd;
    struct buf in;
    bool closed; /* by the server */
    bool reset;  /* and what it has sent may be lost */
    bool paused; /* does not read */
};

struct rig {
    uv_loop_t loop;
    uv_timer_t tick; /* so that no turn takes long */
    struct http *http;
    struct client clients[CLIENTS_MAX];
    size_t nclients;
    struct http_request *held; /* asked for /later */
    size_t nasked;
    size_t nrefused;
    unsigned refused; /* the last status */
    bool freed;
    struct blob *big;
    struct buf seen; /* what the handler was told */
};

static inline int64_t
clock_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline void
client_read(struct client *c)
{
    while (!c->closed && !c->paused) {
        ck_assert(buf_reserve(&c->in, 65536));
        const ssize_t n =
            recv(c->fd, c->in.ptr + c->in.len, 65536, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0)
            c->reset = true;
        if (n <= 0)
            c->closed = true;
        else
            c->in.len += (size_t)n;
    }
}

static inline void
turn(struct rig *rig)
{
    uv_run(&rig->loop, UV_RUN_ONCE);
    for (size_t i = 0; i < rig->nclients; i++)
        if (rig->clients[i].fd >= 0)
            client_read(&rig->clients[i]);
}

/* Turns the loop until the condition holds, or fails after WAIT_MS. */
#define UNTIL(rig, condition)                                           \
    for (const int64_t end_ms = clock_now_ms() + WAIT_MS; !(condition); \
         turn(rig))                                                     \
    ck_assert_msg(clock_now_ms() < end_ms, "waited for %s", #condition)

static inline void
on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static inline void
on_parameter(void *ctx, struct str key, struct str value)
{
    struct rig *rig = ctx;
    buf_printf(&rig->seen, "%.*s=%.*s;", STR_FMT(key), STR_FMT(value));
}

static inline void
on_freed(void *ctx)
{
    struct rig *rig = ctx;
    rig->http = NULL;
    rig->freed = true;
}

/* The handler: a page at /, and one for each thing to try. */
static inline void
on_request(void *ctx, struct http_request *request)
{
    static const struct http_header_line vary[] = {{"Vary", "Accept"},
                                                   {NULL, NULL}};
    struct rig *rig = ctx;
    const struct str path = http_path(request);
    rig->nasked++;
    buf_clear(&rig->seen);
    if (str_eq(path, STR("/later"))) {
        rig->held = request;
    } else if (str_eq(path, STR("/release"))) {
        http_reply(rig->held, 200, NULL, NULL, blob_copy(STR("done\n")));
        http_reply(request, 200, NULL, NULL, NULL);
    } else if (str_eq(path, STR("/big"))) {
        http_reply(request, 200, "text/plain", NULL, blob_ref(rig->big));
    } else if (str_eq(path, STR("/empty"))) {
        http_reply(request, 200, NULL, NULL, NULL);
    } else if (str_eq(path, STR("/free"))) {
        http_reply(request, 200, NULL, NULL, blob_copy(STR("bye")));
        http_free(rig->http, on_freed, rig);
    } else if (str_eq(path, STR("/parameters"))) {
        http_each_parameter(request, on_parameter, rig);
        http_reply(request, 200, NULL, NULL, NULL);
    } else if (str_eq(path, STR("/header"))) {
        buf_add_str(&rig->seen, http_header(request, "x-test"));
        http_reply(request, 200, NULL, NULL, NULL);
    } else if (str_eq(path, STR("/"))) {
        http_reply(request, 200, "text/plain", vary, blob_copy(STR("hello\n")));
    } else {
        http_reply(request, 404, "text/plain", NULL, blob_copy(STR("no\n")));
    }
}

static inline void
on_refused(void *ctx, unsigned status)
{
    struct rig *rig = ctx;
    rig->nrefused++;
    rig->refused = status;
}

static inline struct rig *
rig_new_on(const struct http_config *config, const char *host)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->tick);
    uv_timer_start(&rig->tick, on_tick, 2, 2);
    buf_init(&rig->seen, 0);
    struct http_config own = *config;
    own.refused = on_refused;
    rig->http = http_new(&rig->loop, &own, on_request, rig);
    ck_assert(http_listen(rig->http, host, 0));
    return rig;
}

static inline struct rig *
rig_new(const struct http_config *config)
{
    return rig_new_on(config, "127.0.0.1");
}

/* Bytes that do not fit into any socket's buffers. */
static inline void
rig_make_big(struct rig *rig)
{
    struct buf b;
    buf_init(&b, 0);
    ck_assert(buf_reserve(&b, 32 << 20));
    memset(b.ptr, 'x', 32 << 20);
    b.len = 32 << 20;
    rig->big = blob_new(&b);
}

static inline void
rig_free(struct rig *rig)
{
    if (rig->http != NULL && !rig->freed)
        http_free(rig->http, on_freed, rig);
    UNTIL(rig, rig->freed);
    for (size_t i = 0; i < rig->nclients; i++) {
        if (rig->clients[i].fd >= 0)
            close(rig->clients[i].fd);
        buf_close(&rig->clients[i].in);
    }
    uv_close((uv_handle_t *)&rig->tick, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&rig->loop), 0);
    blob_unref(rig->big);
    buf_close(&rig->seen);
    free(rig);
}

static inline int
connect_to(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    ck_assert_int_ge(fd, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline struct client *
client_new(struct rig *rig)
{
    ck_assert_uint_lt(rig->nclients, CLIENTS_MAX);
    struct client *c = &rig->clients[rig->nclients];
    *c = (struct client){.fd = connect_to(http_port(rig->http))};
    ck_assert_int_ge(c->fd, 0);
    buf_init(&c->in, 0);
    rig->nclients++;
    return c;
}

static inline void
client_send(struct client *c, const void *bytes, size_t len)
{
    ck_assert_int_eq(send(c->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void
client_say(struct client *c, const char *text)
{
    client_send(c, text, strlen(text));
}

static inline void
client_leave(struct client *c)
{
    close(c->fd);
    c->fd = -1;
}

static inline size_t
count_of(const struct client *c, const char *needle)
{
    const size_t len = strlen(needle);
    size_t n = 0;
    for (size_t i = 0; i + len <= c->in.len; i++)
        n += memcmp(c->in.ptr + i, needle, len) == 0;
    return n;
}

static inline bool
has(const struct client *c, const char *needle)
{
    return count_of(c, needle) > 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
