#pragma once

/* When a worker process seems to have done what was not seen, `stats` tells
 * what of that ran silently. So it is asked, and its answer awaited for a
 * while. */

#include "model/intervals.h"

struct suspicion {
    int64_t answer_clock; /* the worker's, at its last answer; -1 = none */
    int64_t answer_ms;    /* -1 = it never answered */
    int64_t since_ms;     /* -1 = not suspect */
    int64_t again_ms;     /* not before */
    bool is_solo;         /* it answers between tasks */
    bool is_open;         /* suspect, and the answer may come in time */
};

void suspicion_init(struct suspicion *suspicion);
void suspicion_answer(struct suspicion *suspicion, int64_t clock, bool is_solo,
                      int64_t now_ms);
/* Whether the last answer has all that ran in the interval. */
bool suspicion_is_answered(const struct suspicion *suspicion,
                           const struct interval *interval);
/* No answer came in time. */
bool suspicion_has_waited(const struct suspicion *suspicion, int64_t now_ms);
void suspicion_set(struct suspicion *suspicion, bool suspect, int64_t now_ms);
