#pragma once

/* Writes the page: Prometheus text 0.0.4 or OpenMetrics text 1.0, family by
 * family, so that a large page can be made in shares between which the loop
 * turns. A family is always written whole: its samples are of one moment.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 */

#include "base/buf.h"
#include "model/negotiate.h"
#include "model/registry.h"

struct expose_config {
    enum format format;
    bool created_series;
    /* name[] of the request: only families of these names; all when nnames is
     * 0. Borrowed while the page is written. */
    const struct str *names;
    size_t nnames;
};

struct expose {
    const struct registry *registry;
    struct expose_config config;
    size_t next; /* family */
};

void expose_init(struct expose *expose, const struct registry *registry,
                 const struct expose_config *config);
/* Writes families until out has grown by at least `share` bytes or the page
 * is complete; true when it is. */
bool expose_step(struct expose *expose, struct buf *out, size_t share);
