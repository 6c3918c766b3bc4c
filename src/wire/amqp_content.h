#pragma once

/* A message that arrives on a channel: basic.deliver, a header frame, body
 * frames. A body in one frame is passed on where it lies; one in several is
 * gathered; one that is too long, or that we cannot use, is skipped frame by
 * frame, and takes no memory whatever its length. */

#include "base/buf.h"
#include "wire/amqp_frame.h"
#include "wire/amqp_lib.h"
#include "wire/message.h"
#include "wire/reject.h"

enum amqp_content_status {
    AMQP_CONTENT_MORE = 0, /* the message goes on */
    AMQP_CONTENT_DONE,     /* it is complete */
    AMQP_CONTENT_BROKEN,   /* this frame has no place here */
};

struct amqp_content {
    size_t max; /* bytes of a body */
    amqp_pool_t pool;
    enum {
        AMQP_CONTENT_IDLE,
        AMQP_CONTENT_HEADER,
        AMQP_CONTENT_BODY,
    } expected;
    uint64_t left; /* of the body */
    struct buf body;
    struct buf ticket;
    /* Once it is DONE: the message, unless there is a reason to refuse it.
     * wire_bytes holds in either case. */
    enum reject reject;
    struct message message;
};

void amqp_content_init(struct amqp_content *content, size_t max);
void amqp_content_close(struct amqp_content *content);
/* For a frame that is basic.deliver, a header or a body. What DONE leaves is
 * good until the next call, and as long as the frame is. */
enum amqp_content_status
amqp_content_add(struct amqp_content *content,
                 const struct amqp_frame *frame) MUST_CHECK;
/* A message has begun and not ended. */
bool amqp_content_pending(const struct amqp_content *content);
/* Forgets what has begun. */
void amqp_content_reset(struct amqp_content *content);
