#pragma once

/* One gzip member (RFC 1952) from one share of bytes; members written one
 * after the other are one gzip stream. */

#include "base/buf.h"

struct gzip;

/* NULL when out of memory. */
struct gzip *gzip_new(void);
void gzip_free(struct gzip *gzip);
/* Appends a member; false when out cannot grow. */
bool gzip_add(struct gzip *gzip, struct buf *out, struct str bytes) MUST_CHECK;
