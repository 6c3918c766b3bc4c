#pragma once

/* Keyed hashing: whoever publishes events chooses what is hashed, so each
 * process draws its own key, and nobody outside can aim at one bucket. */

#include <stdint.h>

#include "base/str.h"

struct hash128 {
    uint64_t low;
    uint64_t high;
};

static inline bool
hash128_eq(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* The secret of one process, or a fixed one in tests and benches. */
struct hash_key {
    uint64_t seed;
};

/* From the kernel's random source. */
struct hash_key hash_key_random(void);
struct hash128 hash_bytes(struct hash_key key, struct str bytes);
uint64_t hash_mix(struct hash_key key, uint64_t a, uint64_t b);
