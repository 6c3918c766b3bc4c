#pragma once

/* The values of one label (all task names, all hosts), each under a small
 * stable number. A value is made fit for a page once, when it is first seen:
 * cut, repaired, escaped. What looks alike on the page has one number, or the
 * page would show a series twice. At most `max` live values are kept; past
 * that every new one is VALUES_OTHER, and counted. */

#include <stdint.h>

#include "base/hash.h"

enum { VALUES_OTHER = 0 }; /* the value "__other__" */

struct values;

/* max_len: bytes of text, before escaping, that a value keeps; a longer one
 * is cut at a character and ends in ~ and eight hex digits of its hash. */
struct values *values_new(struct hash_key key, size_t max, size_t max_len);
void values_free(struct values *values);
/* Finds or adds. Numbers of dropped values are used again. */
uint32_t values_id(struct values *values, struct str raw);
/* Keeps a value that is referred to for ever from being dropped, as
 * VALUES_OTHER is. */
void values_pin(struct values *values, uint32_t id);
bool values_is_pinned(const struct values *values, uint32_t id);
/* Forgets a value that no series and no table refers to any more; does
 * nothing when it is pinned. */
void values_drop(struct values *values, uint32_t id);
/* As it stands between the quotes of a label, until it is dropped. */
struct str values_text(const struct values *values, uint32_t id);
size_t values_n(const struct values *values);
size_t values_max(const struct values *values);
/* How many requests for a new value were answered with VALUES_OTHER. */
uint64_t values_noverflows(const struct values *values);
