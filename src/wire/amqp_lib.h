#pragma once

/* librabbitmq's headers, where this release of it keeps them. Of the library
 * we use the encoding of methods and properties: it neither opens nor reads a
 * socket, and the frames are ours (wire/amqp_frame). */

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

#include "base/str.h"

static inline amqp_bytes_t
amqp_bytes_of(struct str s)
{
    /* The library never writes to what it encodes. */
    return (amqp_bytes_t){.len = s.len, .bytes = (void *)(uintptr_t)s.ptr};
}

static inline struct str
amqp_str(amqp_bytes_t bytes)
{
    return (struct str){.ptr = bytes.bytes, .len = bytes.len};
}
