#pragma once

/* How long a Redis server may take for what. */

#include <stdint.h>

struct redis_deadlines {
    int64_t connect_ms; /* look-up of the name and all addresses */
    int64_t login_ms;   /* from then to redis_session_settle */
    int64_t tick_ms;
    /* Ticks of silence before a PING, and before the server counts as dead.
     * Ticks, because a process that was stopped for a minute must not take
     * its own silence for the server's. */
    unsigned ping_ticks;
    unsigned dead_ticks;
    unsigned frame_ticks; /* for the rest of a reply that has begun */
    int64_t poll_ms;      /* between two looks into the reply queue */
    int64_t page_ms;      /* between two pages of a scan */
    int64_t probe_ms;     /* of broker_probe as a whole */
    int64_t cleanup_ms;   /* to take back what we put on the broker */
};

extern const struct redis_deadlines redis_deadlines_default;
/* Behind Sentinels: a master that hangs may be replaced any moment, and they
 * should be asked again soon. */
extern const struct redis_deadlines redis_deadlines_sentinel;
