#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "io/http_private.h"

/* How often the deadlines are looked at: an eighth of the shortest, but
 * within these. */
enum { SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 250 };
/* Descriptors that are not for scrapers: brokers, the loop's own, the log. */
enum { RESERVED_FDS = 32 };
/* One connection in so many is kept free for those who come later. */
enum { SPARE_SHARE = 16 };
/* Between the loop's clock and the kernel's, which may tick 100 times a
 * second. */
enum { CLOCK_SLACK_MS = 20 };

static int64_t
now_ms(const struct http *http)
{
    return (int64_t)uv_now(http->loop);
}

/* libmicrohttpd reads the first bytes of a request without telling, so the
 * kernel is asked when it last got some. */
static bool
has_received(const struct http_conn *conn, int64_t now)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return false;
    return now - info.tcpi_last_data_recv > conn->since_ms + CLOCK_SLACK_MS;
}

static void
cut(struct http_conn *conn)
{
    conn->cut = true;
    shutdown(conn->fd, SHUT_RDWR);
}

/* A byte now and then proves nothing: each deadline is for the whole. */
static bool
is_overdue(struct http_conn *conn, int64_t now)
{
    const struct http_config *config = &conn->http->config;
    if (conn->whole_ms > 0)
        return now - conn->whole_ms >= config->response_ms;
    if (conn->began_ms == 0 && has_received(conn, now))
        conn->began_ms = now;
    if (conn->began_ms > 0)
        return now - conn->began_ms >= config->request_ms;
    return now - conn->since_ms >= config->idle_ms;
}

static void
on_sweep(uv_timer_t *timer)
{
    struct http *http = timer->data;
    const int64_t now = now_ms(http);
    for (struct http_conn *conn = http->oldest; conn != NULL;
         conn = conn->newer)
        if (!conn->cut && is_overdue(conn, now))
            cut(conn);
    http_linger_sweep(http, now);
    if (http->nconns == 0 && http->nlingers == 0)
        uv_timer_stop(timer);
}

void
http_limits_watch(struct http *http)
{
    const struct http_config *config = &http->config;
    int64_t ms = config->idle_ms < config->request_ms ? config->idle_ms
                                                      : config->request_ms;
    ms = (config->response_ms < ms ? config->response_ms : ms) / 8;
    ms = ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : ms;
    ms = ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : ms;
    if (!http->closing && !uv_is_active((uv_handle_t *)&http->sweep))
        uv_timer_start(&http->sweep, on_sweep, (uint64_t)ms, (uint64_t)ms);
}

void
http_limits_init(struct http *http)
{
    struct rlimit nofile;
    size_t *max = &http->config.max_connections;
    uv_timer_init(http->loop, &http->sweep);
    http->sweep.data = http;
    http->nhandles++;
    if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
        return;
    const size_t nfds = (size_t)nofile.rlim_cur;
    if (nfds >= *max + RESERVED_FDS)
        return;
    *max = nfds > 2 * RESERVED_FDS ? nfds - RESERVED_FDS : RESERVED_FDS;
    LOG(LOG_WARN, "The limit on open files leaves fewer HTTP connections",
        NULL);
}

/* Whoever has not asked for anything yet must make room, the oldest first; a
 * fresh scraper sends its request along with the connection. */
static void
make_room(struct http *http)
{
    const size_t max = http->config.max_connections;
    if (http->nconns <= max - max / SPARE_SHARE - 1)
        return;
    for (struct http_conn *conn = http->oldest; conn != NULL;
         conn = conn->newer) {
        if (conn->cut || conn->whole_ms > 0 || conn == http->newest)
            continue;
        LOG_LIMITED(LOG_WARN, "http connections",
                    "Too many HTTP connections, closing the oldest", NULL);
        cut(conn);
        return;
    }
}

static struct http_conn *
conn_new(struct http_listener *listener, int fd)
{
    struct http *http = listener->http;
    struct http_conn *conn = xmalloc(sizeof(*conn));
    *conn = (struct http_conn){
        .http = http,
        .listener = listener,
        .older = http->newest,
        .fd = fd,
        .since_ms = now_ms(http),
    };
    if (http->newest == NULL)
        http->oldest = conn;
    else
        http->newest->newer = conn;
    http->newest = conn;
    http->nconns++;
    return conn;
}

static void
conn_free(struct http_conn *conn)
{
    struct http *http = conn->http;
    http_run_again(conn->listener);
    if (conn->older == NULL)
        http->oldest = conn->newer;
    else
        conn->older->newer = conn->newer;
    if (conn->newer == NULL)
        http->newest = conn->older;
    else
        conn->newer->older = conn->older;
    http->nconns--;
    free(conn);
}

/* A daemon that fails twice over one request, for want of memory, closes the
 * connection and says nothing of the request. */
static void
conn_end(struct http_conn *conn)
{
    if (conn->request != NULL)
        http_request_end(conn->request);
    if (!conn->cut && (conn->last || http_linger_has_unread(conn->fd)))
        http_linger(conn->http, conn->fd);
    conn_free(conn);
}

void
http_limits_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_listener *listener = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        conn_end(*context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = conn_new(listener, info->connect_fd);
    http_limits_watch(listener->http);
    make_room(listener->http);
}

/* The daemon's own limit is for one listening socket; this is for all. */
enum MHD_Result
http_limits_on_accept(void *cls, const struct sockaddr *addr,
                      socklen_t addr_len)
{
    const struct http *http = cls;
    (void)addr;
    (void)addr_len;
    return http->nconns < http->config.max_connections ? MHD_YES : MHD_NO;
}

void
http_limits_request_whole(struct http_conn *conn)
{
    conn->whole_ms = now_ms(conn->http);
    conn->http->nbusy++;
}

void
http_limits_request_ended(struct http_conn *conn)
{
    if (conn->whole_ms > 0)
        conn->http->nbusy--;
    conn->nrequests++;
    conn->since_ms = now_ms(conn->http);
    conn->began_ms = 0;
    conn->whole_ms = 0;
}
