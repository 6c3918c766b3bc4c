#pragma once

/* When to try again: at once, then after 0.1 s doubling to 10 s, each time a
 * random part of that (full jitter), so that many clients of a broker that
 * comes back do not arrive together. */

#include <stdbool.h>
#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MOST_MS = 10 * 1000,
    /* Sentinels are asked often: whoever they name is worth a try at once. */
    BACKOFF_SENTINEL_MS = 2000,
    /* Faster attempts with refused credentials could lock the account. */
    BACKOFF_REFUSED_MS = 60 * 1000,
    /* A connection that held for so long starts the series anew. */
    BACKOFF_RESET_MS = 10 * 1000,
};

struct backoff {
    int64_t fixed_ms; /* > 0: this instead, except for the first attempt */
    int64_t most_ms;  /* > 0: instead of BACKOFF_MOST_MS */
    unsigned nattempts;
};

/* Milliseconds to wait before the next attempt. random may be anything. */
int64_t backoff_next(struct backoff *backoff, uint64_t random);
/* The same after the credentials were refused. */
int64_t backoff_refused(struct backoff *backoff, uint64_t random);
/* A connection has ended that was good for so long. */
void backoff_held(struct backoff *backoff, int64_t up_ms);
