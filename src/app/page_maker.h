#pragma once

/* One page in the making: written and compressed in shares, so that a page of
 * a million samples does not stop the loop. Each share is a gzip member of its
 * own, and is forgotten as plain text once it is compressed. */

#include "base/blob.h"
#include "model/expose.h"
#include "wire/gzip.h"

struct page_maker {
    struct expose expose;
    bool compress;
    struct gzip *gzip; /* borrowed; NULL fails a page that is compressed */
    struct str *names;
    bool written;      /* the last family is in `plain` */
    struct buf plain;  /* of a compressed page what is not in `out` yet */
    size_t compressed; /* bytes of plain that are in `out` already */
    struct buf out;
    bool failed;
};

/* config's names are copied. */
void page_maker_init(struct page_maker *maker, const struct registry *registry,
                     const struct expose_config *config, bool compress,
                     struct gzip *gzip);
void page_maker_close(struct page_maker *maker);
/* About 4 MiB of work, or a family of more; true when the page is whole, or
 * memory ran out. */
bool page_maker_step(struct page_maker *maker);
/* One more step, and that a short one, makes it whole. */
bool page_maker_is_nearly_whole(const struct page_maker *maker);
/* What was made, in one piece; NULL when memory ran out. */
struct blob *page_maker_take(struct page_maker *maker);
