#include "base/log_record.h"

#include <string.h>
#include <time.h>

#include "base/utf8.h"

static const char *const level_names[] = {
    [LOG_DEBUG] = "DEBUG",
    [LOG_INFO] = "INFO",
    [LOG_WARN] = "WARN",
    [LOG_ERROR] = "ERROR",
};

/* What a terminal acts on instead of showing, besides the C0 controls:
 * C1 controls, invisible characters, and those that turn the direction of
 * text around, so that a line reads as something it is not. */
static const struct {
    uint32_t first, last;
} unprintable[] = {
    {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
};

static bool
printable(uint32_t c)
{
    if (c < 0x20)
        return false;
    for (size_t i = 0; i < COUNT_OF(unprintable); i++)
        if (c >= unprintable[i].first && c <= unprintable[i].last)
            return false;
    return true;
}

/* Length of the printable character at the start of s, 0 when there is
 * none: broken UTF-8 is not printable. */
static size_t
printable_len(struct str s)
{
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char lead = (unsigned char)s.ptr[0];
    const size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const struct str one = str_slice(s, 0, len);
    if (one.len < len || !utf8_valid(one))
        return 0;
    uint32_t c = lead & lead_bits[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    return printable(c) ? len : 0;
}

static void
add_hex(struct buf *out, bool json, char byte)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char b = (unsigned char)byte;
    const char hex[] = {'\\', '\\', 'x', digits[b >> 4], digits[b & 15]};
    if (json)
        buf_add(out, hex, sizeof(hex));
    else
        buf_add(out, hex + 1, sizeof(hex) - 1);
}

/* One character, cleaned and escaped for both quotations; gives the number
 * of bytes read. */
static size_t
add_char(struct buf *out, bool json, struct str s)
{
    static const char named[][3] = {
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
        ['"'] = "\\\"", ['\\'] = "\\\\",
    };
    const unsigned char byte = (unsigned char)s.ptr[0];
    if (byte < COUNT_OF(named) && named[byte][0] != '\0') {
        buf_add(out, named[byte], 2);
        return 1;
    }
    const size_t len = printable_len(s);
    if (len > 0)
        buf_add(out, s.ptr, len);
    else
        add_hex(out, json, s.ptr[0]);
    return len > 0 ? len : 1;
}

static void
add_quoted(struct buf *out, bool json, struct str value)
{
    const size_t start = out->len;
    buf_add_byte(out, '"');
    while (value.len > 0 && !out->failed) {
        if (out->len - start > LOG_VALUE_MAX) {
            buf_add_str(out, STR("..."));
            break;
        }
        value = str_slice(value, add_char(out, json, value), value.len);
    }
    buf_add_byte(out, '"');
}

/* As Go's text handler decides it. */
static bool
bare(struct str value)
{
    if (value.len == 0 || value.len > LOG_VALUE_MAX)
        return false;
    for (size_t i = 0, len; i < value.len; i += len) {
        const struct str rest = str_slice(value, i, value.len);
        if (strchr(" =\"", rest.ptr[0]) != NULL)
            return false;
        len = printable_len(rest);
        if (len == 0)
            return false;
    }
    return true;
}

static void
add_value(struct buf *out, enum log_format format, struct str value)
{
    if (format == LOG_LOGFMT && bare(value))
        buf_add_str(out, value);
    else
        add_quoted(out, format == LOG_JSON, value);
}

static void
add_key(struct buf *out, enum log_format format, const char *prefix,
        const char *key)
{
    if (format == LOG_JSON)
        buf_printf(out, "%s\"%s%s\":", out->len > 1 ? "," : "", prefix, key);
    else
        buf_printf(out, "%s%s%s=", out->len > 0 ? " " : "", prefix, key);
}

/* RFC 3339 with milliseconds, and Z for a zone that is UTC. */
static void
add_time(struct buf *out, int64_t epoch_ms)
{
    const time_t seconds = (time_t)(epoch_ms / 1000);
    struct tm tm = {0};
    localtime_r(&seconds, &tm);
    const long minutes = tm.tm_gmtoff / 60;
    const long distance = minutes < 0 ? -minutes : minutes;
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03d", tm.tm_year + 1900,
               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
               (int)(epoch_ms % 1000));
    if (minutes == 0)
        buf_add_byte(out, 'Z');
    else
        buf_printf(out, "%c%02ld:%02ld", minutes < 0 ? '-' : '+', distance / 60,
                   distance % 60);
}

void
log_record_begin(struct buf *out, enum log_format format, enum log_level level,
                 int64_t epoch_ms, const char *file, int line, struct str msg)
{
    const char *quote = format == LOG_JSON ? "\"" : "";
    if (format == LOG_JSON)
        buf_add_byte(out, '{');
    add_key(out, format, "", "time");
    buf_add_str(out, str_from(quote));
    add_time(out, epoch_ms);
    buf_add_str(out, str_from(quote));
    add_key(out, format, "", "level");
    buf_printf(out, "%s%s%s", quote, level_names[level], quote);
    add_key(out, format, "", "source");
    buf_printf(out, "%s%s:%d%s", quote, file, line, quote);
    add_key(out, format, "", "msg");
    add_value(out, format, msg);
}

static bool
is_taken(const char *key)
{
    static const char *const taken[] = {"time", "level", "source", "msg"};
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (strcmp(key, taken[i]) == 0)
            return true;
    return false;
}

void
log_record_pair(struct buf *out, enum log_format format, const char *key,
                struct str value)
{
    static const struct str tail = STR_INIT("}\n");
    const size_t len = out->len;
    add_key(out, format, is_taken(key) ? "logged_" : "", key);
    add_value(out, format, value);
    if (out->failed || out->len + tail.len > LOG_LINE_MAX) {
        out->len = len;
        out->failed = false;
    }
}

void
log_record_end(struct buf *out, enum log_format format)
{
    buf_add_str(out, format == LOG_JSON ? STR("}\n") : STR("\n"));
}
