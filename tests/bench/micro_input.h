#pragma once

/* What bench_micro gives to the functions: messages as a storm sends them. */

#include "wrap.h"

enum { MICRO_NMESSAGES = 100 };

struct micro_input {
    struct buf single; /* a body with one event, */
    struct buf list;   /* one with some, */
    struct buf single_payload;
    struct buf list_payload; /* and both in their envelopes */
    struct buf text64;       /* the list in base64 */
    struct wrapped pushes;   /* the single one, so many times, for Redis, */
    struct wrapped frames;   /* and for RabbitMQ */
    struct buf page;         /* 4 MiB of text */
};

void micro_input_init(struct micro_input *in);
void micro_input_close(struct micro_input *in);
