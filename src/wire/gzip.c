#include "wire/gzip.h"

#include <libdeflate.h>
#include <stdlib.h>

#include "base/xalloc.h"

/* Level 1 halves the time of level 6, and a page of metrics is only a tenth
 * larger for it. */
enum { LEVEL = 1 };

struct gzip {
    struct libdeflate_compressor *compressor;
};

struct gzip *
gzip_new(void)
{
    struct gzip *gzip = xmalloc(sizeof(*gzip));
    gzip->compressor = libdeflate_alloc_compressor(LEVEL);
    if (gzip->compressor != NULL)
        return gzip;
    free(gzip);
    return NULL;
}

void
gzip_free(struct gzip *gzip)
{
    if (gzip == NULL)
        return;
    libdeflate_free_compressor(gzip->compressor);
    free(gzip);
}

bool
gzip_add(struct gzip *gzip, struct buf *out, struct str bytes)
{
    const size_t bound =
        libdeflate_gzip_compress_bound(gzip->compressor, bytes.len);
    if (!buf_reserve(out, bound))
        return false;
    const size_t len =
        libdeflate_gzip_compress(gzip->compressor, bytes.ptr, bytes.len,
                                 out->ptr + out->len, out->cap - out->len);
    out->len += len;
    return len > 0;
}
