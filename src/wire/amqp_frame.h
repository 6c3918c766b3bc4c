#pragma once

/* Cuts the bytes of an AMQP 0-9-1 connection into frames. A frame that lies
 * in one piece is handed on where it lies, without a copy; the memory for
 * those that do not is one frame at most. */

#include <stdint.h>

#include "base/buf.h"

enum {
    AMQP_FRAME_MIN = 4096,        /* as the specification wants it, */
    AMQP_FRAME_MOST = 128 * 1024, /* and the most that we agree to */
    AMQP_FRAME_EXTRA = 8,         /* around a payload */
};

struct amqp_frame {
    uint8_t type; /* AMQP_FRAME_METHOD, ..., AMQP_FRAME_HEARTBEAT */
    uint16_t channel;
    struct str payload; /* good until the callback returns */
    size_t wire_bytes;
};

enum amqp_framing {
    AMQP_FRAMING_OK = 0,
    AMQP_FRAMING_TYPE, /* no frame begins so */
    AMQP_FRAMING_SIZE, /* longer than agreed upon */
    AMQP_FRAMING_END,  /* the mark behind it is missing */
};

/* False: no more frames of these bytes, please. */
typedef bool (*amqp_frame_fn)(void *ctx, const struct amqp_frame *frame);

struct amqp_framer {
    size_t frame_max; /* may be changed between two frames */
    struct buf partial;
};

void amqp_framer_init(struct amqp_framer *framer, size_t frame_max);
void amqp_framer_close(struct amqp_framer *framer);
/* Anything but OK is final. */
enum amqp_framing amqp_framer_feed(struct amqp_framer *framer, struct str bytes,
                                   amqp_frame_fn fn, void *ctx) MUST_CHECK;
/* A frame has begun and not ended. */
bool amqp_framer_pending(const struct amqp_framer *framer);
