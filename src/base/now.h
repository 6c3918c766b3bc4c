#pragma once

/* The time of one turn of the loop, read once and passed down. */

#include <stdint.h>

struct now {
    int64_t mono_ms; /* never jumps: deadlines, liveness */
    double wall_s;   /* Unix time: what is shown to people */
};
