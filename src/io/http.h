#pragma once

/* The HTTP server: libmicrohttpd run by our loop, with the limits that it
 * does not have itself: a deadline for the whole request and the whole
 * response, a cap on requests per connection, and room for a fresh client
 * when all connections are taken (the oldest unfinished one goes). GET and
 * HEAD only; everything that is no plain read request is answered here with
 * 400, 405, 414, 431 or 505. */

#include <stdint.h>
#include <uv.h>

#include "base/blob.h"

struct http;
struct http_request;

struct http_config {
    size_t max_connections;  /* 512 */
    size_t max_requests;     /* of one connection, 100 */
    size_t max_header_bytes; /* 8 KiB */
    int64_t idle_ms;         /* between requests, 10 s */
    int64_t request_ms;      /* first byte to whole header, 10 s */
    int64_t response_ms;     /* whole response, 30 s */
    /* Told of each request that is answered here, with the handler's ctx; NULL
     * = nobody. Nothing may be done to the server in it. */
    void (*refused)(void *ctx, unsigned status);
};

extern const struct http_config http_defaults;

/* Must answer with http_reply exactly once, at once or later; the request
 * stays valid until then, also when the client has gone meanwhile. */
typedef void (*http_fn)(void *ctx, struct http_request *request);

struct http *http_new(uv_loop_t *loop, const struct http_config *config,
                      http_fn handler, void *ctx);
/* Opens one more listening socket; host NULL or "" means every address, IPv6
 * included where there is any. Logs why when it fails. */
bool http_listen(struct http *http, const char *host, uint16_t port) MUST_CHECK;
/* Of the socket that was opened last: the system's choice for port 0. */
uint16_t http_port(const struct http *http);
/* Stops accepting; responses under way go on. */
void http_quiesce(struct http *http);
/* Connections that still wait for the end of a response. */
size_t http_nbusy(const struct http *http);
/* Closes all that is left. Handles on the loop are closed by the loop's next
 * turns; `done` is called after the last of them, and http is gone then. */
void http_free(struct http *http, void (*done)(void *ctx), void *ctx);

struct str http_path(const struct http_request *request);
/* First header of that name, any case; NULL slice when absent. Not for Cookie
 * and Content-Length, which no page depends on. */
struct str http_header(const struct http_request *request, const char *name);
/* Each query parameter in order, percent-decoded. */
void http_each_parameter(const struct http_request *request,
                         void (*fn)(void *ctx, struct str key,
                                    struct str value),
                         void *ctx);

struct http_header_line {
    const char *name;
    const char *value;
};

/* Takes over one reference to body (NULL = empty) and ends the request. HEAD
 * gets the same headers without the body. Every response also carries
 * X-Content-Type-Options: nosniff. headers is ended by a NULL name, or is
 * NULL. */
void http_reply(struct http_request *request, unsigned status,
                const char *content_type,
                const struct http_header_line *headers, struct blob *body);
