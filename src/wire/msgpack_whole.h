#pragma once

/* A look at a msgpack text before the library reads it. */

#include "base/str.h"

/* True when the text is exactly one value, of at most max_values with all that
 * is in it. The library takes an announced length at its word and allocates
 * for it, 24 bytes a value, so it must only ever see texts in which every value
 * announced is there: a byte each at least. */
bool msgpack_is_whole(struct str text, size_t max_values);
