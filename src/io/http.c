#include "io/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "io/http_private.h"

const struct http_config http_defaults = {
    .max_connections = 512,
    .max_requests = 100,
    .max_header_bytes = 8 * 1024,
    .idle_ms = 10 * 1000,
    .request_ms = 10 * 1000,
    .response_ms = 30 * 1000,
};

struct http *
http_new(uv_loop_t *loop, const struct http_config *config, http_fn handler,
         void *ctx)
{
    struct http *http = xmalloc(sizeof(*http));
    *http = (struct http){
        .loop = loop, .config = *config, .handler = handler, .ctx = ctx};
    http_limits_init(http);
    return http;
}

static void
listeners_free(struct http *http)
{
    while (http->listeners != NULL) {
        struct http_listener *next = http->listeners->next;
        free(http->listeners);
        http->listeners = next;
    }
}

void
http_handle_closed(struct http *http)
{
    if (--http->nhandles > 0 || !http->closing)
        return;
    void (*done)(void *) = http->done;
    void *ctx = http->done_ctx;
    listeners_free(http);
    free(http);
    done(ctx);
}

static void
on_closed(uv_handle_t *handle)
{
    http_handle_closed(handle->data);
}

static void
handle_close(struct http *http, uv_handle_t *handle)
{
    handle->data = http;
    uv_close(handle, on_closed);
}

/* A daemon that still has suspended connections must not be stopped: it
 * would abort the process. */
static void
resume_all(struct http *http)
{
    for (struct http_conn *conn = http->oldest; conn != NULL;
         conn = conn->newer)
        if (conn->request != NULL && conn->request->state == REQUEST_WAITING)
            MHD_resume_connection(conn->request->mhd);
}

static void
close_all(struct http *http)
{
    resume_all(http);
    http_linger_close_all(http);
    for (struct http_listener *l = http->listeners; l != NULL; l = l->next) {
        handle_close(http, (uv_handle_t *)&l->poll);
        handle_close(http, (uv_handle_t *)&l->timer);
        MHD_stop_daemon(l->daemon);
    }
    handle_close(http, (uv_handle_t *)&http->sweep);
}

void
http_free(struct http *http, void (*done)(void *ctx), void *ctx)
{
    http->closing = true;
    http->done = done;
    http->done_ctx = ctx;
    if (!http->running)
        close_all(http);
}

static void run(struct http_listener *listener);

static void
on_event(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void
on_due(uv_timer_t *timer)
{
    run(timer->data);
}

/* The daemon's sockets are edge-triggered: what it left undone shows only in
 * the time it wants to wait, zero. A timer, not a loop here, so that the
 * brokers get their turn in between. */
static void
arm(struct http_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (listener->again || MHD_get_timeout(listener->daemon, &ms) == MHD_YES)
        uv_timer_start(&listener->timer, on_due, ms, 0);
    else
        uv_timer_stop(&listener->timer);
}

static void
run(struct http_listener *listener)
{
    struct http *http = listener->http;
    http->running = true;
    listener->again = false;
    MHD_run(listener->daemon);
    http->running = false;
    if (http->closing)
        close_all(http);
    else
        arm(listener);
}

void
http_run_again(struct http_listener *listener)
{
    listener->again = true;
    if (!listener->http->closing)
        arm(listener);
}

void
http_refused(const struct http *http, unsigned status)
{
    if (http->config.refused != NULL)
        http->config.refused(http->ctx, status);
}

/* What the daemon refuses itself it tells nobody but its log: a line that is
 * too long for its memory, 414 or 431, and a first line that is none, 400 or
 * 505. */
static void
count_refusal(const struct http *http, const char *fmt, va_list args)
{
    va_list copy;
    if (strstr(fmt, "HTTP response code is %u") == NULL)
        return;
    va_copy(copy, args);
    http_refused(http, va_arg(copy, unsigned));
    va_end(copy);
}

__attribute__((format(printf, 2, 0))) static void
on_log(void *cls, const char *fmt, va_list args)
{
    char text[256];
    count_refusal(cls, fmt, args);
    if (!log_enabled(LOG_DEBUG))
        return;
    vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    LOG(LOG_DEBUG, "HTTP library", "message", text, NULL);
}

/* Escapes are decoded here, not by the daemon: "%00" would end its strings. */
static size_t
keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static struct MHD_Daemon *
daemon_start(struct http_listener *listener, int fd)
{
    struct http *http = listener->http;
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
#if MHD_VERSION >= 0x01000000
    flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
    const struct http_config *config = &http->config;
    /* The head, the daemon's own notes on it, and the head of the answer. */
    const size_t memory = 2 * config->max_header_bytes + 4096;
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)config->max_connections, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)memory, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, http_head_is_ours() ? 0 : 1, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)http_limits_on_connection,
         listener},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_request_on_target, http},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_request_on_ended, http},
        {MHD_OPTION_END, 0, NULL},
    };
    /* The logger first, so that it hears of what is wrong with the others. */
    return MHD_start_daemon(flags, 0, http_limits_on_accept, http,
                            http_request_on_step, http,
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, http,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void
listener_start(struct http_listener *listener)
{
    struct http *http = listener->http;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_timer_init(http->loop, &listener->timer);
    uv_poll_init(http->loop, &listener->poll, info->epoll_fd);
    listener->timer.data = listener;
    listener->poll.data = listener;
    http->nhandles += 2;
    uv_poll_start(&listener->poll, UV_READABLE, on_event);
    /* The daemon adds its listening socket when it first runs. */
    uv_timer_start(&listener->timer, on_due, 0, 0);
}

bool
http_listen(struct http *http, const char *host, uint16_t port)
{
    const int fd = http_socket_open(host, &port);
    if (fd < 0)
        return false;
    struct http_listener *listener = xcalloc(1, sizeof(*listener));
    listener->http = http;
    listener->port = port;
    listener->daemon = daemon_start(listener, fd);
    if (listener->daemon == NULL) {
        /* Some versions have closed fd by now, and others have not. */
        LOG(LOG_ERROR, "Cannot start the HTTP server", NULL);
        free(listener);
        return false;
    }
    listener->next = http->listeners;
    http->listeners = listener;
    listener_start(listener);
    return true;
}

uint16_t
http_port(const struct http *http)
{
    return http->listeners == NULL ? 0 : http->listeners->port;
}

void
http_quiesce(struct http *http)
{
    http->quiesced = true;
    for (struct http_listener *l = http->listeners; l != NULL; l = l->next) {
        const int fd = MHD_quiesce_daemon(l->daemon);
        if (fd >= 0)
            close(fd);
    }
}

size_t
http_nbusy(const struct http *http)
{
    return http->nbusy;
}
