#include "base/str.h"

#include <string.h>

#include "base/xalloc.h"

struct str
str_from(const char *cstr)
{
    return (struct str){.ptr = cstr, .len = cstr == NULL ? 0 : strlen(cstr)};
}

bool
str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char
lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool
str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_slice(s, 0, prefix.len), prefix);
}

int
str_cmp(struct str a, struct str b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

size_t
str_find(struct str s, char byte)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

struct str
str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from >= to)
        return (struct str){.ptr = s.ptr, .len = 0};
    return (struct str){.ptr = s.ptr + from, .len = to - from};
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = str_slice(s, 1, s.len);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool
str_split(struct str *rest, char byte, struct str *part)
{
    if (rest->ptr == NULL)
        return false;
    const size_t at = str_find(*rest, byte);
    *part = str_slice(*rest, 0, at);
    if (at == rest->len)
        *rest = (struct str){0};
    else
        *rest = (struct str){rest->ptr + at + 1, rest->len - at - 1};
    return true;
}

char *
str_dup(struct str s)
{
    char *copy = xmalloc(s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}
