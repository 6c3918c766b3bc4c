#include "model/worker_stats.h"

#include <math.h>

/* Uptimes are told in whole seconds and on their way for a while: a start that
 * differs by no more is the same. */
static const double START_SLACK_S = 2;

/* More than any worker has, and sums over all workers never wrap. */
#define MAX_STAT (INT64_C(1) << 46)
/* Thirty years. */
#define MAX_UPTIME_S INT64_C(1000000000)

static const size_t columns[NODE_STAT_COUNT] = {
    [NODE_STAT_POOL_SIZE] = WORKER_POOL_SIZE_COL,
    [NODE_STAT_PREFETCH] = WORKER_PREFETCH_COL,
    [NODE_STAT_MAXRSS] = WORKER_MAXRSS_COL,
};

static void
take_back(struct worker_stats *stats, struct node *node)
{
    for (size_t i = 0; i < NODE_STAT_COUNT; i++) {
        if (!stats->told[i])
            continue;
        node->stats[i].ntold--;
        node->stats[i].nzero -= stats->values[i] == 0;
        node->stats[i].sum -= stats->values[i];
        stats->told[i] = false;
    }
}

static void
give(struct worker_stats *stats, struct node *node, enum node_stat which,
     int64_t value)
{
    if (value < 0)
        return;
    stats->told[which] = true;
    stats->values[which] = value < MAX_STAT ? value : MAX_STAT;
    node->stats[which].ntold++;
    node->stats[which].nzero += value == 0;
    node->stats[which].sum += stats->values[which];
}

static void
show(const struct node *node, struct registry *registry, double wall_s)
{
    struct group *group = registry_group(registry, GROUP_WORKER);
    struct series *series = node_series(node, registry, wall_s);
    for (size_t i = 0; i < NODE_STAT_COUNT; i++) {
        const struct node_sum *sum = &node->stats[i];
        /* One without a limit makes all of them have none. */
        const bool unlimited = i == NODE_STAT_PREFETCH && sum->nzero > 0;
        if (sum->ntold > 0)
            group_set(group, series, columns[i],
                      unlimited ? 0 : (double)sum->sum);
        else if (i != NODE_STAT_POOL_SIZE)
            group_clear(group, series, columns[i]);
    }
    if (node->start_s > 0)
        group_set(group, series, WORKER_START_COL, node->start_s);
}

static void
set_start(struct worker_stats *stats, struct node *node, int64_t uptime_s,
          double wall_s)
{
    if (uptime_s < 0 || uptime_s > MAX_UPTIME_S)
        return;
    const double start_s = floor(wall_s) - (double)uptime_s;
    if (fabs(start_s - stats->start_s) > START_SLACK_S) {
        /* The clock was set: what it said is no later start. */
        if (node->start_s == stats->start_s)
            node->start_s = 0;
        stats->start_s = start_s;
    }
    if (stats->start_s > node->start_s)
        node->start_s = stats->start_s;
}

void
worker_stats_set(struct worker_stats *stats, struct node *node,
                 struct registry *registry, const struct pidbox_stats *reply,
                 struct now now)
{
    take_back(stats, node);
    give(stats, node, NODE_STAT_POOL_SIZE, reply->processes);
    give(stats, node, NODE_STAT_PREFETCH, reply->prefetch);
    give(stats, node, NODE_STAT_MAXRSS, reply->maxrss);
    set_start(stats, node, reply->uptime_s, now.wall_s);
    show(node, registry, now.wall_s);
}

/* Zeros only where there was a figure. */
static void
show_none(const struct node *node, struct registry *registry, double wall_s)
{
    static const size_t sizes[] = {WORKER_POOL_SIZE_COL, WORKER_RESERVED_COL,
                                   WORKER_SCHEDULED_COL};
    struct group *group = registry_group(registry, GROUP_WORKER);
    struct series *series = node_series(node, registry, wall_s);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (series->present & UINT64_C(1) << sizes[i])
            group_set(group, series, sizes[i], 0);
    group_clear(group, series, WORKER_START_COL);
}

void
worker_stats_clear(struct worker_stats *stats, struct node *node,
                   struct registry *registry, double wall_s)
{
    take_back(stats, node);
    /* The others tell theirs with their next reply. */
    if (node->start_s == stats->start_s)
        node->start_s = 0;
    stats->start_s = 0;
    show(node, registry, wall_s);
    if (node->nup == 0)
        show_none(node, registry, wall_s);
}
