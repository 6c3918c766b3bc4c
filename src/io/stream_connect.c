#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/xalloc.h"
#include "io/stream_private.h"

enum {
    KEEPALIVE_S = 5,
    LEAST_ADDRESS_MS = 250,
};

static void try_address(struct stream *stream);

static enum stream_end
connect_end(int error)
{
    switch (error) {
    case UV_ECONNREFUSED:
    case UV_ENOENT:
    case UV_EACCES:
    case UV_EPERM:
    case UV_ENOTSOCK:
    case UV_EPROTOTYPE:
    case UV_ENAMETOOLONG:
        return STREAM_REFUSED;
    case UV_ETIMEDOUT:
        return STREAM_TIMEOUT;
    case UV_ECONNRESET:
        return STREAM_RESET;
    default:
        return STREAM_UNREACHABLE;
    }
}

static void
on_link_closed(uv_handle_t *handle)
{
    struct stream_link *link = handle->data;
    struct stream *stream = link->owner;
    free(link);
    stream_forget_handle(stream);
}

void
stream_drop_link(struct stream *stream)
{
    if (stream->link == NULL)
        return;
    stream_pace_stop(stream);
    uv_close(&stream->link->uv.handle, on_link_closed);
    stream->link = NULL;
    stream->reading = false;
}

void
stream_connect_stop(struct stream *stream)
{
    uv_timer_stop(&stream->timer);
    if (stream->lookup == NULL)
        return;
    /* Canceling works only while it waits for a thread: the call itself may
     * take long, and its result finds no stream any more. */
    stream->lookup->data = NULL;
    uv_cancel((uv_req_t *)stream->lookup);
    stream->lookup = NULL;
}

static void
address_failed(struct stream *stream, int error)
{
    uv_timer_stop(&stream->timer);
    stream->connect_error = error;
    stream_drop_link(stream);
    try_address(stream);
}

static void
set_socket_options(struct stream *stream)
{
    struct stream_link *link = stream->link;
    uv_os_fd_t fd;
    if (stream->config.path != NULL || uv_fileno(&link->uv.handle, &fd) != 0)
        return;
    uv_tcp_nodelay(&link->uv.tcp, 1);
    uv_tcp_keepalive(&link->uv.tcp, 1, KEEPALIVE_S);
    const unsigned ms = stream->config.user_timeout_ms;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static void
on_connect(uv_connect_t *connect, int status)
{
    struct stream_link *link = connect->data;
    struct stream *stream = link->owner;
    if (stream->link != link)
        return; /* given up meanwhile */
    if (status != 0) {
        address_failed(stream, status);
        return;
    }
    stream_connect_stop(stream);
    set_socket_options(stream);
    if (stream->config.tls != NULL)
        stream_tls_start(stream);
    else
        stream_connected(stream);
}

static void
on_address_timeout(uv_timer_t *timer)
{
    address_failed(timer->data, UV_ETIMEDOUT);
}

/* A silent address may not use up the time of those behind it. */
static uint64_t
address_ms(const struct stream *stream)
{
    const uint64_t now = uv_now(stream->loop);
    const uint64_t left = stream->deadline > now ? stream->deadline - now : 0;
    const uint64_t share =
        left / (stream->naddresses - stream->next_address + 1);
    return share < LEAST_ADDRESS_MS ? LEAST_ADDRESS_MS : share;
}

static int
start_connect(struct stream *stream, struct stream_link *link)
{
    const char *path = stream->config.path;
    if (path == NULL)
        return uv_tcp_connect(&link->connect, &link->uv.tcp,
                              &stream->addresses[stream->next_address - 1].any,
                              on_connect);
    /* libuv would cut it. */
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return UV_ENAMETOOLONG;
    uv_pipe_connect(&link->connect, &link->uv.pipe, path, on_connect);
    return 0;
}

static void
try_address(struct stream *stream)
{
    if (stream->next_address == stream->naddresses) {
        stream_finish(stream, connect_end(stream->connect_error),
                      stream->connect_error);
        return;
    }
    stream->next_address++;
    struct stream_link *link = xcalloc(1, sizeof(*link));
    link->owner = stream;
    link->connect.data = link;
    if (stream->config.path != NULL)
        uv_pipe_init(stream->loop, &link->uv.pipe, 0);
    else
        uv_tcp_init(stream->loop, &link->uv.tcp);
    link->uv.handle.data = link;
    stream->link = link;
    stream->nhandles++;
    uv_timer_start(&stream->timer, on_address_timeout, address_ms(stream), 0);
    const int error = start_connect(stream, link);
    if (error != 0)
        address_failed(stream, error);
}

static void
keep_address(struct stream *stream, const struct addrinfo *info)
{
    union stream_address *address = &stream->addresses[stream->naddresses];
    if (stream->naddresses == STREAM_MAX_ADDRESSES ||
        info->ai_addrlen > sizeof(*address))
        return;
    memcpy(address, info->ai_addr, info->ai_addrlen);
    stream->naddresses++;
}

static void
on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
    struct stream *stream = lookup->data;
    if (stream != NULL) {
        stream->lookup = NULL;
        uv_timer_stop(&stream->timer);
        for (struct addrinfo *info = list; info != NULL; info = info->ai_next)
            keep_address(stream, info);
        if (stream->naddresses == 0)
            stream_finish(stream, STREAM_RESOLVE,
                          status != 0 ? status : UV_EAI_NONAME);
        else
            try_address(stream);
    }
    uv_freeaddrinfo(list);
    free(lookup);
}

static void
on_lookup_timeout(uv_timer_t *timer)
{
    stream_finish(timer->data, STREAM_RESOLVE, UV_ETIMEDOUT);
}

static void
look_up(struct stream *stream)
{
    uv_getaddrinfo_t *lookup = xcalloc(1, sizeof(*lookup));
    lookup->data = stream;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    char port[8];
    snprintf(port, sizeof(port), "%u", stream->config.port);
    const int error = uv_getaddrinfo(stream->loop, lookup, on_lookup,
                                     stream->config.host, port, &hints);
    if (error != 0) {
        free(lookup);
        stream_finish(stream, STREAM_RESOLVE, error);
        return;
    }
    stream->lookup = lookup;
    uv_timer_start(&stream->timer, on_lookup_timeout,
                   (uint64_t)stream->config.connect_ms, 0);
}

void
stream_connect(struct stream *stream)
{
    const struct stream_config *config = &stream->config;
    stream->deadline = uv_now(stream->loop) + (uint64_t)config->connect_ms;
    /* Numbers need no thread: it may be busy with a name server that is
     * gone. */
    union stream_address *first = &stream->addresses[0];
    if (config->path != NULL ||
        uv_ip4_addr(config->host, config->port, &first->in) == 0 ||
        uv_ip6_addr(config->host, config->port, &first->in6) == 0) {
        stream->naddresses = 1;
        try_address(stream);
        return;
    }
    look_up(stream);
}
