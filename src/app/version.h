#pragma once

/* Which build this is: for --version, the first log lines and
 * celery_exporter_build_info. */

#include "base/buf.h"

struct version {
    const char *version;
    const char *branch;   /* "unknown" when not built from a checkout */
    const char *revision; /* the same */
    const char *date;     /* 20261122-10:00:00, UTC, of SOURCE_DATE_EPOCH or
                             the revision: the same source gives the same */
    const char *compiler;
    const char *platform; /* linux/amd64 */
};

extern const struct version version;

/* Made by scripts/build-version at each build. */
extern const char build_branch[];
extern const char build_revision[];
extern const char build_date[];

/* The libraries that run, as "libuv 1.44.2, jansson 2.14, ...". */
void version_libraries(struct buf *out);
/* What --version says. */
void version_print(struct buf *out);
