#include "model/worker_figures.h"

#include <math.h>

#include "model/values.h"

enum {
    INFO_NODE_LABEL = 5, /* place of the nodename among the labels */
    /* Who publishes decides how often the software changes, and a change
     * passes over the whole group. */
    SOFTWARE_CHANGE_MS = 60 * 1000,
};

/* No worker has started more tasks than this, and sums of it never wrap. */
#define MAX_PROCESSED (INT64_C(1) << 53)

static struct series *
worker_series(const struct node *node, struct registry *registry, double wall_s)
{
    const uint32_t ids[SERIES_MAX_LABELS] = {node->hostname, node->value};
    return group_series(registry_group(registry, GROUP_WORKER), ids, wall_s);
}

static void
drop_software(const struct node *node, struct group *group)
{
    if (node->software == 0 || node->value == VALUES_OTHER)
        return;
    struct idset older = {0};
    idset_add(&older, node->value);
    group_drop(group, INFO_NODE_LABEL, &older);
    idset_close(&older);
}

static void
show_software(struct node *node, struct registry *registry, struct hash_key key,
              const struct event *ev, struct now now)
{
    if (ev->sw_ver.ptr == NULL && ev->sw_ident.ptr == NULL)
        return;
    const uint64_t software =
        hash_mix(key,
                 hash_mix(key, hash_bytes(key, ev->sw_ident).low,
                          hash_bytes(key, ev->sw_ver).low),
                 hash_bytes(key, ev->sw_sys).low);
    if (software == node->software ||
        (node->software != 0 &&
         now.mono_ms - node->software_ms < SOFTWARE_CHANGE_MS))
        return;
    struct group *group = registry_group(registry, GROUP_WORKER_INFO);
    drop_software(node, group);
    node->software = software;
    node->software_ms = now.mono_ms;
    const uint32_t ids[SERIES_MAX_LABELS] = {
        node->hostname,
        registry_value(registry, LABEL_SOFTWARE, STR("")),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_ident),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_sys),
        registry_value(registry, LABEL_SOFTWARE, ev->sw_ver),
        node->value,
    };
    group_set(group, group_series(group, ids, now.wall_s), WORKER_INFO_COL, 1);
}

/* `processed` counts from the start of the process; the family sums what the
 * processes of one nodename add. */
static void
count_processed(struct worker_figures *figures, struct registry *registry,
                const struct event *ev, struct series *series)
{
    struct group *group = registry_group(registry, GROUP_WORKER);
    if (ev->processed < 0 || ev->processed > MAX_PROCESSED)
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
worker_figures_heartbeat(struct worker_figures *figures, struct node *node,
                         struct registry *registry, struct hash_key key,
                         const struct event *ev, struct now now)
{
    struct series *series = worker_series(node, registry, now.wall_s);
    group_set(registry_group(registry, GROUP_WORKER), series,
              WORKER_HEARTBEAT_COL, now.wall_s);
    count_processed(figures, registry, ev, series);
    show_load(registry, ev, series);
    show_software(node, registry, key, ev, now);
}

void
worker_figures_task_event(struct worker_figures *figures,
                          const struct node *node, struct registry *registry,
                          double wall_s)
{
    if (figures->task_event)
        return;
    figures->task_event = true;
    group_set(registry_group(registry, GROUP_WORKER),
              worker_series(node, registry, wall_s), WORKER_EVENTS_COL, 1);
}
