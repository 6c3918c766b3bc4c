#include "base/blob.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct blob {
    size_t nrefs;
    char *ptr;
    size_t len;
};

struct blob *
blob_new(struct buf *b)
{
    struct blob *blob = xmalloc(sizeof(*blob));
    *blob = (struct blob){.nrefs = 1};
    blob->ptr = buf_take(b, &blob->len);
    return blob;
}

struct blob *
blob_copy(struct str bytes)
{
    struct blob *blob = xmalloc(sizeof(*blob));
    *blob = (struct blob){.nrefs = 1, .ptr = str_dup(bytes), .len = bytes.len};
    return blob;
}

struct blob *
blob_ref(struct blob *blob)
{
    blob->nrefs++;
    return blob;
}

void
blob_unref(struct blob *blob)
{
    if (blob == NULL || --blob->nrefs > 0)
        return;
    free(blob->ptr);
    free(blob);
}

struct str
blob_str(const struct blob *blob)
{
    return (struct str){.ptr = blob->ptr, .len = blob->len};
}

size_t
blob_nrefs(const struct blob *blob)
{
    return blob->nrefs;
}
