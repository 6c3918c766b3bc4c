#pragma once

/* The only place where the time is read for the layers that take it as an
 * argument. */

#include <uv.h>

#include "base/now.h"

/* The loop's cached monotonic time, and the wall clock. */
struct now clock_now(const uv_loop_t *loop);
/* Unix time. */
double clock_wall(void);
