#include "model/glob.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* What stands between two asterisks takes as many bytes as it has elements;
 * an element is the set of bytes that it takes. */
struct element {
    bool is_asterisk;
    bool takes[256];
};

struct glob {
    struct element *elements;
    size_t n;
};

/* How many bytes of the pattern the bracket expression at its start has; 0
 * when it is not closed, and so no expression. */
static size_t
bracket_len(const char *pattern)
{
    const char *c = pattern + 1;
    if (*c == '!' || *c == '^')
        c++;
    if (*c == ']')
        c++;
    while (*c != '\0' && *c != ']') {
        /* [:alpha:], [.x.] and [=x=] may hold a bracket. */
        const char kind = *c == '[' ? c[1] : '\0';
        const char close[] = {kind, ']', '\0'};
        const bool inner = kind == ':' || kind == '.' || kind == '=';
        const char *end = inner ? strstr(c + 2, close) : NULL;
        if (end != NULL)
            c = end + 2;
        else
            c += *c == '\\' && c[1] != '\0' ? 2 : 1;
    }
    return *c == ']' ? (size_t)(c + 1 - pattern) : 0;
}

static size_t
element_len(const char *pattern)
{
    size_t len = 0;
    if (*pattern == '[')
        len = bracket_len(pattern);
    else if (*pattern == '\\' && pattern[1] != '\0')
        len = 2;
    return len > 0 ? len : 1;
}

static void
add_element(struct glob *glob, const char *pattern, size_t len)
{
    const bool is_asterisk = *pattern == '*';
    if (is_asterisk && glob->n > 0 && glob->elements[glob->n - 1].is_asterisk)
        return;
    struct element *element = &glob->elements[glob->n++];
    *element = (struct element){.is_asterisk = is_asterisk};
    char *alone = str_dup((struct str){pattern, len});
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {(char)byte, '\0'};
        element->takes[byte] = fnmatch(alone, text, 0) == 0;
    }
    element->takes[0] = *pattern == '?';
    free(alone);
}

struct glob *
glob_new(const char *pattern)
{
    struct glob *glob = xcalloc(1, sizeof(*glob));
    glob->elements = xcalloc(strlen(pattern) + 1, sizeof(*glob->elements));
    while (*pattern != '\0') {
        const size_t len = element_len(pattern);
        add_element(glob, pattern, len);
        pattern += len;
    }
    return glob;
}

void
glob_free(struct glob *glob)
{
    if (glob == NULL)
        return;
    free(glob->elements);
    free(glob);
}

bool
glob_matches(const struct glob *glob, struct str text)
{
    size_t at = 0;   /* in the text */
    size_t next = 0; /* element */
    /* Behind the last asterisk, and where the text went on then: what matches
     * before it never has to be looked at again. */
    size_t retry = SIZE_MAX;
    size_t retry_at = 0;
    while (at < text.len) {
        const struct element *element =
            next < glob->n ? &glob->elements[next] : NULL;
        if (element != NULL && element->is_asterisk) {
            retry = ++next;
            retry_at = at;
        } else if (element != NULL &&
                   element->takes[(unsigned char)text.ptr[at]]) {
            next++;
            at++;
        } else if (retry != SIZE_MAX) {
            next = retry;
            at = ++retry_at;
        } else {
            return false;
        }
    }
    while (next < glob->n && glob->elements[next].is_asterisk)
        next++;
    return next == glob->n;
}
