#pragma once

/* One channel of a session that is set up for one purpose: an exchange, and
 * mostly a queue of our own bound to it, from which it consumes without
 * acknowledging. All is declared in one flight; the answers come as they come.
 *
 * An exchange that exists with other settings, or that we may not declare, is
 * as good: it is then only looked for, on a fresh channel of that number. */

#include "io/amqp_session.h"
#include "wire/amqp_content.h"

struct amqp_plan {
    uint16_t number;
    struct str exchange; /* borrowed, as all of it, for the channel's life */
    struct str type;
    bool durable;
    struct str queue; /* NULL: the exchange is all there is */
    struct str key;   /* of the binding */
    amqp_table_t queue_arguments;
};

struct amqp_channel_handler {
    void (*ready)(void *ctx); /* all is declared */
    void (*message)(void *ctx, const struct message *message);
    void (*reject)(void *ctx, enum reject reason, size_t wire_bytes);
    /* The server has closed it (basic.cancel counts as that, with code 0);
     * there is nothing to be done with it until the next session. */
    void (*closed)(void *ctx, uint16_t code, struct str text);
    void *ctx;
};

/* A short string of AMQP. */
enum { AMQP_TEXT_MOST = 255 };

struct amqp_channel {
    const struct amqp_plan *plan;
    struct amqp_channel_handler handler;
    struct amqp_session *session; /* NULL while it is not open */
    struct amqp_content content;
    amqp_pool_t pool;
    size_t nanswers; /* of those that setting up takes */
    bool passive;    /* the exchange is looked for, not declared, */
    uint16_t code;   /* because of this refusal */
    char text[AMQP_TEXT_MOST];
    size_t text_len;
};

void amqp_channel_init(struct amqp_channel *channel,
                       const struct amqp_plan *plan, size_t message_max,
                       const struct amqp_channel_handler *handler);
void amqp_channel_free(struct amqp_channel *channel);
/* The session is ready. */
void amqp_channel_attach(struct amqp_channel *channel,
                         struct amqp_session *session);
/* The session is gone. */
void amqp_channel_lose(struct amqp_channel *channel);
/* A frame of its number; false when it has no place there. */
bool amqp_channel_take(struct amqp_channel *channel,
                       const struct amqp_frame *frame) MUST_CHECK;
