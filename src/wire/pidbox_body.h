#pragma once

/* The body of a reply as a jansson tree. The tree is built while our own
 * scanner walks the text, since jansson's parser refuses a whole reply for
 * what a task may have among its arguments: NaN, large integers, lone
 * surrogates. Arguments are left out: they are not ours to read, and may be
 * large. */

#include <jansson.h>

#include "base/attr.h"
#include "wire/event.h"

enum {
    /* A body above any of them is refused. A worker that holds 1,000 tasks
     * sends 500 KB and 16,000 values. An empty object, the largest that a
     * value can be, takes 400 bytes with its key: 50 MiB in all. */
    PIDBOX_MAX_BYTES = 4 * 1024 * 1024,
    PIDBOX_MAX_VALUES = 100 * 1000,
    /* What is deeper is null. The deepest that we read is the delivery_info
     * of a scheduled request, at 6. */
    PIDBOX_MAX_DEPTH = 16,
};

/* The object, owned by the caller; NULL for anything else. Texts in it are
 * valid UTF-8 without U+0000, numbers are finite. */
json_t *pidbox_load(struct str body, enum serializer serializer) MUST_CHECK;
/* The same for msgpack; always NULL when this build has none. */
json_t *pidbox_load_msgpack(struct str body) MUST_CHECK;

/* Whether a member of an object holds arguments of a task, given whether it is
 * a number: there may be a task of that name among the totals. */
bool pidbox_is_arguments(struct str key, bool is_number);
/* Adds to a container that may be NULL; takes the value, which may be NULL
 * when memory is out. False when it could not be added. */
bool pidbox_set(json_t *object, struct str key, json_t *value) MUST_CHECK;
bool pidbox_append(json_t *array, json_t *value) MUST_CHECK;
/* A number, or null for what is none. */
json_t *pidbox_number(double value);
