#pragma once

/* What the parts of the HTTP server share:
 *   http.c          libmicrohttpd's daemons on our loop
 *   http_socket.c   listening sockets
 *   http_limits.c   connections, their deadlines and their number
 *   http_request.c  from a request to its response
 *   http_head.c     which requests are refused unseen
 *   http_linger.c   lets the last answer reach a client that still sends */

#include <microhttpd.h>

#include "io/http.h"

struct http_linger;

/* One listening socket, with the daemon that accepts from it. */
struct http_listener {
    struct http *http;
    struct http_listener *next;
    struct MHD_Daemon *daemon;
    uint16_t port;
    bool again;       /* the daemon must run once more, see http_run_again */
    uv_poll_t poll;   /* the daemon's epoll descriptor */
    uv_timer_t timer; /* what the daemon would wait for at most */
};

struct http_conn {
    struct http *http;
    struct http_listener *listener;
    struct http_conn *older;
    struct http_conn *newer;
    struct http_request *request; /* NULL between requests */
    int fd;
    size_t nrequests; /* that have ended */
    int64_t since_ms; /* opened, or the last request ended */
    int64_t began_ms; /* first byte of the present request, 0 = none yet */
    int64_t whole_ms; /* its head was complete, 0 = not yet */
    bool cut;         /* shut down; the daemon will notice */
    bool last;        /* has had its last answer, and may still send */
};

enum request_state {
    REQUEST_HEAD,    /* its first line is known */
    REQUEST_WHOLE,   /* acceptable, nothing more will come */
    REQUEST_ASKED,   /* the handler is running */
    REQUEST_WAITING, /* the handler answers later */
    REQUEST_ANSWERED,
    REQUEST_REFUSED, /* the handler never sees it */
};

struct http_request {
    struct http_conn *conn; /* NULL once the client has gone */
    struct MHD_Connection *mhd;
    enum request_state state;
    char *target;           /* our copy: the path decoded, then the query */
    const char *raw_target; /* where the daemon keeps it */
    size_t raw_target_len;
    struct str path;
    struct str query;
    bool bad_target;
    /* The answer, until the daemon takes it: NULL and ANSWERED is one that
     * there was no memory for. */
    struct MHD_Response *response;
    unsigned status;
};

struct http {
    uv_loop_t *loop;
    struct http_config config;
    http_fn handler;
    void *ctx;
    struct http_listener *listeners; /* the last opened first */
    struct http_conn *oldest;
    struct http_conn *newest;
    size_t nconns;
    size_t nbusy;
    struct http_linger *lingers;
    size_t nlingers;
    uv_timer_t sweep; /* runs while there are connections */
    size_t nhandles;  /* of the loop's, not closed yet */
    bool quiesced;
    bool running; /* inside the daemon: it may not be stopped now */
    bool closing;
    void (*done)(void *ctx);
    void *done_ctx;
};

/* To be called for each request that the handler never sees. */
void http_refused(const struct http *http, unsigned status);

/* A socket that listens, or -1 after a log line. *port is the real one. */
int http_socket_open(const char *host, uint16_t *port);

void http_limits_init(struct http *http);
/* For MHD_OPTION_NOTIFY_CONNECTION, cls is the listener, and for the accept
 * policy, cls is http. */
void http_limits_on_connection(void *cls, struct MHD_Connection *mhd,
                               void **context,
                               enum MHD_ConnectionNotificationCode code);
enum MHD_Result http_limits_on_accept(void *cls, const struct sockaddr *addr,
                                      socklen_t addr_len);
void http_limits_request_whole(struct http_conn *conn);
void http_limits_request_ended(struct http_conn *conn);
/* Starts the sweep, which stops by itself when nothing is left to watch. */
void http_limits_watch(struct http *http);

/* For MHD_OPTION_URI_LOG_CALLBACK, the access handler and
 * MHD_OPTION_NOTIFY_COMPLETED; cls is http. */
void *http_request_on_target(void *cls, const char *target,
                             struct MHD_Connection *mhd);
enum MHD_Result http_request_on_step(void *cls, struct MHD_Connection *mhd,
                                     const char *url, const char *method,
                                     const char *version, const char *upload,
                                     size_t *upload_len, void **request);
void http_request_on_ended(void *cls, struct MHD_Connection *mhd,
                           void **request,
                           enum MHD_RequestTerminationCode code);
/* There is nobody to answer any more. */
void http_request_end(struct http_request *request);

/* Whether this libmicrohttpd leaves it all to us, 0.9, or knows what a request
 * must not look like, 1.0. */
bool http_head_is_ours(void);
/* Before the daemon reads the lines behind the first. */
void http_head_prepare(struct http_request *request);
/* 0 when the request may go to the handler, else the status to refuse it
 * with. */
unsigned http_head_check(const struct http_request *request, const char *method,
                         const char *version);

/* Keeps the connection open for a moment after the daemon has closed it, and
 * throws away what still comes: closing at once would reset it, and the
 * client would never read why. */
void http_linger(struct http *http, int fd);
/* Whether something has come that nobody will read. */
bool http_linger_has_unread(int fd);
void http_linger_sweep(struct http *http, int64_t now_ms);
void http_linger_close_all(struct http *http);

/* Two things the daemon does only when it runs, though nothing becomes
 * readable and it asks for no timeout: going on with a connection that was
 * resumed, and listening again when it was full and a connection has ended. */
void http_run_again(struct http_listener *listener);
/* The end of every close callback. */
void http_handle_closed(struct http *http);
