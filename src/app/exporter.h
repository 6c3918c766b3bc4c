#pragma once

/* The whole daemon: one loop, one broker, one HTTP server, one state. */

#include "app/options.h"
#include "wire/url.h"

/* Runs until it is told to stop. Returns the exit status: 0 after SIGTERM or
 * SIGINT, 1 when it cannot start, or when the broker is lost and
 * --retry-interval is 0. */
int exporter_run(const struct options *options);
/* Checks all that can be checked without a broker; 0 or 1. */
int exporter_check(const struct options *options);
