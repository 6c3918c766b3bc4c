#include "io/redis_deadlines.h"

const struct redis_deadlines redis_deadlines_default = {
    .connect_ms = 3000,
    .login_ms = 5000,
    .tick_ms = 500,
    .ping_ticks = 6,
    .dead_ticks = 19,
    .frame_ticks = 60,
    .poll_ms = 50,
    .page_ms = 20,
    .probe_ms = 3000,
    .cleanup_ms = 800,
};

const struct redis_deadlines redis_deadlines_sentinel = {
    .connect_ms = 2000,
    .login_ms = 2000,
    .tick_ms = 500,
    .ping_ticks = 6,
    .dead_ticks = 19,
    .frame_ticks = 60,
    .poll_ms = 50,
    .page_ms = 20,
    .probe_ms = 3000,
    .cleanup_ms = 800,
};
