#include "model/host_rewrite.h"

#include <regex.h>
#include <stdlib.h>

#include "base/xalloc.h"

enum { MAX_HOST_LEN = 255, NGROUPS = 10 /* \0 is the whole match */ };

struct host_rewrite {
    regex_t regex;
    char *replacement;
};

/* Where the last equals sign without a backslash is, or the length. */
static size_t
find_divider(struct str text)
{
    size_t at = text.len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '=')
            at = i;
    }
    return at;
}

static bool
check_replacement(struct str text, size_t ngroups, struct buf *err)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\\')
            continue;
        const char c = ++i < text.len ? text.ptr[i] : '\0';
        if (c == '\\' || c == '=')
            continue;
        if (c < '1' || c > '9') {
            buf_add_str(err, STR("a backslash in the replacement stands before "
                                 "neither a digit from 1 to 9, nor =, nor "
                                 "another one"));
            return false;
        }
        if ((size_t)(c - '0') > ngroups) {
            buf_printf(err,
                       "the replacement has \\%c and the expression %zu %s", c,
                       ngroups, ngroups == 1 ? "group" : "groups");
            return false;
        }
    }
    return true;
}

static bool
compile(struct host_rewrite *rewrite, struct str expression, struct buf *err)
{
    char *text = str_dup(expression);
    const int code = regcomp(&rewrite->regex, text, REG_EXTENDED);
    free(text);
    if (code == 0)
        return true;
    char why[128];
    regerror(code, NULL, why, sizeof(why));
    buf_printf(err, "not a regular expression: %s", why);
    return false;
}

struct host_rewrite *
host_rewrite_new(const char *text, struct buf *err)
{
    const struct str all = str_from(text);
    const size_t divider = find_divider(all);
    if (divider == all.len || divider == 0) {
        buf_add_str(err, STR("it is not REGEX=REPLACEMENT"));
        return NULL;
    }
    struct host_rewrite *rewrite = xcalloc(1, sizeof(*rewrite));
    const struct str replacement = str_slice(all, divider + 1, all.len);
    if (!compile(rewrite, str_slice(all, 0, divider), err)) {
        free(rewrite);
        return NULL;
    }
    rewrite->replacement = str_dup(replacement);
    if (check_replacement(replacement, rewrite->regex.re_nsub, err))
        return rewrite;
    host_rewrite_free(rewrite);
    return NULL;
}

void
host_rewrite_free(struct host_rewrite *rewrite)
{
    if (rewrite == NULL)
        return;
    regfree(&rewrite->regex);
    free(rewrite->replacement);
    free(rewrite);
}

static void
add_group(struct buf *out, const char *host, regmatch_t group)
{
    /* A group that took no part in the match is empty. */
    if (group.rm_so >= 0)
        buf_add(out, host + group.rm_so, (size_t)(group.rm_eo - group.rm_so));
}

static void
add_replacement(struct buf *out, const char *replacement, const char *host,
                const regmatch_t *groups)
{
    for (const char *c = replacement; *c != '\0'; c++) {
        if (*c != '\\')
            buf_add_byte(out, *c);
        else if (*++c >= '1' && *c <= '9')
            add_group(out, host, groups[*c - '0']);
        else
            buf_add_byte(out, *c);
    }
}

bool
host_rewrite_apply(const struct host_rewrite *rewrite, struct str host,
                   struct buf *out)
{
    if (host.len > MAX_HOST_LEN || str_find(host, '\0') < host.len)
        return false;
    regmatch_t groups[NGROUPS];
    char *text = str_dup(host);
    const bool matches =
        regexec(&rewrite->regex, text, NGROUPS, groups, 0) == 0;
    if (matches) {
        buf_add(out, text, (size_t)groups[0].rm_so);
        add_replacement(out, rewrite->replacement, text, groups);
        buf_add(out, text + groups[0].rm_eo,
                host.len - (size_t)groups[0].rm_eo);
    }
    free(text);
    return matches;
}
