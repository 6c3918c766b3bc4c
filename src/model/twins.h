#pragma once

/* Signs that two live processes have one nodename and one pid, as two
 * containers do that were given the same `-n`: what they have processed, each
 * in its own heartbeats, falls and rises all the time. */

#include <stdbool.h>
#include <stdint.h>

struct twins {
    bool found;
    int64_t counted;   /* processed tasks, of all that it was taken for */
    int64_t fell_ms;   /* when a fall was last left unexplained; -1 = never */
    int64_t before;    /* the figure that it fell from */
    int64_t last;      /* of twins: the figure of the last report */
    int64_t online_ms; /* last worker-online since the last fall; -1 = none */
};

void twins_init(struct twins *twins);
/* A report that cannot be of the process of the last one, without a
 * worker-online or a blind time that would explain it. before: what that had
 * processed; INT64_MAX where the figure did not fall. */
void twins_fall(struct twins *twins, int64_t before, int64_t now_ms);
/* Any other report. */
void twins_rise(struct twins *twins, int64_t processed, int64_t now_ms);
/* A report of twins: they are none any more a while after a worker-online that
 * no fall followed. */
void twins_watch(struct twins *twins, int64_t processed, bool online,
                 int64_t now_ms);
/* So many tasks more. Gives what of them counts. */
int64_t twins_count(struct twins *twins, int64_t growth);
/* The same of twins: only what one has processed beyond all that counted. */
int64_t twins_count_found(struct twins *twins, int64_t processed);
