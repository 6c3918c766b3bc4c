#include "io/uuid.h"

#include "base/hash.h"

void
uuid_random(char out[UUID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    const uint64_t words[2] = {hash_key_random().seed, hash_key_random().seed};
    unsigned nibble = 0;
    for (unsigned i = 0; i < UUID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            out[i] = '-';
            continue;
        }
        unsigned value = (words[nibble / 16] >> (4 * (nibble % 16))) & 15;
        if (i == 14)
            value = 4;
        if (i == 19)
            value = 8 | (value & 3);
        out[i] = digits[value];
        nibble++;
    }
    out[UUID_LEN] = '\0';
}
