#pragma once

/* What the parts of the scanner share. */

#include <string.h>

#include "wire/json.h"

/* At the end of the text nothing more can be read, whoever asks. */
static inline bool
json_fail(struct json *j)
{
    j->failed = true;
    j->at = j->end;
    return false;
}

static inline bool
json_skip_word(struct json *j, struct str word)
{
    if ((size_t)(j->end - j->at) < word.len ||
        memcmp(j->at, word.ptr, word.len) != 0)
        return json_fail(j);
    j->at += word.len;
    return true;
}

/* The number that begins here, NaN and Infinity among them. */
bool json_read_number(struct json *j, struct json_value *out);
