#pragma once

/* Messages as they go over a connection, one behind the other. */

#include "base/buf.h"
#include "stream.h"

enum wrap_form {
    WRAP_PUBLISH,       /* commands to Redis */
    WRAP_PMESSAGE,      /* what its subscriber reads */
    WRAP_BASIC_PUBLISH, /* frames to RabbitMQ */
    WRAP_DELIVER,       /* what its consumer reads */
};

struct wrapped {
    enum wrap_form form;
    uint64_t ntags;
    struct buf bytes;
    struct buf envelope;
    size_t *ends; /* of each message in bytes */
    size_t n;
    size_t cap;
};

void wrapped_init(struct wrapped *wrapped, enum wrap_form form);
void wrapped_close(struct wrapped *wrapped);
/* A stream_fn; ctx is the struct wrapped. */
void wrap(void *ctx, const struct stream_message *message);
