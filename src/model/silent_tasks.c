#include "model/silent_tasks.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* More than any worker has run; sums of it are cut to it, and never wrap. */
#define MAX_TOTAL (INT64_C(1) << 53)

void
silent_tasks_close(struct silent_tasks *silent)
{
    free(silent->base);
    *silent = (struct silent_tasks){0};
}

void
silent_tasks_begin(struct silent_tasks *silent)
{
    silent_tasks_close(silent);
    silent->has_base = true;
}

void
silent_tasks_forget(struct silent_tasks *silent)
{
    const bool any = silent->any;
    silent_tasks_close(silent);
    silent->any = any;
}

static int64_t
add(int64_t sum, int64_t n)
{
    if (n <= 0)
        return sum;
    return n >= MAX_TOTAL - sum ? MAX_TOTAL : sum + n;
}

int64_t
silent_tasks_total(const struct pidbox_stats *stats)
{
    int64_t sum = 0;
    for (size_t i = 0; i < stats->ntotals; i++)
        sum = add(sum, stats->totals[i].n);
    return sum;
}

static bool
is_silent(const struct silent_names *names, const struct pidbox_total *total)
{
    return total->n > 0 && !names->has_events(names->ctx, total->name);
}

static uint64_t
hash_of(const struct silent_names *names, const struct pidbox_total *total)
{
    return hash_bytes(names->key, total->name).low;
}

static void
add_base(struct silent_tasks *silent, uint64_t name, int64_t n)
{
    if (silent->nbase == SILENT_TASKS_MAX) {
        silent->partial = true;
        return;
    }
    silent->base =
        xrealloc(silent->base, silent->nbase + 1, sizeof(struct silent_base));
    silent->base[silent->nbase++] = (struct silent_base){name, n};
}

static void
make_base(struct silent_tasks *silent, const struct silent_names *names,
          const struct pidbox_stats *stats, int64_t unaccounted)
{
    int64_t sum = 0;
    for (size_t i = 0; i < stats->ntotals; i++) {
        const struct pidbox_total *total = &stats->totals[i];
        if (!is_silent(names, total))
            continue;
        add_base(silent, hash_of(names, total), total->n);
        sum = add(sum, total->n);
    }
    silent->has_base = true;
    silent->any = sum > 0;
    if (unaccounted > 0)
        silent->done = add(silent->done, unaccounted < sum ? unaccounted : sum);
}

/* What the name had at the base; -1 when that was not kept. */
static int64_t
base_of(const struct silent_tasks *silent, uint64_t name)
{
    for (size_t i = 0; i < silent->nbase; i++)
        if (silent->base[i].name == name)
            return silent->base[i].n;
    return silent->partial ? -1 : 0;
}

static void
sum_growth(struct silent_tasks *silent, const struct silent_names *names,
           const struct pidbox_stats *stats)
{
    silent->growth = 0;
    silent->any = false;
    for (size_t i = 0; i < stats->ntotals; i++) {
        const struct pidbox_total *total = &stats->totals[i];
        if (!is_silent(names, total))
            continue;
        const int64_t base = base_of(silent, hash_of(names, total));
        silent->any = true;
        if (base >= 0)
            silent->growth = add(silent->growth, total->n - base);
    }
}

void
silent_tasks_update(struct silent_tasks *silent,
                    const struct silent_names *names,
                    const struct pidbox_stats *stats, int64_t unaccounted)
{
    if (silent->has_base)
        sum_growth(silent, names, stats);
    else
        make_base(silent, names, stats, unaccounted);
}

int64_t
silent_tasks_n(const struct silent_tasks *silent)
{
    return add(silent->done, silent->growth);
}
