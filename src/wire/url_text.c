#include "wire/url_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
url_decode(struct str text, char **out)
{
    char *to = xmalloc(text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%' && i + 2 < text.len) {
            const int high = hex_digit(text.ptr[i + 1]);
            const int low = hex_digit(text.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        }
        to[len++] = c;
    }
    to[len] = '\0';
    free(*out);
    *out = to;
    return memchr(to, '\0', len) == NULL;
}

void
url_quote(struct buf *out, const char *text, const char *safe)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
            (c >= 'A' && c <= 'Z') || strchr(safe, c) != NULL) {
            buf_add_byte(out, *text);
            continue;
        }
        buf_add_byte(out, '%');
        buf_add_byte(out, digits[c >> 4]);
        buf_add_byte(out, digits[c & 15]);
    }
}

struct str
url_cut(struct str *text, const char *set)
{
    size_t at = 0;
    while (at < text->len && strchr(set, text->ptr[at]) == NULL)
        at++;
    const struct str rest = str_slice(*text, at, text->len);
    *text = str_slice(*text, 0, at);
    return rest;
}

size_t
url_find_last(struct str s, char byte)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == byte)
            return i - 1;
    return s.len;
}

void
url_wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}
