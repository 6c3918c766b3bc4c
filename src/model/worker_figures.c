#include "model/worker_figures.h"

#include <math.h>

#include "model/values.h"

/* Places of the nodename among the labels of its groups. */
enum { WORKER_NODE_LABEL = 1, INFO_NODE_LABEL = 5 };

static struct series *
worker_series(const struct worker_figures *figures, struct registry *registry,
              double wall_s)
{
    const uint32_t ids[SERIES_MAX_LABELS] = {figures->hostname, figures->node};
    return group_series(registry_group(registry, GROUP_WORKER), ids, wall_s);
}

static void
show_software(struct worker_figures *figures, struct registry *registry,
              struct hash_key key, const struct event *ev, double wall_s)
{
    if (ev->sw_ver.ptr == NULL && ev->sw_ident.ptr == NULL)
        return;
    const uint64_t software = hash_bytes(key, ev->sw_ident).low ^
                              3 * hash_bytes(key, ev->sw_ver).low ^
                              7 * hash_bytes(key, ev->sw_sys).low;
    if (software == figures->software)
        return;
    figures->software = software;
    struct group *group = registry_group(registry, GROUP_WORKER_INFO);
    if (figures->node != VALUES_OTHER) /* an older version's */
        group_drop(group, INFO_NODE_LABEL, figures->node);
    const uint32_t ids[SERIES_MAX_LABELS] = {
        figures->hostname,
        registry_value(registry, LABEL_SOFTWARE, STR("")),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_ident),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_sys),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_ver),
        figures->node,
    };
    group_set(group, group_series(group, ids, wall_s), WORKER_INFO_COL, 1);
}

/* `processed` counts from the start of the process; the family sums what the
 * processes of one nodename add. */
static void
count_processed(struct worker_figures *figures, struct registry *registry,
                const struct event *ev, struct series *series)
{
    struct group *group = registry_group(registry, GROUP_WORKER);
    if (ev->processed < 0)
        return;
    const bool known =
        figures->processed >= 0 && ev->processed >= figures->processed;
    const int64_t grown =
        known ? ev->processed - figures->processed : ev->processed;
    group_count(group, series, WORKER_PROCESSED_COL, (uint64_t)grown);
    /* The heartbeat overtakes task events that wait in the worker's buffer,
     * so the verdict comes one heartbeat late. */
    if (figures->grew_silently && !figures->task_event)
        group_set(group, series, WORKER_EVENTS_COL, 0);
    figures->grew_silently = known && grown > 0 && !figures->task_event;
    figures->task_event = false;
    figures->processed = ev->processed;
}

static void
show_load(struct registry *registry, const struct event *ev,
          struct series *series)
{
    static const size_t columns[] = {WORKER_LOAD1_COL, WORKER_LOAD5_COL,
                                     WORKER_LOAD15_COL};
    struct group *group = registry_group(registry, GROUP_WORKER);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (!isnan(ev->loadavg[i]))
            group_set(group, series, columns[i], ev->loadavg[i]);
}

void
worker_figures_heartbeat(struct worker_figures *figures,
                         struct registry *registry, struct hash_key key,
                         const struct event *ev, double wall_s)
{
    struct series *series = worker_series(figures, registry, wall_s);
    group_set(registry_group(registry, GROUP_WORKER), series,
              WORKER_HEARTBEAT_COL, wall_s);
    count_processed(figures, registry, ev, series);
    show_load(registry, ev, series);
    show_software(figures, registry, key, ev, wall_s);
}

void
worker_figures_task_event(struct worker_figures *figures,
                          struct registry *registry, double wall_s)
{
    if (figures->task_event)
        return;
    figures->task_event = true;
    group_set(registry_group(registry, GROUP_WORKER),
              worker_series(figures, registry, wall_s), WORKER_EVENTS_COL, 1);
}

void
worker_figures_drop(const struct worker_figures *figures,
                    struct registry *registry)
{
    group_drop(registry_group(registry, GROUP_WORKER), WORKER_NODE_LABEL,
               figures->node);
    group_drop(registry_group(registry, GROUP_WORKER_INFO), INFO_NODE_LABEL,
               figures->node);
    values_drop(registry_values(registry, LABEL_WORKER), figures->node);
}
