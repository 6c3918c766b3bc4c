#pragma once

/* The bulk of a base64 text, 16 or 32 characters at a time where the processor
 * can. Part of wire/base64. */

#include <stddef.h>

enum { BASE64_WIDEST = 32 };

/* Decodes whole groups of four characters of the alphabet ('=' is not of it),
 * as many as it sees fit: never one at the very end, and none when the
 * processor cannot. Takes `width` characters at a time, or fewer. Returns the
 * number of characters. `out` has room for (len + 3) / 4 * 3 bytes, and all of
 * it may be written. */
size_t base64_decode_vectors(unsigned char *out, const char *text, size_t len,
                             size_t width);
