#pragma once

/* The page at /, with a link to each of the others. */

#include "base/buf.h"

void index_page(struct buf *out, const char *telemetry_path);
