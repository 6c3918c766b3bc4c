#pragma once

/* What the options mean for the parts that they configure. The texts stay
 * those of the options. */

#include "app/options.h"
#include "io/broker.h"
#include "model/metrics.h"

struct metrics_config configs_metrics(const struct options *o, double start_s);
/* Without the URLs, see app/broker_url.h. */
struct broker_config configs_broker(const struct options *o);
