#pragma once

/* What workers say in a poll of the tasks that they hold: how many, and
 * whether each was named, too. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/index.h"
#include "model/workers.h"

struct holder;

struct holders {
    struct hash_key key;
    struct holder *items;
    size_t n;
    size_t cap;
    struct index index;
};

void holders_init(struct holders *holders, struct hash_key key);
void holders_close(struct holders *holders);
/* A worker, by its number, told how many tasks it has reserved or scheduled;
 * it named one of them, before or after. */
void holders_told(struct holders *holders, uint32_t worker,
                  enum worker_holding what, size_t n);
void holders_named(struct holders *holders, uint32_t worker);
/* It told both figures. */
bool holders_told_both(const struct holders *holders, uint32_t worker);
/* The same, and named as many as it told: one that is not among them it does
 * not hold. */
bool holders_named_all(const struct holders *holders, uint32_t worker);
/* Nobody has said anything. */
void holders_clear(struct holders *holders);
