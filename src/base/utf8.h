#pragma once

/* UTF-8 as Unicode chapter 3 defines it: no surrogates, no overlong forms. */

#include "base/buf.h"

bool utf8_valid(struct str s);
/* Length of the longest valid prefix. */
size_t utf8_valid_prefix(struct str s);
/* Appends s with every broken sequence replaced by U+FFFD, one for each
 * maximal subpart. */
void utf8_repair(struct buf *out, struct str s);
/* The longest prefix of at most max bytes that does not cut a character; s
 * must be valid. */
struct str utf8_cut(struct str s, size_t max);
