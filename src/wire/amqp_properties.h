#pragma once

/* The properties of a message: the few that we use of them. */

#include "base/attr.h"
#include "wire/amqp_lib.h"

struct amqp_properties {
    /* Slices of what was read; NULL when absent. */
    struct str content_type;
    struct str content_encoding;
    /* Headers that hold a text. */
    struct str compression;
    struct str ticket;
};

/* Of a header frame, what follows the length of the body. False when it is no
 * list of properties. The pool is used for what is out of the ordinary, and
 * recycled. */
bool amqp_properties_read(struct str encoded, amqp_pool_t *pool,
                          struct amqp_properties *out) MUST_CHECK;
