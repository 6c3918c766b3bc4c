#include "base/hash.h"

#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash_key
hash_key_random(void)
{
    struct hash_key key = {0};
    /* Up to 256 bytes never come short once the pool is ready; it only fails
     * on a kernel without the call, and an unkeyed daemon must not run. */
    if (getrandom(&key.seed, sizeof(key.seed), 0) != sizeof(key.seed))
        abort();
    return key;
}

struct hash128
hash_bytes(struct hash_key key, struct str bytes)
{
    const XXH128_hash_t h =
        XXH3_128bits_withSeed(bytes.ptr, bytes.len, key.seed);
    return (struct hash128){.low = h.low64, .high = h.high64};
}

uint64_t
hash_mix(struct hash_key key, uint64_t a, uint64_t b)
{
    const uint64_t words[2] = {a, b};
    return XXH3_64bits_withSeed(words, sizeof(words), key.seed);
}
