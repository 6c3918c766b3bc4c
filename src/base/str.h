#pragma once

/* Borrowed bytes with a length: not NUL-terminated, never owned. */

#include <stdbool.h>
#include <stddef.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A literal as a constant expression, also in static tables. */
#define STR_INIT(literal)                            \
    {                                                \
        .ptr = (literal), .len = sizeof(literal) - 1 \
    }
#define STR(literal) ((struct str)STR_INIT(literal))
/* For printf's "%.*s". */
#define STR_FMT(s) (int)(s).len, (s).ptr

/* NULL gives the empty slice. */
struct str str_from(const char *cstr);
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
/* Byte order, a prefix first: negative, zero or positive. */
int str_cmp(struct str a, struct str b);
/* Offset of the first `byte`, or s.len when there is none. */
size_t str_find(struct str s, char byte);
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_trim(struct str s); /* blanks, tabs, CR and LF at both ends */
/* Takes the part of *rest before the first `byte` and steps over it; false
 * once *rest is used up (its ptr is NULL then). "a,,b" gives "a", "", "b". */
bool str_split(struct str *rest, char byte, struct str *part);
/* A NUL-terminated copy on the heap, to be freed. */
char *str_dup(struct str s);
