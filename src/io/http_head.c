#include <string.h>

#include "io/http_private.h"

/* A read-only server has nothing that a hidden request could reach, but a
 * proxy in front of it may serve others too: whatever two readers could take
 * for different requests is refused. */

struct head {
    const char *line; /* where the next header must begin, NULL = unknown */
    bool bad;
    size_t nhosts;
    size_t nlengths;
};

/* libmicrohttpd 0.9 takes lines that end in LF alone, folded lines, and hides
 * what is behind a NUL byte, with nothing to forbid it; when it is strict, it
 * writes the head of its refusal twice. But it parses in place, and two bytes,
 * a CR and a LF, are all that may lie between one line and the next. 1.0
 * refuses all these itself. */
bool
http_head_is_ours(void)
{
    return strncmp(MHD_get_version(), "0.", 2) == 0;
}

/* Two headers that 0.9 stumbles over before we see them: a length that is no
 * number and cookies that do not fit into its memory are answered with two
 * heads. It looks at the first of each name, and finds these. */
static const struct {
    const char *name;
    const char *value;
} decoys[] = {
    {MHD_HTTP_HEADER_CONTENT_LENGTH, "0"},
    {MHD_HTTP_HEADER_COOKIE, "none"},
};
enum { DECOYS = sizeof(decoys) / sizeof(decoys[0]) };

/* The daemon would keep a note of each parameter: 8 KiB of "a&a&a" need more
 * memory than a connection has, and it does not survive that. It parses in
 * place, so it is shown an empty query. */
static void
hide_query(struct http_request *request)
{
    if (request->query.len > 0)
        strchr((char *)(uintptr_t)request->raw_target, '?')[1] = '\0';
}

void
http_head_prepare(struct http_request *request)
{
    hide_query(request);
    for (size_t i = 0; http_head_is_ours() && i < DECOYS; i++)
        MHD_set_connection_value(request->mhd, MHD_HEADER_KIND, decoys[i].name,
                                 decoys[i].value);
}

static bool
is_decoy(const char *value)
{
    for (size_t i = 0; i < DECOYS; i++)
        if (value == decoys[i].value)
            return true;
    return false;
}

static bool
is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
            return false;
    }
    return s.len > 0;
}

static bool
is_field_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
          const char *value, size_t value_len)
{
    struct head *head = cls;
    const struct str name = {key, key_len};
    const struct str text = {value, value_len};
    (void)kind;
    if (is_decoy(value))
        return MHD_YES;
    if (head->line != NULL) {
        if (key != head->line || value == NULL)
            head->bad = true;
        else
            head->line = value + value_len + strlen("\r\n");
    }
    if (!is_token(name) || !is_field_text(text))
        head->bad = true;
    if (str_eq_nocase(name, STR("Host")))
        head->nhosts++;
    if (str_eq_nocase(name, STR("Transfer-Encoding")))
        head->bad = true;
    if (str_eq_nocase(name, STR("Content-Length"))) {
        head->nlengths++;
        if (!str_eq(str_trim(text), STR("0")))
            head->bad = true;
    }
    return head->bad ? MHD_NO : MHD_YES;
}

static size_t
head_len(const struct http_request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

/* One space before the target, one behind it. */
static bool
is_plain_first_line(const struct http_request *request, const char *method,
                    const char *version)
{
    return method + strlen(method) + 1 == request->raw_target &&
           request->raw_target + request->raw_target_len + 1 == version;
}

static bool
is_plain(const struct http_request *request, const char *method,
         const char *version)
{
    const bool in_place = http_head_is_ours();
    struct head head = {0};
    if (in_place) {
        if (!is_plain_first_line(request, method, version))
            return false;
        head.line = version + strlen(version) + strlen("\r\n");
    }
    MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, on_header,
                                &head);
    if (strcmp(version, MHD_HTTP_VERSION_1_0) != 0 && head.nhosts == 0)
        return false;
    if (head.bad || head.nhosts > 1 || head.nlengths > 1)
        return false;
    return !in_place ||
           head.line + strlen("\r\n") == method + head_len(request);
}

unsigned
http_head_check(const struct http_request *request, const char *method,
                const char *version)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (head_len(request) > request->conn->http->config.max_header_bytes)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    if (request->bad_target || !is_plain(request, method, version))
        return MHD_HTTP_BAD_REQUEST;
    return 0;
}
