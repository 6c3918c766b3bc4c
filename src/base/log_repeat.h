#pragma once

/* Which lines were said lately, so that a broken peer cannot fill a disk. Of
 * fixed size: when all slots hold fresh lines, a new one is left out, and the
 * next line to get a slot tells. */

#include <stdint.h>

#include "base/hash.h"

enum { LOG_REPEAT_SLOTS = 128 };

struct log_repeat_slot {
    struct hash128 id;
    int64_t said_ms;
    uint64_t nleft_out; /* since it was said */
    bool used;
};

struct log_repeat {
    struct log_repeat_slot slots[LOG_REPEAT_SLOTS];
    uint64_t nleft_out; /* lines that found no slot */
};

/* True when the line may be said; *nleft_out is then how many were not since
 * the last time. Time never goes back in now_ms. */
bool log_repeat_pass(struct log_repeat *r, struct hash128 id, int64_t now_ms,
                     int64_t window_ms, uint64_t *nleft_out);
