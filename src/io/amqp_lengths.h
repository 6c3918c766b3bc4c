#pragma once

/* How long queues are, asked by passive declarations on a channel of their
 * own. A queue that is not there closes the channel; it is opened again, and
 * the questions behind are asked again. */

#include "io/amqp_session.h"

struct amqp_lengths {
    const struct broker_handler *handler;
    struct amqp_session *session; /* NULL while there is none */
    amqp_pool_t pool;
    struct str *names; /* copies, those that wait for an answer */
    size_t first;      /* of them; those before have gone */
    size_t nnames;
    size_t names_cap;
    size_t nsent; /* of them, from the first */
    bool opened;  /* open-ok has come */
    bool warned;
};

/* handler is borrowed for its life. */
void amqp_lengths_init(struct amqp_lengths *lengths,
                       const struct broker_handler *handler);
void amqp_lengths_free(struct amqp_lengths *lengths);
void amqp_lengths_attach(struct amqp_lengths *lengths,
                         struct amqp_session *session);
/* The session is gone; what was asked remains unanswered. */
void amqp_lengths_lose(struct amqp_lengths *lengths);
bool amqp_lengths_ask(struct amqp_lengths *lengths, struct str name);
/* A frame of its channel; false when it has no place there. */
bool amqp_lengths_take(struct amqp_lengths *lengths,
                       const struct amqp_frame *frame) MUST_CHECK;
