#pragma once

/* From the label values of a series to its record: open addressing, at most
 * three quarters full. A slot holds the whole hash beside the record, so that
 * a look-up touches no record but the one it looks for. */

#include <stdint.h>

#include "base/hash.h"

struct series;

struct series_table {
    struct hash_key key;
    struct series_slot *slots;
    size_t nslots; /* a power of two */
    size_t n;
};

void series_table_init(struct series_table *table, struct hash_key key);
void series_table_close(struct series_table *table);
/* ids: as group_series has them. NULL when there is none. */
struct series *series_table_find(const struct series_table *table,
                                 const uint32_t *ids);
/* By its ids, which must not be there yet. */
void series_table_add(struct series_table *table, struct series *series);
