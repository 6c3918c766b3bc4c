#include "model/worker_figures.h"

#include <math.h>

#include "model/values.h"

enum {
    INFO_NODE_LABEL = 5, /* place of the nodename among the labels */
    /* Who publishes decides how often the software changes, and a change
     * passes over the whole group. */
    SOFTWARE_CHANGE_MS = 60 * 1000,
};

#define MAX_SUM (UINT64_C(1) << 62)

static void
drop_info(const struct node *node, struct group *group)
{
    if (node->value == VALUES_OTHER)
        return;
    struct idset older = {0};
    idset_add(&older, node->value);
    group_drop(group, INFO_NODE_LABEL, &older);
    idset_close(&older);
}

static void
show_info(const struct node *node, struct registry *registry, double wall_s)
{
    struct group *group = registry_group(registry, GROUP_WORKER_INFO);
    const uint32_t ids[SERIES_MAX_LABELS] = {
        node->hostname,     node->pool,         node->software.ident,
        node->software.sys, node->software.ver, node->value,
    };
    group_set(group, group_series(group, ids, wall_s), WORKER_INFO_COL, 1);
}

static uint64_t
hash_software(struct hash_key key, const struct event *ev)
{
    return hash_mix(key,
                    hash_mix(key, hash_bytes(key, ev->sw_ident).low,
                             hash_bytes(key, ev->sw_ver).low),
                    hash_bytes(key, ev->sw_sys).low);
}

static void
show_software(struct node *node, struct registry *registry, struct hash_key key,
              const struct event *ev, struct now now)
{
    if (ev->sw_ver.ptr == NULL && ev->sw_ident.ptr == NULL)
        return;
    struct node_software *shown = &node->software;
    const uint64_t hash = hash_software(key, ev);
    if (hash == shown->hash ||
        (shown->hash != 0 &&
         now.mono_ms - shown->changed_ms < SOFTWARE_CHANGE_MS))
        return;
    if (shown->hash != 0)
        drop_info(node, registry_group(registry, GROUP_WORKER_INFO));
    *shown = (struct node_software){
        .hash = hash,
        .changed_ms = now.mono_ms,
        .ident = registry_value(registry, LABEL_SOFTWARE, ev->sw_ident),
        .sys = registry_value(registry, LABEL_SOFTWARE, ev->sw_sys),
        .ver = registry_value(registry, LABEL_SOFTWARE, ev->sw_ver),
    };
    show_info(node, registry, now.wall_s);
}

void
worker_figures_pool(struct node *node, struct registry *registry,
                    struct str pool, double wall_s)
{
    if (pool.len == 0)
        return;
    const uint32_t value = registry_value(registry, LABEL_SOFTWARE, pool);
    if (value == node->pool)
        return;
    node->pool = value;
    if (node->software.hash == 0)
        return;
    drop_info(node, registry_group(registry, GROUP_WORKER_INFO));
    show_info(node, registry, wall_s);
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

static void
show_events(struct worker_figures *figures, const struct node *node,
            struct registry *registry, bool on, double wall_s)
{
    figures->shown_on = on;
    figures->shown_off = !on;
    group_set(registry_group(registry, GROUP_WORKER),
              node_series(node, registry, wall_s), WORKER_EVENTS_COL, on);
}

/* Who publishes may send as many absurd figures as he likes: the sum stays
 * where it is rather than wrap. */
static void
count_capped(struct group *group, struct series *series, size_t column,
             int64_t n)
{
    series = group_touch(group, series, column);
    if (series == NULL)
        return;
    const uint64_t sum = series->cells[column].count;
    const uint64_t room = sum < MAX_SUM ? MAX_SUM - sum : 0;
    group_count(group, series, column, (uint64_t)n < room ? (uint64_t)n : room);
}

/* `processed` counts from the start of the process; the family sums what the
 * processes of one nodename add. */
static void
count_processed(struct worker_figures *figures, const struct node *node,
                struct registry *registry, const struct losses_config *config,
                const struct event *ev, struct now now)
{
    if (ev->processed < 0)
        return;
    struct group *group = registry_group(registry, GROUP_WORKER);
    struct series *series = node_series(node, registry, now.wall_s);
    /* Two processes of a nodename may differ: one that sends some is enough. */
    if (figures->losses.intervals.open.events)
        show_events(figures, node, registry, true, now.wall_s);
    const int64_t growth =
        losses_report(&figures->losses, config, ev, now.mono_ms);
    count_capped(group, series, WORKER_PROCESSED_COL, growth);
    group_touch(group, series, WORKER_MISSED_COL);
}

void
worker_figures_judge(struct worker_figures *figures, const struct node *node,
                     struct registry *registry, bool gone, struct now now)
{
    losses_judge(&figures->losses, gone, now.mono_ms);
    const int64_t missed = losses_take(&figures->losses);
    if (missed > 0)
        count_capped(registry_group(registry, GROUP_WORKER),
                     node_series(node, registry, now.wall_s), WORKER_MISSED_COL,
                     missed);
    if (!figures->shown_off && losses_is_mute(&figures->losses))
        show_events(figures, node, registry, false, now.wall_s);
}

void
worker_figures_report(struct worker_figures *figures, struct node *node,
                      struct registry *registry,
                      const struct losses_config *config,
                      const struct event *ev, struct now now)
{
    const bool gone = ev->type == EVENT_WORKER_OFFLINE;
    count_processed(figures, node, registry, config, ev, now);
    worker_figures_judge(figures, node, registry, gone, now);
    if (gone)
        return;
    struct series *series = node_series(node, registry, now.wall_s);
    group_set(registry_group(registry, GROUP_WORKER), series,
              WORKER_HEARTBEAT_COL, now.wall_s);
    show_load(registry, ev, series);
    show_software(node, registry, config->names.key, ev, now);
}

void
worker_figures_task_event(struct worker_figures *figures,
                          const struct node *node, struct registry *registry,
                          const struct event *ev, double wall_s)
{
    losses_task_event(&figures->losses, ev);
    if (!figures->shown_on)
        show_events(figures, node, registry, true, wall_s);
}
