#pragma once

/* Who is asked apart from the polls of all: workers that are new, until they
 * have answered; those that seem to have done what we did not see; and, with
 * --enable-events, those that send no events. */

#include "app/options.h"
#include "app/roster.h"
#include "model/metrics.h"

struct errands {
    const struct options *options;
    struct metrics *metrics;
    struct roster *roster;
    int64_t due_ms;      /* when somebody may be wanted again */
    unsigned ntries;     /* the most that a new worker has left */
    int64_t suspects_ms; /* when suspects and the mute were last looked for */
};

/* All are borrowed. */
void errands_init(struct errands *errands, const struct options *options,
                  struct metrics *metrics, struct roster *roster,
                  struct now now);
/* A worker came up. */
void errands_saw(struct errands *errands, struct str nodename, struct now now);
/* Marks in the roster, which has just begun a round, whom to ask what; false
 * when it is nobody. */
bool errands_want(struct errands *errands, struct now now);
/* How long the answers are awaited. */
uint64_t errands_patience_ms(const struct errands *errands);
/* A round of any kind is over: sees who has answered, and sets due_ms. sent is
 * false when the questions may not have gone out, which is no try then. */
void errands_settle(struct errands *errands, bool sent, struct now now);
