#include "app/option_problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/option_table.h"

static void add_formatted(struct buf *out, const char *fmt, va_list args)
    PRINTF_LIKE(2, 0);
static void add_value_problem(struct option_problems *p,
                              const struct option_row *row, const char *fmt,
                              va_list args) PRINTF_LIKE(3, 0);

static void
add_formatted(struct buf *out, const char *fmt, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof(text), fmt, args);
    buf_add_str(out, str_from(text));
}

void
option_problem(struct option_problems *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_add_str(&p->lines, STR("Error: "));
    add_formatted(&p->lines, fmt, args);
    buf_add_byte(&p->lines, '\n');
    va_end(args);
    p->usage = true;
}

static void
add_value_problem(struct option_problems *p, const struct option_row *row,
                  const char *fmt, va_list args)
{
    buf_printf(&p->lines, "Error: Invalid value for '--%s'", row->name);
    if (row->alias != NULL)
        buf_printf(&p->lines, " / '--%s'", row->alias);
    buf_add_str(&p->lines, STR(" ("));
    option_variable(row, &p->lines);
    buf_add_str(&p->lines, STR("): "));
    add_formatted(&p->lines, fmt, args);
    buf_add_str(&p->lines, STR(".\n"));
}

void
option_misused(struct option_problems *p, const struct option_row *row,
               const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_value_problem(p, row, fmt, args);
    va_end(args);
    p->usage = true;
}

void
option_wrong(struct option_problems *p, const struct option_row *row,
             const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_value_problem(p, row, fmt, args);
    va_end(args);
    p->wrong = true;
}

static bool
looks_like_url(struct str s)
{
    return str_find(s, '@') < s.len ||
           (s.len > 0 && memmem(s.ptr, s.len, "://", 3) != NULL);
}

const char *
option_quote(char quoted[OPTION_QUOTE_MAX], const struct option_row *row,
             struct str value)
{
    if (row->secrecy != OPTION_OPEN || looks_like_url(value))
        return "the value";
    size_t at = 0;
    quoted[at++] = '\'';
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char byte = (unsigned char)value.ptr[i];
        if (at > OPTION_QUOTE_MAX - 10) {
            at += (size_t)snprintf(quoted + at, OPTION_QUOTE_MAX - at, "...");
            break;
        }
        if (byte >= 0x20 && byte < 0x7f)
            quoted[at++] = (char)byte;
        else
            at += (size_t)snprintf(quoted + at, OPTION_QUOTE_MAX - at,
                                   "\\x%02x", byte);
    }
    quoted[at++] = '\'';
    quoted[at] = '\0';
    return quoted;
}
