#pragma once

/* One --hostname-rewrite, "REGEX=REPLACEMENT": a POSIX extended regular
 * expression, and what takes the place of the part of a host that it matches.
 * The last equals sign without a backslash divides the two. In the
 * replacement \1 to \9 are what the groups matched, \= and \\ the signs
 * themselves. */

#include "base/buf.h"

struct host_rewrite;

/* NULL, with the reason appended to err, when it cannot work. */
struct host_rewrite *host_rewrite_new(const char *text, struct buf *err);
void host_rewrite_free(struct host_rewrite *rewrite);
/* Appends the host as it becomes; false, and nothing, when the expression
 * does not match, and for hosts that no machine has: more than 255 bytes,
 * or a NUL among them. */
bool host_rewrite_apply(const struct host_rewrite *rewrite, struct str host,
                        struct buf *out);
