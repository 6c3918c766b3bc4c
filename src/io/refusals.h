#pragma once

/* What of remote control the broker has refused: commands that it does not
 * take, or replies that cannot come back. Without it nobody could tell workers
 * that were not asked from workers that are not there. */

#include "io/broker.h"

enum refusal {
    REFUSAL_COMMANDS,
    REFUSAL_DATABASE, /* of the reply queue */
    REFUSAL_BINDING,
    REFUSAL_REPLIES,
};

struct refusals {
    const struct broker_handler *handler; /* borrowed for its life */
    unsigned present;                     /* one bit each */
};

/* Notes the outcome of a try, and tells handler->refused when that changes
 * whether anything is refused. */
void refusals_note(struct refusals *refusals, enum refusal what, bool refused);
