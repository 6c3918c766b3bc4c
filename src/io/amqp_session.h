#pragma once

/* One connection to RabbitMQ: login, heartbeats, deadlines, and frames to and
 * from its channels. What a channel is for is not its business. */

#include "io/broker.h"
#include "wire/amqp_frame.h"
#include "wire/amqp_method.h"

/* The channels, one for each thing that may be refused by itself: an error
 * closes its whole channel. */
enum amqp_channel_number {
    AMQP_CHANNEL_EVENTS = 1,
    AMQP_CHANNEL_LENGTHS,
    AMQP_CHANNEL_REPLIES,
    AMQP_CHANNEL_COMMANDS,
    AMQP_CHANNEL_LAST = AMQP_CHANNEL_COMMANDS
};

/* The session may be closed from within any of them. */
struct amqp_session_handler {
    void (*ready)(void *ctx); /* logged in: channels may be opened */
    /* A frame of one of the channels; false ends the session, it has no place
     * there. */
    bool (*frame)(void *ctx, const struct amqp_frame *frame);
    /* Whether a message has begun and not ended: it may not take for ever. */
    bool (*pending)(void *ctx);
    /* Once, unless amqp_session_close was first; why is for people. */
    void (*ended)(void *ctx, enum broker_reason reason, const char *why);
    /* The last handle is closed, the session is gone; after ended, too. */
    void (*closed)(void *ctx);
    void *ctx;
};

struct amqp_session;

/* The URL is copied. */
struct amqp_session *
amqp_session_new(uv_loop_t *loop, const struct url *url, size_t burst_buffer,
                 const struct amqp_session_handler *handler);
void amqp_session_send(struct amqp_session *session, uint16_t channel,
                       amqp_method_number_t id, void *method);
void amqp_session_publish(struct amqp_session *session, uint16_t channel,
                          struct str exchange, struct str body);
/* When the server's certificate ends, in Unix seconds; 0 without TLS. Good
 * until `closed`. */
int64_t amqp_session_not_after(const struct amqp_session *session);
/* Since the last byte, or since it was made. Good until `closed`. */
int64_t amqp_session_unheard_ms(const struct amqp_session *session);
/* All that was wanted is up: the login deadline is met. */
void amqp_session_settle(struct amqp_session *session);
/* Ends it as if by itself. */
void amqp_session_fail(struct amqp_session *session, enum broker_reason reason,
                       const char *why);
/* The same after the server closed the channel it cannot do without. */
void amqp_session_refuse(struct amqp_session *session, uint16_t code,
                         struct str text);
/* Says goodbye to the server and closes silently, within a second; fine after
 * the end. */
void amqp_session_close(struct amqp_session *session);
