#include "io/amqp_watch.h"

void
amqp_watch_tick(struct amqp_watch *watch, bool pending)
{
    watch->age_ticks++;
    watch->silent_ticks = watch->heard ? 0 : watch->silent_ticks + 1;
    const bool stuck = pending && watch->nframes == watch->nframes_at_tick;
    watch->stuck_ticks = stuck ? watch->stuck_ticks + 1 : 0;
    watch->heard = false;
    watch->nframes_at_tick = watch->nframes;
}

bool
amqp_watch_is_late(const struct amqp_watch *watch)
{
    return watch->age_ticks >= AMQP_LOGIN_TICKS;
}

/* A tick less than two intervals, so that what is promised in seconds is
 * kept. */
bool
amqp_watch_is_silent(const struct amqp_watch *watch, int64_t heartbeat_s)
{
    const int64_t ticks = 2 * heartbeat_s * 1000 / AMQP_TICK_MS;
    return ticks > 0 && watch->silent_ticks >= ticks - 1;
}

bool
amqp_watch_is_stuck(const struct amqp_watch *watch)
{
    return watch->stuck_ticks >= AMQP_FRAME_TICKS;
}

bool
amqp_watch_is_time(const struct amqp_watch *watch, int64_t heartbeat_s)
{
    const int64_t ticks = heartbeat_s * 1000 / 2 / AMQP_TICK_MS;
    return ticks > 0 && watch->age_ticks % ticks == 0;
}
