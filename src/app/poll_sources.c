#include "app/poll_sources.h"

static const struct str names[POLL_SOURCE_COUNT] = {
    [POLL_STATS] = STR_INIT("stats"),
    [POLL_ACTIVE_QUEUES] = STR_INIT("active_queues"),
    [POLL_ACTIVE] = STR_INIT("active"),
    [POLL_RESERVED] = STR_INIT("reserved"),
    [POLL_SCHEDULED] = STR_INIT("scheduled"),
    [POLL_REGISTERED] = STR_INIT("registered"),
    [POLL_QUEUES] = STR_INIT("queues"),
    [POLL_UNACKED] = STR_INIT("unacked"),
    [POLL_BINDINGS] = STR_INIT("bindings"),
};

static struct group *
group_of(const struct poll_sources *sources)
{
    return registry_group(sources->registry, GROUP_POLL);
}

static struct series *
series_of(struct poll_sources *sources, enum poll_source source)
{
    struct series **series = &sources->series[source];
    if (*series == NULL)
        *series = registry_fixed(sources->registry, GROUP_POLL, &names[source]);
    return *series;
}

void
poll_sources_init(struct poll_sources *sources, struct registry *registry)
{
    *sources = (struct poll_sources){.registry = registry};
    for (int i = 0; i < POLL_UNACKED; i++)
        group_touch(group_of(sources), series_of(sources, (enum poll_source)i),
                    POLL_SUCCESS_COL);
}

void
poll_sources_show(struct poll_sources *sources, enum poll_source source,
                  bool ok, int64_t began_ms, struct now now)
{
    struct group *group = group_of(sources);
    struct series *series = series_of(sources, source);
    group_set(group, series, POLL_SUCCESS_COL, ok);
    group_set(group, series, POLL_DURATION_COL,
              (double)(now.mono_ms - began_ms) / 1000);
    if (ok)
        group_set(group, series, POLL_TIMESTAMP_COL, now.wall_s);
}

void
poll_sources_fail(struct poll_sources *sources, enum poll_source source)
{
    if (sources->series[source] != NULL)
        group_set(group_of(sources), sources->series[source], POLL_SUCCESS_COL,
                  0);
}
