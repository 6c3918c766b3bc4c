#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "io/http_private.h"

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that "%41" at s.ptr + at stands for, or -1. */
static int
escaped_byte(struct str s, size_t at)
{
    if (at + 2 >= s.len || s.ptr[at] != '%')
        return -1;
    const int high = hex_value(s.ptr[at + 1]);
    const int low = hex_value(s.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Decodes the path where it stands. False for escapes that are none, and for
 * those of control bytes. */
static bool
decode_path(char *path, size_t *len)
{
    const struct str raw = {path, *len};
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int byte = (unsigned char)raw.ptr[i];
        if (byte == '%') {
            byte = escaped_byte(raw, i);
            i += 2;
        }
        if (byte < ' ' || byte == 0x7f)
            return false;
        path[n++] = (char)byte;
    }
    *len = n;
    return true;
}

static bool
is_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static void
set_target(struct http_request *request, const char *target)
{
    const struct str raw = str_from(target);
    const size_t mark = str_find(raw, '?');
    request->raw_target = target;
    request->raw_target_len = raw.len;
    request->target = str_dup(raw);
    if (mark < raw.len)
        request->query =
            (struct str){request->target + mark + 1, raw.len - mark - 1};
    size_t len = mark;
    request->bad_target = request->target[0] != '/' || !is_visible(raw) ||
                          !decode_path(request->target, &len);
    request->path = (struct str){request->target, len};
}

static struct http_conn *
conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

void *
http_request_on_target(void *cls, const char *target,
                       struct MHD_Connection *mhd)
{
    struct http_request *request = xmalloc(sizeof(*request));
    (void)cls;
    *request = (struct http_request){.conn = conn_of(mhd), .mhd = mhd};
    set_target(request, target);
    http_head_prepare(request);
    request->conn->request = request;
    return request;
}

static void
request_free(struct http_request *request)
{
    free(request->target);
    free(request);
}

void
http_request_end(struct http_request *request)
{
    http_limits_request_ended(request->conn);
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    request->response = NULL;
    request->conn->request = NULL;
    request->conn = NULL;
    request->mhd = NULL;
    /* The handler still has it, and will find nobody to answer. */
    if (request->state != REQUEST_WAITING)
        request_free(request);
}

void
http_request_on_ended(void *cls, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode code)
{
    struct http_request *request = *context;
    (void)cls;
    (void)mhd;
    (void)code;
    *context = NULL;
    if (request == NULL)
        return;
    /* The daemon itself has refused it, or the client has gone. */
    if (request->state == REQUEST_HEAD)
        request->conn->last = true;
    http_request_end(request);
}

static void
release_body(void *cls)
{
    blob_unref(cls);
}

static struct MHD_Response *
response_new(struct blob *body)
{
    const struct str bytes = body == NULL ? STR("") : blob_str(body);
    struct MHD_Response *response;
    if (bytes.len == 0) {
        blob_unref(body);
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "",
                                               MHD_RESPMEM_PERSISTENT);
    }
    response = MHD_create_response_from_buffer_with_free_callback_cls(
        bytes.len, (void *)(uintptr_t)bytes.ptr, release_body, body);
    if (response == NULL)
        blob_unref(body);
    return response;
}

/* Hands the answer to the daemon. A connection that misbehaves or has had its
 * share is not kept, and none is once the server is about to stop. */
