#include "base/index.h"

#include <stdlib.h>

#include "../suite.h"

const char suite_name[] = "index";

enum { MANY = 20000 };

/* The owner: item i has the hash made[i]. */
struct items {
    struct hash128 made[MANY];
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct items *)owner)->made[number];
}

static struct items *
items_new(uint64_t mask)
{
    static const struct hash_key key = {.seed = 7};
    struct items *items = malloc(sizeof(*items));
    ck_assert_ptr_nonnull(items);
    for (uint32_t i = 0; i < MANY; i++)
        items->made[i] = (struct hash128){
            .low = hash_mix(key, i, 0) & mask,
            .high = i,
        };
    return items;
}

static void
assert_finds(const struct index *index, const struct items *items,
             uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        ck_assert_uint_eq(index_find(index, items->made[i]), i);
}

START_TEST(finds_what_was_added_and_nothing_else)
{
    struct items *items = items_new(UINT64_MAX);
    struct index index;
    index_init(&index, hash_of, items);

    for (uint32_t i = 0; i < MANY / 2; i++)
        index_add(&index, items->made[i], i);

    assert_finds(&index, items, 0, MANY / 2);
    for (uint32_t i = MANY / 2; i < MANY; i++)
        ck_assert_uint_eq(index_find(&index, items->made[i]), INDEX_NONE);
    ck_assert_uint_eq(index.n, MANY / 2);
    ck_assert_uint_le(index.n, index.nslots / 4 * 3);
    index_close(&index);
    free(items);
}
END_TEST

/* A run that wraps around the end of the table, with gaps in every place of
 * it: all hashes want the last slots. */
START_TEST(removal_from_a_run_loses_no_neighbour)
{
    struct items *items = items_new(UINT64_MAX);
    for (uint32_t i = 0; i < 40; i++)
        items->made[i].low = 60 + i % 4;
    for (uint32_t gone = 0; gone < 40; gone++) {
        struct index index;
        index_init(&index, hash_of, items);
        for (uint32_t i = 0; i < 40; i++)
            index_add(&index, items->made[i], i);

        index_remove(&index, items->made[gone]);

        ck_assert_uint_eq(index_find(&index, items->made[gone]), INDEX_NONE);
        assert_finds(&index, items, 0, gone);
        assert_finds(&index, items, gone + 1, 40);
        ck_assert_uint_eq(index.n, 39);
        index_close(&index);
    }
    free(items);
}
END_TEST

/* Against a plain table, with few buckets so that runs are long. */
START_TEST(random_adds_and_removes_agree_with_a_plain_table)
{
    enum { N = 600 };
    struct items *items = items_new(0x3ff);
    static bool there[N];
    struct index index;
    uint64_t random = 1;
    index_init(&index, hash_of, items);
    size_t n = 0;

    for (int step = 0; step < 20000; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        const uint32_t i = (uint32_t)(random >> 33) % N;
        if (there[i])
            index_remove(&index, items->made[i]);
        else
            index_add(&index, items->made[i], i);
        there[i] = !there[i];
        n += there[i] ? 1 : SIZE_MAX;
        ck_assert_uint_eq(index.n, n);
    }

    for (uint32_t i = 0; i < N; i++)
        ck_assert_uint_eq(index_find(&index, items->made[i]),
                          there[i] ? i : (uint32_t)INDEX_NONE);
    index_close(&index);
    free(items);
}
END_TEST

START_TEST(high_numbers_are_found_too)
{
    struct items *items = items_new(UINT64_MAX);
    struct index index;
    index_init(&index, hash_of, items);

    index_add(&index, items->made[0], 0);
    index_add(&index, items->made[63], 63);
    index_add(&index, items->made[MANY - 1], MANY - 1);

    ck_assert_uint_eq(index_find(&index, items->made[0]), 0);
    ck_assert_uint_eq(index_find(&index, items->made[63]), 63);
    ck_assert_uint_eq(index_find(&index, items->made[MANY - 1]), MANY - 1);
    index_close(&index);
    free(items);
}
END_TEST

START_TEST(churn_does_not_grow_the_table)
{
    struct items *items = items_new(UINT64_MAX);
    struct index index;
    index_init(&index, hash_of, items);

    for (uint32_t i = 0; i < MANY; i++) {
        const uint32_t number = i % 40;
        if (i >= 40)
            index_remove(&index, items->made[number]);
        items->made[number].low += MANY;
        index_add(&index, items->made[number], number);
    }

    ck_assert_uint_eq(index.n, 40);
    ck_assert_uint_eq(index.nslots, 64);
    index_close(&index);
    free(items);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, finds_what_was_added_and_nothing_else);
    tcase_add_test(tc, removal_from_a_run_loses_no_neighbour);
    tcase_add_test(tc, random_adds_and_removes_agree_with_a_plain_table);
    tcase_add_test(tc, high_numbers_are_found_too);
    tcase_add_test(tc, churn_does_not_grow_the_table);
}
