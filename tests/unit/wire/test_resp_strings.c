#include "wire/resp_strings.h"

#include <glob.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "wire/resp_framer.h"

const char suite_name[] = "resp_strings";

enum { MAX_ITEMS = 4 };

static const struct resp_limits limits = {.max_string = 10,
                                          .max_items = MAX_ITEMS};

/* In an allocation of its own, so that a sanitizer sees a read past its end. */
static size_t
take(struct str bytes, size_t *nitems, struct buf *text)
{
    struct resp_item items[MAX_ITEMS];
    char *copy = malloc(bytes.len + (bytes.len == 0));
    memcpy(copy, bytes.ptr, bytes.len);
    const size_t len =
        resp_strings((struct str){copy, bytes.len}, &limits, items, nitems);
    for (size_t i = 0; len > 0 && i < *nitems; i++) {
        ck_assert_int_eq(items[i].type, RESP_STRING);
        buf_printf(text, "<%.*s>", STR_FMT(items[i].str));
    }
    free(copy);
    return len;
}

static const struct {
    struct str bytes;
    size_t nitems;
    const char *want;
} whole[] = {
    /* clang-format off */
    {STR_INIT("*1\r\n$1\r\na\r\n"), 1, "<a>"},
    {STR_INIT("*2\r\n$4\r\npong\r\n$0\r\n\r\n"), 2, "<pong><>"},
    {STR_INIT("*1\r\n$4\r\n\r\n\r\n\r\n"), 1, "<\r\n\r\n>"},
    {STR_INIT("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$10\r\n0123456789\r\n"), 3,
     "<message><c><0123456789>"},
    {STR_INIT("*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n"), 4,
     "<a><b><c><d>"},
    /* clang-format on */
};

START_TEST(an_array_that_lies_there_whole_is_taken_and_no_more)
{
    struct buf bytes;
    struct buf text;
    buf_init(&bytes, 0);
    buf_init(&text, 0);
    buf_add_str(&bytes, whole[_i].bytes);
    buf_add_str(&bytes, STR("*1\r\n"));
    size_t nitems;

    const size_t len = take(buf_str(&bytes), &nitems, &text);

    ck_assert_uint_eq(len, whole[_i].bytes.len);
    ck_assert_uint_eq(nitems, whole[_i].nitems);
    ck_assert(str_eq(buf_str(&text), str_from(whole[_i].want)));
    buf_close(&text);
    buf_close(&bytes);
}
END_TEST

START_TEST(a_cut_array_is_left_wherever_it_is_cut)
{
    struct buf text;
    buf_init(&text, 0);
    size_t nitems;

    for (size_t len = 0; len < whole[_i].bytes.len; len++)
        ck_assert_uint_eq(
            take(str_slice(whole[_i].bytes, 0, len), &nitems, &text), 0);
    ck_assert_uint_gt(take(whole[_i].bytes, &nitems, &text), 0);

    buf_close(&text);
}
END_TEST

static const struct str left[] = {
    /* Not of strings only. */
    STR_INIT("+OK\r\n"),
    STR_INIT("$1\r\na\r\n"),
    STR_INIT("*0\r\n"),
    STR_INIT("*-1\r\n"),
    STR_INIT("*1\r\n$-1\r\n"),
    STR_INIT("*1\r\n:1\r\n"),
    STR_INIT("*1\r\n*1\r\n$1\r\na\r\n"),
    STR_INIT("*2\r\n$1\r\na\r\n+b\r\n"),
    STR_INIT(">1\r\n$1\r\na\r\n"),
    /* Above the limits. */
    STR_INIT("*1\r\n$11\r\n0123456789a\r\n"),
    STR_INIT("*5\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n"),
    STR_INIT("*1\r\n$999999999\r\na\r\n"),
    STR_INIT("*1\r\n$9999999999\r\na\r\n"),
    STR_INIT("*1\r\n$18446744073709551615\r\na\r\n"),
    STR_INIT("*1\r\n$18446744073709551617\r\na\r\n"),
    STR_INIT("*4294967297\r\n$1\r\na\r\n"),
    /* Broken. */
    STR_INIT("*\r\n$1\r\na\r\n"),
    STR_INIT("*01\r\n$1\r\na\r\n"),
    STR_INIT("*+1\r\n$1\r\na\r\n"),
    STR_INIT("* 1\r\n$1\r\na\r\n"),
    STR_INIT("*1 \r\n$1\r\na\r\n"),
    STR_INIT("*1\n$1\r\na\r\n"),
    STR_INIT("*1\r$1\r\na\r\n"),
    STR_INIT("*1\r\n$\r\na\r\n"),
    STR_INIT("*1\r\n$\r\n\r\n"),
    STR_INIT("*1\r\n$1\rxa\r\n"),
    STR_INIT("*1\r\n$1x\na\r\n"),
    STR_INIT("*1\r\n$01\r\na\r\n"),
    STR_INIT("*1\r\n$00\r\n\r\n"),
    STR_INIT("*1\r\n$-0\r\n\r\n"),
    STR_INIT("*1\r\n$1x\r\na\r\n"),
    STR_INIT("*1\r\n$1\na\r\n"),
    STR_INIT("*1\r\n$1\r\na\n\n"),
    STR_INIT("*1\r\n$1\r\na\r\r"),
    STR_INIT("*1\r\n$1\r\nab\r\n"),
    STR_INIT("*1\r\n$2\r\na\r\n\r\n"),
    STR_INIT("*1\r\n$1\r\n\r\n\r\n"),
};

