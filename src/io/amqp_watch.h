#pragma once

/* Whether a server that is connected is still with us: its silence, and what
 * it has begun to send and does not finish. Counted in ticks, because a process
 * that was stopped for a minute must not take its own silence for the
 * server's. */

#include <stdbool.h>
#include <stdint.h>

enum {
    AMQP_TICK_MS = 500,
    /* From the connection to the end of the login. */
    AMQP_LOGIN_TICKS = 10,
    /* For the rest of a frame or message that has begun. */
    AMQP_FRAME_TICKS = 60,
};

struct amqp_watch {
    unsigned age_ticks;
    bool heard;       /* set this for bytes, */
    uint64_t nframes; /* and count here the frames but heartbeats */
    unsigned silent_ticks;
    uint64_t nframes_at_tick;
    unsigned stuck_ticks;
};

/* pending: something has begun and not ended. */
void amqp_watch_tick(struct amqp_watch *watch, bool pending);
bool amqp_watch_is_late(const struct amqp_watch *watch); /* with the login */
/* Nothing came in two intervals. No interval, no silence. */
bool amqp_watch_is_silent(const struct amqp_watch *watch, int64_t heartbeat_s);
bool amqp_watch_is_stuck(const struct amqp_watch *watch);
/* Half an interval has passed: time to send a heartbeat. */
bool amqp_watch_is_time(const struct amqp_watch *watch, int64_t heartbeat_s);
