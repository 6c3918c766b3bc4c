#pragma once

/* Rendered pages: made in shares, one a turn of the loop, so that a page of
 * a million samples does not stop it; compressed share by share, one gzip
 * member each; shared by all scrapes that come while a page is fresh. */

#include <uv.h>

#include "base/blob.h"
#include "model/expose.h"
#include "model/metrics.h"

struct pages_config {
    bool created_series;
    /* Called before a page is begun, to bring the figures up to date. */
    void (*refresh)(void *ctx);
    void *ctx;
};

struct pages;

/* A page is ready: one reference, to be dropped; NULL when memory ran out, or
 * when too many large pages are still on their way to slow readers. */
typedef void (*pages_fn)(void *ctx, struct blob *page);

struct pages *pages_new(uv_loop_t *loop, const struct metrics *metrics,
                        const struct pages_config *config);
/* Asks for a page; fn is called at once or in a later turn, exactly once.
 * names as in expose_config, copied. */
void pages_get(struct pages *pages, enum format format, bool gzip,
               const struct str *names, size_t nnames, pages_fn fn, void *ctx);
/* Forgets pages that are no longer fresh; once a second. */
void pages_trim(struct pages *pages);
/* Calls back what still waits with NULL; `done` after the last handle is
 * closed, and pages is gone then. */
void pages_free(struct pages *pages, void (*done)(void *ctx), void *ctx);
