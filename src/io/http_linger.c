#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "io/http_private.h"

enum {
    LINGER_MS = 1000,
    LINGERS_MAX = 16,
};

struct http_linger {
    struct http *http;
    struct http_linger *next;
    int64_t since_ms;
    int fd;
    uv_poll_t poll;
};

static void
on_closed(uv_handle_t *handle)
{
    struct http_linger *linger = handle->data;
    struct http *http = linger->http;
    free(linger);
    http_handle_closed(http);
}

static void
linger_close(struct http_linger *linger)
{
    struct http *http = linger->http;
    struct http_linger **at = &http->lingers;
    while (*at != linger)
        at = &(*at)->next;
    *at = linger->next;
    http->nlingers--;
    uv_close((uv_handle_t *)&linger->poll, on_closed);
    close(linger->fd);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct http_linger *linger = poll->data;
    char thrown_away[8192];
    (void)events;
    const ssize_t n =
        status < 0 ? 0 : recv(linger->fd, thrown_away, sizeof(thrown_away), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        linger_close(linger);
}

bool
http_linger_has_unread(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
http_linger(struct http *http, int fd)
{
    if (http->closing || http->nlingers == LINGERS_MAX)
        return;
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    struct http_linger *linger = xmalloc(sizeof(*linger));
    *linger = (struct http_linger){
        .http = http,
        .next = http->lingers,
        .since_ms = (int64_t)uv_now(http->loop),
        .fd = copy,
    };
    if (uv_poll_init(http->loop, &linger->poll, copy) < 0) {
        close(copy);
        free(linger);
        return;
    }
    linger->poll.data = linger;
    uv_poll_start(&linger->poll, UV_READABLE, on_readable);
    http->nhandles++;
    http->lingers = linger;
    http->nlingers++;
    http_limits_watch(http);
}

void
http_linger_sweep(struct http *http, int64_t now_ms)
{
    struct http_linger *next;
    for (struct http_linger *linger = http->lingers; linger != NULL;
         linger = next) {
        next = linger->next;
        if (now_ms - linger->since_ms >= LINGER_MS)
            linger_close(linger);
    }
}

void
http_linger_close_all(struct http *http)
{
    while (http->lingers != NULL)
        linger_close(http->lingers);
}
