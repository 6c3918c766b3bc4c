#include "model/twins.h"

/* Two falls within it are no restarts. */
enum { UNREST_MS = 10 * 60 * 1000 };

/* A sum never wraps, whatever strangers say. */
#define MAX_COUNTED (INT64_C(1) << 62)

void
twins_init(struct twins *t)
{
    *t = (struct twins){.fell_ms = -1, .online_ms = -1};
}

static bool
is_uneasy(const struct twins *t, int64_t now_ms)
{
    return t->fell_ms >= 0 && now_ms - t->fell_ms < UNREST_MS;
}

void
twins_fall(struct twins *t, int64_t before, int64_t now_ms)
{
    if (is_uneasy(t, now_ms))
        t->found = true;
    t->fell_ms = now_ms;
    t->before = before;
    t->online_ms = -1;
}

void
twins_rise(struct twins *t, int64_t processed, int64_t now_ms)
{
    if (is_uneasy(t, now_ms) && processed >= t->before)
        t->found = true;
}

void
twins_watch(struct twins *t, int64_t processed, bool online, int64_t now_ms)
{
    if (online)
        t->online_ms = now_ms;
    else if (processed < t->last)
        t->online_ms = -1;
    else if (t->online_ms >= 0 && now_ms - t->online_ms >= UNREST_MS)
        t->found = false;
    if (!t->found)
        t->fell_ms = -1;
    t->last = processed;
}

int64_t
twins_count(struct twins *t, int64_t growth)
{
    if (growth > MAX_COUNTED - t->counted)
        growth = MAX_COUNTED - t->counted;
    t->counted += growth;
    return growth;
}

int64_t
twins_count_found(struct twins *t, int64_t processed)
{
    return processed > t->counted ? twins_count(t, processed - t->counted) : 0;
}
