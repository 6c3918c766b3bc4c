#pragma once

/* The table of metric families, and the fixed sets of label values, as text
 * for people. */

#include "base/buf.h"

/* The part of docs/metrics.md between its two markers. */
void metric_docs_markdown(struct buf *out);
/* The part of README.md between its two markers: names only, by labels. */
void metric_docs_readme(struct buf *out);
