#pragma once

/* Standard base64 with padding, RFC 4648 section 4, strict. */

#include "base/buf.h"

/* Appends the decoded bytes; false (and nothing kept) for any byte outside
 * the alphabet, missing padding, or when out cannot grow. */
bool base64_decode(struct buf *out, struct str text) MUST_CHECK;
void base64_encode(struct buf *out, struct str bytes);