START_TEST(anything_else_is_left_to_the_framer)
{
    struct buf text;
    buf_init(&text, 0);
    size_t nitems;

    ck_assert_uint_eq(take(left[_i], &nitems, &text), 0);

    buf_close(&text);
}
END_TEST

START_TEST(long_strings_that_add_up_are_left)
{
    enum { LONG = FRAMER_MAX_LINE };
    const struct resp_limits most = {.max_string = LONG,
                                     .max_items = MAX_ITEMS};
    struct resp_item items[MAX_ITEMS];
    for (int last = 0; last < 2; last++) {
        struct buf bytes;
        buf_init(&bytes, 0);
        buf_printf(&bytes, "*3\r\n$%d\r\n%0*d\r\n$%d\r\n%0*d\r\n", LONG, LONG,
                   0, LONG, LONG, 0);
        buf_printf(&bytes, "$%d\r\n%.*s\r\n", last, last, "x");
        size_t nitems;

        const size_t len = resp_strings(buf_str(&bytes), &most, items, &nitems);

        ck_assert_uint_eq(len, last == 0 ? bytes.len : 0);
        buf_close(&bytes);
    }
}
END_TEST

static void
write_reply(void *ctx, const struct resp_reply *reply)
{
    struct buf *out = ctx;
    buf_printf(out, "%d %zu %zu\n", reply->array, reply->nitems,
               reply->wire_bytes);
    for (size_t i = 0; i < reply->nitems; i++) {
        const struct resp_item *item = &reply->items[i];
        buf_printf(out, "%d %lld ", (int)item->type, (long long)item->integer);
        buf_add_str(out, item->str);
    }
}

static struct buf
feed_in_pieces(struct str bytes, size_t step)
{
    const struct resp_limits usual = {.max_string = 1024 * 1024,
                                      .max_items = 16};
    struct buf out;
    buf_init(&out, 0);
    struct resp *resp = resp_new(&usual, write_reply, &out);
    for (size_t at = 0; at < bytes.len; at += step)
        ck_assert_int_eq(resp_feed(resp, str_slice(bytes, at, at + step)),
                         RESP_OK);
    resp_free(resp);
    return out;
}

static struct buf
read_gzip(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    static char packed[128 * 1024];
    const size_t npacked = fread(packed, 1, sizeof(packed), file);
    fclose(file);
    ck_assert_uint_lt(npacked, sizeof(packed));
    struct buf out;
    buf_init(&out, 0);
    ck_assert(buf_reserve(&out, 4 * 1024 * 1024));
    struct libdeflate_decompressor *unzip = libdeflate_alloc_decompressor();
    ck_assert_int_eq(libdeflate_gzip_decompress(unzip, packed, npacked, out.ptr,
                                                out.cap, &out.len),
                     LIBDEFLATE_SUCCESS);
    libdeflate_free_decompressor(unzip);
    return out;
}

/* Of single bytes no array lies whole in what is fed. The beginning will do. */
START_TEST(recorded_traffic_is_the_same_whole_and_byte_by_byte)
{
    char pattern[4096];
    snprintf(pattern, sizeof(pattern), "%s/../captures/*/events.resp.gz",
             getenv("TEST_CASES"));
    glob_t found;
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf bytes = read_gzip(found.gl_pathv[i]);
        const struct str head = str_slice(buf_str(&bytes), 0, 30000);
        struct buf want = feed_in_pieces(head, 1);

        static const size_t steps[] = {100, 4096, 30000};
        for (size_t k = 0; k < COUNT_OF(steps); k++) {
            struct buf got = feed_in_pieces(head, steps[k]);
            ck_assert_msg(str_eq(buf_str(&got), buf_str(&want)),
                          "%s in pieces of %zu", found.gl_pathv[i], steps[k]);
            buf_close(&got);
        }
        ck_assert_uint_gt(want.len, 1000);
        buf_close(&want);
        buf_close(&bytes);
    }
    globfree(&found);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, an_array_that_lies_there_whole_is_taken_and_no_more,
                        0, (int)COUNT_OF(whole));
    tcase_add_loop_test(tc, a_cut_array_is_left_wherever_it_is_cut, 0,
                        (int)COUNT_OF(whole));
    tcase_add_loop_test(tc, anything_else_is_left_to_the_framer, 0,
                        (int)COUNT_OF(left));
    tcase_add_test(tc, long_strings_that_add_up_are_left);
    tcase_add_test(tc, recorded_traffic_is_the_same_whole_and_byte_by_byte);
}
