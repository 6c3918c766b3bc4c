#include "io/inbox.h"

#include <string.h>

#include "../suite.h"
#include "base/buf.h"

const char suite_name[] = "inbox";

static void
fill(struct inbox *inbox, size_t n, unsigned *next)
{
    while (n > 0) {
        size_t len;
        char *space = inbox_space(inbox, &len);
        ck_assert_ptr_nonnull(space);
        if (len > n)
            len = n;
        for (size_t i = 0; i < len; i++)
            space[i] = (char)((*next)++ % 251);
        inbox_filled(inbox, len);
        n -= len;
    }
}

static void
drain(struct inbox *inbox, size_t n, size_t step, unsigned *next)
{
    while (n > 0) {
        const struct str first = inbox_peek(inbox);
        ck_assert_uint_gt(first.len, 0);
        struct str share = str_slice(first, 0, step);
        share = str_slice(share, 0, n);
        bool same = true;
        for (size_t i = 0; i < share.len; i++)
            same &= share.ptr[i] == (char)((*next)++ % 251);
        ck_assert(same);
        inbox_consume(inbox, share.len);
        n -= share.len;
    }
}

START_TEST(bytes_come_out_in_order_whatever_the_pieces)
{
    struct inbox inbox;
    inbox_init(&inbox, 4 * INBOX_CHUNK);
    unsigned in = 0, out = 0;

    for (size_t round = 1; round < 40; round++) {
        fill(&inbox, round * 20011, &in);
        drain(&inbox, round * 10007, 3001 * round, &out);
    }

    drain(&inbox, inbox.len, INBOX_CHUNK, &out);
    ck_assert_uint_eq(in, out);
    ck_assert_uint_eq(inbox_peek(&inbox).len, 0);
    inbox_close(&inbox);
}
END_TEST

START_TEST(full_at_its_maximum_and_no_more_when_half_empty)
{
    struct inbox inbox;
    inbox_init(&inbox, 2 * INBOX_CHUNK);
    unsigned in = 0, out = 0;

    fill(&inbox, 2 * INBOX_CHUNK - 1, &in);
    ck_assert(!inbox_full(&inbox));
    fill(&inbox, 1, &in);
    ck_assert(inbox_full(&inbox));

    drain(&inbox, INBOX_CHUNK, 4096, &out);
    ck_assert(!inbox_full(&inbox));
    inbox_close(&inbox);
}
END_TEST

START_TEST(trickle_stays_in_one_chunk)
{
    struct inbox inbox;
    inbox_init(&inbox, INBOX_CHUNK);
    unsigned in = 0, out = 0;
    size_t len;
    const char *first = inbox_space(&inbox, &len);

    for (int i = 0; i < 10000; i++) {
        ck_assert_ptr_eq(inbox_space(&inbox, &len), first);
        fill(&inbox, 1000, &in);
        drain(&inbox, 1000, 1000, &out);
    }

    inbox_close(&inbox);
}
END_TEST

START_TEST(chunks_are_used_again_until_the_burst_is_over)
{
    struct inbox inbox;
    inbox_init(&inbox, 8 * INBOX_CHUNK);
    unsigned in = 0, out = 0;
    fill(&inbox, 6 * INBOX_CHUNK, &in);

    drain(&inbox, 6 * INBOX_CHUNK, INBOX_CHUNK, &out);
    const size_t nspares = inbox.nspares;
    ck_assert_uint_ge(nspares, 5);
    fill(&inbox, 6 * INBOX_CHUNK, &in);
    ck_assert_uint_eq(inbox.nspares, 0);
    drain(&inbox, 6 * INBOX_CHUNK, INBOX_CHUNK, &out);
    inbox_relax(&inbox);

    ck_assert_uint_eq(inbox.nspares, 1);
    fill(&inbox, 1000, &in);
    drain(&inbox, 1000, 1000, &out);
    inbox_close(&inbox);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, bytes_come_out_in_order_whatever_the_pieces);
    tcase_add_test(tc, full_at_its_maximum_and_no_more_when_half_empty);
    tcase_add_test(tc, trickle_stays_in_one_chunk);
    tcase_add_test(tc, chunks_are_used_again_until_the_burst_is_over);
}
