#include "wire/exception.h"

#include <string.h>

#include "base/utf8.h"

/* A dotted name at the start of a text. */
struct path {
    struct str last; /* its last component, ptr NULL when there is no path */
    size_t end;      /* offset of what follows it */
};

/* Any byte of a character beyond ASCII will do: Python identifiers may have
 * letters of all scripts. */
static bool
is_name_byte(char c, bool first)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80 || (!first && c >= '0' && c <= '9');
}

static struct path
read_path(struct str s)
{
    struct path path = {0};
    size_t start = 0;
    for (;;) {
        size_t at = start;
        while (at < s.len && is_name_byte(s.ptr[at], at == start))
            at++;
        if (at == start)
            return path;
        path = (struct path){.last = str_slice(s, start, at), .end = at};
        if (at == s.len || s.ptr[at] != '.')
            return path;
        start = at + 1;
    }
}

/* Class('...') or a.b.Class('...'); billiard 4 shows its own wrapper instead
 * of a lost worker's exception. */
static struct str
from_call(struct str exception)
{
    const struct path path = read_path(exception);
    if (path.last.ptr == NULL || path.end == exception.len ||
        exception.ptr[path.end] != '(' ||
        str_eq(path.last, STR("ExceptionWithTraceback")))
        return (struct str){0};
    return path.last;
}

/* <Class ...>, as of objects without a repr() of their own. */
static struct str
from_brackets(struct str exception)
{
    if (!str_starts(exception, STR("<")))
        return (struct str){0};
    const struct str inner = str_slice(exception, 1, exception.len);
    const struct path path = read_path(inner);
    if (path.last.ptr == NULL || path.end == inner.len ||
        str_find(STR(" :(>"), inner.ptr[path.end]) == 4)
        return (struct str){0};
    return path.last;
}

/* celery.exceptions.Retry: Retry in 0.3s: ValueError('x') */
static struct str
from_retry(struct str line)
{
    const char *mark = memmem(line.ptr, line.len, "s: ", 3);
    if (mark == NULL)
        return (struct str){0};
    const size_t at = (size_t)(mark - line.ptr) + 3;
    return read_path(str_slice(line, at, line.len)).last;
}

/* a.b.Class: message, or the class alone. */
static struct str
from_line(struct str line)
{
    const struct path path = read_path(line);
    if (path.last.ptr == NULL ||
        (path.end < line.len && line.ptr[path.end] != ':') ||
        str_eq(str_slice(line, 0, path.end), STR("Traceback")))
        return (struct str){0};
    if (str_eq(path.last, STR("Retry"))) {
        const struct str cause = from_retry(line);
        if (cause.ptr != NULL)
            return cause;
    }
    return path.last;
}

/* The lines behind the last one of the frames, which are indented. */
static struct str
behind_frames(struct str traceback)
{
    struct str behind = traceback;
    struct str rest = traceback;
    struct str line;
    while (str_split(&rest, '\n', &line))
        if (str_starts(line, STR("  ")))
            behind = rest;
    return behind.ptr == NULL ? traceback : behind;
}

static struct str
first_line_of(struct str lines)
{
    struct str line;
    while (str_split(&lines, '\n', &line)) {
        const struct str found = from_line(line);
        if (found.ptr != NULL)
            return found;
    }
    return (struct str){0};
}

static struct str
last_line_of(struct str lines)
{
    for (;;) {
        const char *newline = memrchr(lines.ptr, '\n', lines.len);
        const size_t start =
            newline == NULL ? 0 : (size_t)(newline + 1 - lines.ptr);
        const struct str found = from_line(str_slice(lines, start, lines.len));
        if (found.ptr != NULL || newline == NULL)
            return found;
        lines.len = start - 1;
    }
}

/* A message of several lines follows the class, so the first line that fits
 * wins; when the message itself is indented, the last one of all. */
static struct str
from_traceback(struct str traceback)
{
    while (traceback.len > 0 && traceback.ptr[traceback.len - 1] == '\n')
        traceback.len--;
    if (traceback.len == 0)
        return (struct str){0};
    const struct str found = first_line_of(behind_frames(traceback));
    return found.ptr != NULL ? found : last_line_of(traceback);
}

struct str
exception_class(struct str exception, struct str traceback)
{
    struct str name = from_call(exception);
    if (name.ptr == NULL)
        name = from_brackets(exception);
    if (name.ptr == NULL)
        name = from_traceback(traceback);
    if (name.ptr == NULL)
        name = STR("UnknownException");
    return utf8_cut(name, EXCEPTION_MAX_BYTES);
}
