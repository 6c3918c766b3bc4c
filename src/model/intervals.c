#include "model/intervals.h"

#include <string.h>

void
intervals_init(struct intervals *ivs, int64_t clock)
{
    *ivs = (struct intervals){.begin_clock = clock, .open_clock = clock};
}

struct interval *
intervals_at(struct intervals *ivs, int64_t clock)
{
    if (clock < 0 || clock >= ivs->open_clock)
        return &ivs->open;
    for (size_t i = ivs->nclosed; i-- > 0;)
        if (clock >= (i > 0 ? ivs->closed[i - 1].clock : ivs->begin_clock))
            return &ivs->closed[i];
    return NULL;
}

static void
merge(struct interval *into, const struct interval *later)
{
    into->growth += later->growth;
    into->starts += later->starts;
    into->clock = later->clock;
    into->closed_ms = later->closed_ms;
    into->events |= later->events;
    into->blind |= later->blind;
}

void
intervals_close(struct intervals *ivs, int64_t growth, int64_t clock,
                int64_t now_ms)
{
    ivs->open.growth = growth;
    ivs->open.clock = clock;
    ivs->open.closed_ms = now_ms;
    if (ivs->nclosed == INTERVALS_WAITING)
        merge(&ivs->closed[ivs->nclosed - 1], &ivs->open);
    else
        ivs->closed[ivs->nclosed++] = ivs->open;
    ivs->open = (struct interval){0};
    ivs->open_clock = clock;
}

void
intervals_drop(struct intervals *ivs)
{
    ivs->begin_clock = ivs->closed[0].clock;
    ivs->nclosed--;
    memmove(ivs->closed, ivs->closed + 1, ivs->nclosed * sizeof(*ivs->closed));
}

void
intervals_blind(struct intervals *ivs)
{
    ivs->open.blind = true;
    /* What was late of the others is lost as well. */
    for (size_t i = 0; i < ivs->nclosed; i++)
        ivs->closed[i].blind = true;
}

int64_t
interval_deficit(const struct interval *interval)
{
    return interval->growth - interval->starts;
}

int64_t
intervals_deficit(const struct intervals *ivs)
{
    int64_t sum = 0;
    for (size_t i = 0; i < ivs->nclosed; i++)
        sum += interval_deficit(&ivs->closed[i]);
    return sum;
}

bool
interval_is_silent(const struct interval *interval)
{
    return interval->growth > 0 && !interval->events && !interval->blind;
}

bool
intervals_have_events(const struct intervals *ivs)
{
    bool any = ivs->open.events;
    for (size_t i = 0; i < ivs->nclosed; i++)
        any = any || ivs->closed[i].events;
    return any;
}
