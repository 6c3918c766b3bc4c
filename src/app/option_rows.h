#pragma once

/* The rows of the option table, a file a part; each ends in a row without a
 * name. They are shown in the order in which they stand. */

#include "app/option_table.h"

#define FIELD(name) .field = offsetof(struct options, name)

extern const struct option_row option_rows_broker[];
extern const struct option_row option_rows_web[];
extern const struct option_row option_rows_metrics[];
extern const struct option_row option_rows_others[]; /* times and all after */
