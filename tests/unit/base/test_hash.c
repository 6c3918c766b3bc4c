#include "base/hash.h"

#include "../suite.h"

const char suite_name[] = "hash";

static bool
same(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

START_TEST(another_key_gives_another_hash)
{
    const struct hash_key one = {.seed = 1};
    const struct hash_key two = {.seed = 2};
    const struct str text = STR("96e96bda-343e-4a3e-9a53-4a1d3e6b0c5f");

    ck_assert(same(hash_bytes(one, text), hash_bytes(one, text)));
    ck_assert(!same(hash_bytes(one, text), hash_bytes(two, text)));
    ck_assert_uint_eq(hash_mix(one, 1, 2), hash_mix(one, 1, 2));
    ck_assert_uint_ne(hash_mix(one, 1, 2), hash_mix(two, 1, 2));
    ck_assert_uint_ne(hash_mix(one, 1, 2), hash_mix(one, 2, 1));
}
END_TEST

START_TEST(every_byte_and_the_length_count)
{
    const struct hash_key key = {.seed = 7};

    ck_assert(!same(hash_bytes(key, STR("ab")), hash_bytes(key, STR("aB"))));
    ck_assert(!same(hash_bytes(key, STR("a\0")), hash_bytes(key, STR("a"))));
    ck_assert(!same(hash_bytes(key, STR("")), hash_bytes(key, STR("\0"))));
}
END_TEST

START_TEST(two_processes_draw_different_keys)
{
    ck_assert_uint_ne(hash_key_random().seed, hash_key_random().seed);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, another_key_gives_another_hash);
    tcase_add_test(tc, every_byte_and_the_length_count);
    tcase_add_test(tc, two_processes_draw_different_keys);
}
