#pragma once

/* One sample line of a metrics page, in either text format. */

#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"

struct page_sample {
    struct str name;
    struct str labels; /* between the braces; empty when there are none */
    struct str le;
    double value;
};

static inline bool
page_is_name(struct str s, bool colon)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            c == '_' || (colon && c == ':');
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.len > 0;
}

/* The closing quote of a label value that begins at `at`; SIZE_MAX when it is
 * broken. */
static inline size_t
page_value_end(struct str s, size_t at)
{
    for (; at < s.len && s.ptr[at] != '"'; at++) {
        if (s.ptr[at] != '\\')
            continue;
        at++;
        if (at == s.len || strchr("\\\"n", s.ptr[at]) == NULL)
            return SIZE_MAX;
    }
    return at < s.len ? at : SIZE_MAX;
}

/* NULL, or what is wrong. Reads {name="value",...} at the start of *rest;
 * sorted, each name once. */
static inline const char *
page_labels(struct str *rest, struct page_sample *out)
{
    const struct str s = *rest;
    struct str last = {0};
    size_t at = 1;
    while (true) {
        const size_t eq = at + str_find(str_slice(s, at, s.len), '=');
        const struct str name = str_slice(s, at, eq);
        if (!page_is_name(name, false))
            return "label name";
        if (last.ptr != NULL && str_cmp(last, name) >= 0)
            return "labels are not sorted, or double";
        last = name;
        if (eq + 1 >= s.len || s.ptr[eq + 1] != '"')
            return "label value without quote";
        const size_t end = page_value_end(s, eq + 2);
        if (end == SIZE_MAX || end + 1 >= s.len)
            return "label value";
        if (str_eq(name, STR("le")))
            out->le = str_slice(s, eq + 2, end);
        at = end + 1;
        if (s.ptr[at] == '}')
            break;
        if (s.ptr[at++] != ',')
            return "no comma between labels";
    }
    out->labels = str_slice(s, 1, at);
    *rest = str_slice(s, at + 1, s.len);
    return NULL;
}

/* NULL, or what is wrong. */
static inline const char *
page_read_sample(struct str line, struct page_sample *out)
{
    *out = (struct page_sample){0};
    size_t at = 0;
    while (at < line.len && line.ptr[at] != '{' && line.ptr[at] != ' ')
        at++;
    out->name = str_slice(line, 0, at);
    if (!page_is_name(out->name, true))
        return "metric name";
    struct str rest = str_slice(line, at, line.len);
    if (rest.len > 0 && rest.ptr[0] == '{') {
        const char *error = page_labels(&rest, out);
        if (error != NULL)
            return error;
    }
    if (rest.len < 2 || rest.ptr[0] != ' ')
        return "no value";
    if (!number_parse_double(str_slice(rest, 1, rest.len), &out->value))
        return "value is no number";
    return NULL;
}
