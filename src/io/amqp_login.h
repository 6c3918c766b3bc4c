#pragma once

/* The dialogue that opens an AMQP connection: start, tune, open. */

#include "io/broker.h"
#include "wire/amqp_method.h"

struct amqp_login {
    size_t frame_max;    /* agreed upon; set to the most before */
    int64_t heartbeat_s; /* the same; 0: none before tune */
    enum {
        AMQP_LOGIN_START,
        AMQP_LOGIN_TUNE,
        AMQP_LOGIN_OPEN,
    } expected;
    bool open; /* done */
};

/* Takes what the server says on channel 0 and appends the answer to `out`.
 * False with the reason when there is no going on. */
bool amqp_login_answer(struct amqp_login *login, const struct url *url,
                       const amqp_method_t *method, struct buf *out,
                       enum broker_reason *reason, const char **why) MUST_CHECK;