static enum MHD_Result
send_answer(struct http_request *request)
{
    const struct http *http = request->conn->http;
    struct MHD_Response *response = request->response;
    if (response == NULL)
        return MHD_NO;
    request->response = NULL;
    if (http->quiesced || request->state == REQUEST_REFUSED ||
        request->conn->nrequests + 1 >= http->config.max_requests) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        request->conn->last = true;
    }
    const enum MHD_Result result =
        MHD_queue_response(request->mhd, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static void
set_answer(struct http_request *request, unsigned status,
           const char *content_type, const struct http_header_line *headers,
           struct blob *body)
{
    struct MHD_Response *response = response_new(body);
    request->status = status;
    request->response = response;
    if (response == NULL)
        return;
    if (content_type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                content_type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (; headers != NULL && headers->name != NULL; headers++)
        MHD_add_response_header(response, headers->name, headers->value);
}

/* An answer before the body, if there is one, makes the daemon close the
 * connection without reading it. */
static enum MHD_Result
refuse(struct http_request *request, unsigned status)
{
    static const struct http_header_line allow[] = {
        {MHD_HTTP_HEADER_ALLOW, "GET, HEAD"}, {NULL, NULL}};
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%u %s\n", status, MHD_get_reason_phrase_for(status));
    request->state = REQUEST_REFUSED;
    set_answer(request, status, "text/plain; charset=utf-8",
               status == MHD_HTTP_METHOD_NOT_ALLOWED ? allow : NULL,
               blob_new(&text));
    http_refused(request->conn->http, status);
    return send_answer(request);
}

static enum MHD_Result
ask_handler(struct http *http, struct http_request *request)
{
    if (http->closing)
        return MHD_NO;
    request->state = REQUEST_ASKED;
    http->handler(http->ctx, request);
    if (request->state == REQUEST_ANSWERED)
        return send_answer(request);
    request->state = REQUEST_WAITING;
    MHD_suspend_connection(request->mhd);
    return MHD_YES;
}

enum MHD_Result
http_request_on_step(void *cls, struct MHD_Connection *mhd, const char *url,
                     const char *method, const char *version,
                     const char *upload, size_t *upload_len, void **context)
{
    struct http *http = cls;
    struct http_request *request = *context;
    (void)mhd;
    (void)url;
    (void)upload;
    (void)upload_len;
    if (request == NULL)
        return MHD_NO;
    switch (request->state) {
    case REQUEST_HEAD: {
        http_limits_request_whole(request->conn);
        const unsigned status = http_head_check(request, method, version);
        if (status != 0)
            return refuse(request, status);
        request->state = REQUEST_WHOLE;
        return MHD_YES;
    }
    case REQUEST_WHOLE:
        return ask_handler(http, request);
    case REQUEST_ANSWERED:
        return send_answer(request);
    case REQUEST_ASKED:
    case REQUEST_WAITING:
    case REQUEST_REFUSED:
        break;
    }
    return MHD_NO;
}

void
http_reply(struct http_request *request, unsigned status,
           const char *content_type, const struct http_header_line *headers,
           struct blob *body)
{
    if (request->conn == NULL) {
        blob_unref(body);
        request_free(request);
        return;
    }
    const bool late = request->state == REQUEST_WAITING;
    set_answer(request, status, content_type, headers, body);
    request->state = REQUEST_ANSWERED;
    if (late) {
        MHD_resume_connection(request->mhd);
        http_run_again(request->conn->listener);
    }
}

struct str
http_path(const struct http_request *request)
{
    return request->path;
}

struct str
http_header(const struct http_request *request, const char *name)
{
    const char *value = NULL;
    if (request->mhd != NULL)
        value =
            MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
    return str_from(value);
}

/* '+' is a blank here; what is no escape stays as it is. */
static struct str
decode_parameter(struct buf *out, struct str raw)
{
    const size_t from = out->len;
    for (size_t i = 0; i < raw.len; i++) {
        const int byte = escaped_byte(raw, i);
        if (byte >= 0) {
            buf_add_byte(out, (char)byte);
            i += 2;
        } else {
            buf_add_byte(out, raw.ptr[i] == '+' ? ' ' : raw.ptr[i]);
        }
    }
    return str_slice(buf_str(out), from, out->len);
}

void
http_each_parameter(const struct http_request *request,
                    void (*fn)(void *ctx, struct str key, struct str value),
                    void *ctx)
{
    struct str rest = request->query;
    struct str pair;
    struct buf text;
    buf_init(&text, 0);
    while (str_split(&rest, '&', &pair)) {
        if (pair.len == 0)
            continue;
        const size_t at = str_find(pair, '=');
        buf_clear(&text);
        /* Room for both, so that the key does not move. */
        if (!buf_reserve(&text, pair.len))
            break;
        const struct str key = decode_parameter(&text, str_slice(pair, 0, at));
        const struct str value =
            decode_parameter(&text, str_slice(pair, at + 1, pair.len));
        fn(ctx, key, value);
    }
    buf_close(&text);
}
