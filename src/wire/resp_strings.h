#pragma once

/* What a server sends most: an array of strings, as each message to a
 * subscriber is. Part of wire/resp. */

#include "wire/resp.h"

/* Takes the array apart that `bytes` begins with, and returns its length in
 * bytes; items (limits->max_items) get slices of `bytes`. It is 0 for anything
 * else, cut, broken, empty or above the limits: that is for the framer to
 * judge. */
size_t resp_strings(struct str bytes, const struct resp_limits *limits,
                    struct resp_item *items, size_t *nitems);
