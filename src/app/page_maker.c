#include "app/page_maker.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum { SHARE = 4 * 1024 * 1024 };

void
page_maker_init(struct page_maker *maker, const struct registry *registry,
                const struct expose_config *config, bool compress,
                struct gzip *gzip)
{
    *maker = (struct page_maker){
        .compress = compress,
        .gzip = gzip,
        .names = xcalloc(config->nnames, sizeof(struct str)),
    };
    struct expose_config own = *config;
    own.names = maker->names;
    for (size_t i = 0; i < config->nnames; i++)
        maker->names[i] =
            (struct str){str_dup(config->names[i]), config->names[i].len};
    buf_init(&maker->plain, 0);
    buf_init(&maker->out, 0);
    expose_init(&maker->expose, registry, &own);
}

void
page_maker_close(struct page_maker *maker)
{
    buf_close(&maker->plain);
    buf_close(&maker->out);
    for (size_t i = 0; i < maker->expose.config.nnames; i++)
        free((char *)(uintptr_t)maker->names[i].ptr);
    free(maker->names);
}

static void
compress(struct page_maker *maker)
{
    const struct str share = str_slice(
        buf_str(&maker->plain), maker->compressed, maker->compressed + SHARE);
    maker->failed |=
        maker->gzip == NULL || !gzip_add(maker->gzip, &maker->out, share);
    maker->compressed += share.len;
}

/* A family may leave less than a share over, which waits for the next one: at
 * the front, or the buffer would grow with the page. */
static void
forget_compressed(struct page_maker *maker)
{
    struct buf *plain = &maker->plain;
    if (maker->compressed == 0)
        return;
    plain->len -= maker->compressed;
    memmove(plain->ptr, plain->ptr + maker->compressed, plain->len);
    maker->compressed = 0;
}

bool
page_maker_step(struct page_maker *maker)
{
    const size_t left = maker->plain.len - maker->compressed;
    if (maker->compress && left > 0 && (maker->written || left >= SHARE)) {
        compress(maker);
    } else if (!maker->written) {
        forget_compressed(maker);
        maker->written = expose_step(&maker->expose, &maker->plain, SHARE);
        maker->failed |= !buf_ok(&maker->plain);
    }
    return maker->failed ||
           (maker->written &&
            (!maker->compress || maker->compressed == maker->plain.len));
}

bool
page_maker_is_nearly_whole(const struct page_maker *maker)
{
    return maker->written && maker->plain.len - maker->compressed <= SHARE;
}

struct blob *
page_maker_take(struct page_maker *maker)
{
    if (maker->compress && maker->out.len == 0) /* an empty page */
        compress(maker);
    if (maker->failed)
        return NULL;
    return blob_new(maker->compress ? &maker->out : &maker->plain);
}
