#pragma once

/* Immutable bytes with several readers: a rendered page on its way to more
 * than one scraper. Counted references, one thread. */

#include "base/buf.h"

struct blob;

/* Takes the bytes out of b. */
struct blob *blob_new(struct buf *b);
struct blob *blob_copy(struct str bytes);
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob); /* NULL is fine */
struct str blob_str(const struct blob *blob);
/* How many hold a reference. */
size_t blob_nrefs(const struct blob *blob);
