#include "io/refusals.h"

void
refusals_note(struct refusals *refusals, enum refusal what, bool refused)
{
    const struct broker_handler *handler = refusals->handler;
    const unsigned before = refusals->present;
    const unsigned bit = 1U << what;
    refusals->present = refused ? before | bit : before & ~bit;
    if ((before != 0) != (refusals->present != 0) && handler->refused != NULL)
        handler->refused(handler->ctx, refusals->present != 0);
}
