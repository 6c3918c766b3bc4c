#include "wire/gzip.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "gzip";

/* Reads one member from the front of *in, appends what it holds to out. */
static void
read_member(struct str *in, struct buf *out)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t nread, nwritten;
    ck_assert(buf_reserve(out, 1 << 20));

    ck_assert_int_eq(
        libdeflate_gzip_decompress_ex(d, in->ptr, in->len, out->ptr + out->len,
                                      out->cap - out->len, &nread, &nwritten),
        LIBDEFLATE_SUCCESS);

    out->len += nwritten;
    *in = str_slice(*in, nread, in->len);
    libdeflate_free_decompressor(d);
}

START_TEST(members_in_a_row_are_one_stream)
{
    struct gzip *gzip = gzip_new();
    struct buf packed, plain;
    buf_init(&packed, 0);
    buf_init(&plain, 0);

    ck_assert(gzip_add(gzip, &packed, STR("celery_worker_up 1\n")));
    ck_assert(gzip_add(gzip, &packed, str_from(NULL)));
    ck_assert(gzip_add(gzip, &packed, STR("# EOF\n")));

    struct str rest = buf_str(&packed);
    int nmembers = 0;
    for (; rest.len > 0; nmembers++)
        read_member(&rest, &plain);
    ck_assert_int_eq(nmembers, 3);
    ck_assert(str_eq(buf_str(&plain), STR("celery_worker_up 1\n# EOF\n")));
    buf_close(&packed);
    buf_close(&plain);
    gzip_free(gzip);
}
END_TEST

START_TEST(a_page_shrinks)
{
    struct gzip *gzip = gzip_new();
    struct buf page, packed, plain;
    buf_init(&page, 0);
    buf_init(&packed, 0);
    buf_init(&plain, 0);
    for (int i = 0; i < 5000; i++)
        buf_printf(&page, "celery_task_sent_total{name=\"task_%d\"} %d.0\n", i,
                   i * 7);

    ck_assert(gzip_add(gzip, &packed, buf_str(&page)));

    struct str rest = buf_str(&packed);
    read_member(&rest, &plain);
    ck_assert_uint_eq(rest.len, 0);
    ck_assert(str_eq(buf_str(&plain), buf_str(&page)));
    ck_assert_uint_lt(packed.len, page.len / 4);
    buf_close(&page);
    buf_close(&packed);
    buf_close(&plain);
    gzip_free(gzip);
}
END_TEST

START_TEST(output_that_cannot_grow_is_a_failure)
{
    struct gzip *gzip = gzip_new();
    struct buf packed;
    buf_init(&packed, 8);

    ck_assert(!gzip_add(gzip, &packed, STR("celery_worker_up 1\n")));

    ck_assert_uint_eq(packed.len, 0);
    ck_assert(!buf_ok(&packed));
    buf_close(&packed);
    gzip_free(gzip);
    gzip_free(NULL);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, members_in_a_row_are_one_stream);
    tcase_add_test(tc, a_page_shrinks);
    tcase_add_test(tc, output_that_cannot_grow_is_a_failure);
}
