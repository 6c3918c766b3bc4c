#include "io/backoff.h"

static int64_t
ceiling(const struct backoff *backoff, unsigned nattempts)
{
    const int64_t most =
        backoff->most_ms > 0 ? backoff->most_ms : BACKOFF_MOST_MS;
    int64_t ms = BACKOFF_FIRST_MS;
    while (nattempts-- > 1 && ms < most)
        ms *= 2;
    return ms < most ? ms : most;
}

int64_t
backoff_next(struct backoff *backoff, uint64_t random)
{
    const unsigned n = backoff->nattempts;
    if (backoff->nattempts < UINT32_MAX)
        backoff->nattempts++;
    if (n == 0)
        return 0;
    if (backoff->fixed_ms > 0)
        return backoff->fixed_ms;
    return (int64_t)(random % ((uint64_t)ceiling(backoff, n) + 1));
}

int64_t
backoff_refused(struct backoff *backoff, uint64_t random)
{
    const int64_t ms = backoff_next(backoff, random);
    return backoff->fixed_ms > 0 ? ms : BACKOFF_REFUSED_MS;
}

void
backoff_held(struct backoff *backoff, int64_t up_ms)
{
    /* A fixed interval holds for reconnects too. */
    if (up_ms >= BACKOFF_RESET_MS)
        backoff->nattempts = backoff->fixed_ms > 0;
}
