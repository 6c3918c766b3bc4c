#include "model/expiries.h"

#include <stdlib.h>

#include "base/xalloc.h"

enum { FIRST_CAP = 64 };

void
expiries_init(struct expiries *expiries, size_t max, expiry_waits_fn waits,
              void *ctx)
{
    *expiries = (struct expiries){.max = max, .waits = waits, .ctx = ctx};
}

void
expiries_close(struct expiries *expiries)
{
    free(expiries->items);
    *expiries = (struct expiries){0};
}

static void
sift_up(struct expiries *expiries, size_t i)
{
    struct expiry *items = expiries->items;
    const struct expiry moving = items[i];
    while (i > 0 && items[(i - 1) / 2].at_s > moving.at_s) {
        items[i] = items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    items[i] = moving;
}

static void
sift_down(struct expiries *expiries, size_t i)
{
    struct expiry *items = expiries->items;
    const struct expiry moving = items[i];
    for (size_t child = 2 * i + 1; child < expiries->n; child = 2 * i + 1) {
        if (child + 1 < expiries->n &&
            items[child + 1].at_s < items[child].at_s)
            child++;
        if (items[child].at_s >= moving.at_s)
            break;
        items[i] = items[child];
        i = child;
    }
    items[i] = moving;
}

static void
drop_the_gone(struct expiries *expiries)
{
    size_t kept = 0;
    for (size_t i = 0; i < expiries->n; i++)
        if (expiries->waits(expiries->ctx, &expiries->items[i]))
            expiries->items[kept++] = expiries->items[i];
    expiries->n = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(expiries, i);
}

static void
grow(struct expiries *expiries)
{
    size_t cap =
        expiries->cap == 0 ? FIRST_CAP : expiries->cap + expiries->cap / 2;
    if (cap > expiries->max)
        cap = expiries->max;
    expiries->cap = cap;
    expiries->items = xrealloc(expiries->items, cap, sizeof(*expiries->items));
}

/* Looks at all of them only once in as many calls of expiries_add as a quarter
 * of them, and shares the cost so. */
static bool
make_room(struct expiries *expiries)
{
    if (expiries->nrefusals > 0) {
        expiries->nrefusals--;
        return false;
    }
    drop_the_gone(expiries);
    const size_t quarter = expiries->cap / 4;
    if (expiries->cap - expiries->n > quarter)
        return true;
    if (expiries->cap < expiries->max)
        grow(expiries);
    else
        expiries->nrefusals = quarter;
    return expiries->n < expiries->cap;
}

void
expiries_add(struct expiries *expiries, const struct expiry *expiry)
{
    if (expiries->n == expiries->cap && !make_room(expiries))
        return;
    expiries->items[expiries->n] = *expiry;
    sift_up(expiries, expiries->n++);
}

bool
expiries_take(struct expiries *expiries, double now_s, struct expiry *out)
{
    if (expiries->n == 0 || (double)expiries->items[0].at_s > now_s)
        return false;
    *out = expiries->items[0];
    expiries->items[0] = expiries->items[--expiries->n];
    if (expiries->n > 0)
        sift_down(expiries, 0);
    return true;
}
