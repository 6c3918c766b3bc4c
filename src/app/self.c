#include "app/self.h"

#include <math.h>

#include "app/version.h"
#include "io/process.h"

void
self_show_build(struct registry *registry)
{
    const struct str platform = str_from(version.platform);
    const size_t slash = str_find(platform, '/');
    const struct str values[] = {
        str_slice(platform, slash + 1, platform.len),
        str_from(version.branch),
        str_from(version.compiler),
        str_slice(platform, 0, slash),
        str_from(version.revision),
        str_from(version.version),
    };
    group_set(registry_group(registry, GROUP_BUILD),
              registry_fixed(registry, GROUP_BUILD, values), BUILD_COL, 1);
}

static void
set_unless_nan(struct group *group, struct series *series, size_t column,
               double value)
{
    if (!isnan(value))
        group_set(group, series, column, value);
}

void
self_show_process(struct registry *registry, double start_s)
{
    struct group *group = registry_group(registry, GROUP_EXPORTER);
    struct series *self = registry_fixed(registry, GROUP_EXPORTER, NULL);
    struct process_stats stats;
    process_read(&stats);
    set_unless_nan(group, self, SELF_CPU_COL, stats.cpu_seconds);
    set_unless_nan(group, self, SELF_OPEN_FDS_COL, stats.open_fds);
    set_unless_nan(group, self, SELF_MAX_FDS_COL, stats.max_fds);
    set_unless_nan(group, self, SELF_VIRTUAL_COL, stats.virtual_bytes);
    set_unless_nan(group, self, SELF_VIRTUAL_MAX_COL, stats.virtual_max_bytes);
    set_unless_nan(group, self, SELF_RESIDENT_COL, stats.resident_bytes);
    set_unless_nan(group, self, SELF_THREADS_COL, stats.threads);
    set_unless_nan(group, self, SELF_NET_RECEIVE_COL,
                   stats.network_receive_bytes);
    set_unless_nan(group, self, SELF_NET_TRANSMIT_COL,
                   stats.network_transmit_bytes);
    group_set(group, self, SELF_START_TIME_COL, start_s);
}
