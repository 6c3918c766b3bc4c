#pragma once

/* Cutting and percent-encoding of the pieces of a URL. Part of wire/url. */

#include "base/buf.h"

/* Replaces *out by a NUL-terminated copy with the escapes decoded, as Python's
 * unquote() does: what is no escape stays. False for an escaped NUL. */
bool url_decode(struct str text, char **out) MUST_CHECK;
/* Appends text with everything escaped but ASCII letters, digits and the
 * characters of `safe`. */
void url_quote(struct buf *out, const char *text, const char *safe);
/* Cuts *text before the first byte that is in `set`, and returns the rest,
 * that byte included. Text must be free of NUL. */
struct str url_cut(struct str *text, const char *set);
/* Offset of the last `byte`, or s.len. */
size_t url_find_last(struct str s, char byte);
/* Frees what may be a secret; NULL is fine. */
void url_wipe(char *text);
