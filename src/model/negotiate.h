#pragma once

/* Which exposition a scraper gets, from its Accept and Accept-Encoding
 * headers, as prometheus/common's expfmt and promhttp decide it. */

#include <stdbool.h>

#include "base/str.h"

enum format {
    FORMAT_TEXT,        /* Prometheus text 0.0.4 */
    FORMAT_OPENMETRICS, /* OpenMetrics text 1.0.0 */
};

enum escaping {
    ESCAPING_UNDERSCORES, /* what is meant when nothing is said */
    ESCAPING_ALLOW_UTF8,
    ESCAPING_DOTS,
    ESCAPING_VALUES,
};

/* Clauses by descending q, the first that we can write; text when none. All
 * our names are plain ASCII, so the escaping is only repeated in the
 * Content-Type. Headers may be NULL slices. */
enum format negotiate_format(struct str accept, enum escaping *escaping);
bool negotiate_gzip(struct str accept_encoding);
/* The whole Content-Type value, a literal. */
const char *negotiate_content_type(enum format format, enum escaping escaping);
