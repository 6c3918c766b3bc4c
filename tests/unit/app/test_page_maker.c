#include "app/page_maker.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "model/values.h"

#include "../suite.h"

const char suite_name[] = "page_maker";

enum { SHARE = 4 * 1024 * 1024 };

static struct registry *registry;
static struct gzip *gzip;

/* Each family has nsets samples of about 290 bytes. */
static void
open_with(int nsets)
{
    struct buf err;
    buf_init(&err, 0);
    registry = registry_new(&(struct registry_config){.prefix = "celery_",
                                                      .max_samples = 1000000,
                                                      .max_names = 100000,
                                                      .max_hostnames = 10,
                                                      .max_queue_names = 10,
                                                      .max_exceptions = 10,
                                                      .label_max_len = 256},
                            (struct hash_key){.seed = 1}, &err);
    buf_close(&err);
    gzip = gzip_new();
    struct group *group = registry_group(registry, GROUP_TASK);
    for (int i = 0; i < nsets; i++) {
        char name[210];
        snprintf(name, sizeof(name), "t%0200d", i);
        const uint32_t ids[SERIES_MAX_LABELS] = {
            VALUES_OTHER,
            registry_value(registry, LABEL_NAME, str_from(name)),
        };
        struct series *series = group_series(group, ids, 0);
        for (size_t c = TASK_SENT_COL; c <= TASK_RETRIED_COL; c++)
            group_count(group, series, c, (uint64_t)i);
    }
}

static void
close_all(void)
{
    registry_free(registry);
    gzip_free(gzip);
}

static struct blob *
make(bool compress, struct gzip *compressor, size_t *most_plain)
{
    struct page_maker maker;
    page_maker_init(&maker, registry,
                    &(struct expose_config){.format = FORMAT_TEXT}, compress,
                    compressor);
    *most_plain = 0;
    while (!page_maker_step(&maker))
        if (maker.plain.len > *most_plain)
            *most_plain = maker.plain.len;
    struct blob *page = page_maker_take(&maker);
    page_maker_close(&maker);
    return page;
}

/* All members, one behind the other. */
static struct str
decompress(struct str bytes, size_t max)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    char *out = xmalloc(max);
    size_t len = 0;
    for (size_t at = 0; at < bytes.len;) {
        size_t nin;
        size_t nout;
        ck_assert_int_eq(
            libdeflate_gzip_decompress_ex(d, bytes.ptr + at, bytes.len - at,
                                          out + len, max - len, &nin, &nout),
            LIBDEFLATE_SUCCESS);
        at += nin;
        len += nout;
    }
    libdeflate_free_decompressor(d);
    return (struct str){out, len};
}

START_TEST(a_compressed_page_is_the_plain_one)
{
    open_with(rounds(20000));
    size_t most_plain;

    struct blob *plain = make(false, NULL, &most_plain);
    struct blob *compressed = make(true, gzip, &most_plain);

    const struct str back =
        decompress(blob_str(compressed), blob_str(plain).len + 1);
    ck_assert(str_eq(back, blob_str(plain)));
    free((char *)(uintptr_t)back.ptr);
    blob_unref(compressed);
    blob_unref(plain);
    close_all();
}
END_TEST

/* What a family left over, the next one, and no more. */
START_TEST(plain_text_is_forgotten_once_it_is_compressed)
{
    open_with(rounds(20000));
    size_t most_plain;

    struct blob *page = make(true, gzip, &most_plain);

    ck_assert_uint_lt(most_plain, 3 * SHARE);
    blob_unref(page);
    close_all();
}
END_TEST

START_TEST(without_a_compressor_there_is_no_compressed_page)
{
    open_with(1);
    size_t most_plain;

    ck_assert_ptr_null(make(true, NULL, &most_plain));

    close_all();
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, a_compressed_page_is_the_plain_one);
    tcase_add_test(tc, plain_text_is_forgotten_once_it_is_compressed);
    tcase_add_test(tc, without_a_compressor_there_is_no_compressed_page);
}
