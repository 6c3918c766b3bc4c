#pragma once

/* Standard base64 with padding, RFC 4648 section 4, strict. */

#include "base/buf.h"

/* Appends the decoded bytes; false (and nothing kept) for any byte outside
 * the alphabet, missing padding, or when out cannot grow. */
bool base64_decode(struct buf *out, struct str text) MUST_CHECK;
/* The same for a text whose end is not known yet: the run of characters that
 * `text` begins with, up to the first byte that is neither of the alphabet nor
 * '='. What follows is not decoded and does not matter. *used gets the length
 * of the run, which may be 0; when it is false, 0. Room is asked for as if all
 * of `text` were the run. */
bool base64_decode_run(struct buf *out, struct str text,
                       size_t *used) MUST_CHECK;
void base64_encode(struct buf *out, struct str bytes);
