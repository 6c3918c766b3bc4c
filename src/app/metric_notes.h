#pragma once

/* What docs/metrics.md says of each family beside its help text: the unit,
 * what it costs in series, and a query. */

#include "base/buf.h"
#include "model/families.h"

struct metric_note {
    const char *family; /* as in the table of families */
    const char *unit;
    const char *query; /* PromQL, with the prefix that is the default */
};

/* Empty when there is none: a test wants one for every family. */
const struct metric_note *metric_note(const struct family *family);
size_t metric_notes_n(void);
/* Appends "one for each host", "17 for each task". */
void metric_cost(const struct family *family, struct buf *out);
