#include "io/clock.h"

#include <time.h>

double
clock_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct now
clock_now(const uv_loop_t *loop)
{
    return (struct now){
        .mono_ms = (int64_t)uv_now(loop),
        .wall_s = clock_wall(),
    };
}
