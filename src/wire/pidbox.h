#pragma once

/* Celery's remote control: commands to workers, broadcast as messages, and
 * their replies, each {"nodename": result}. JSON by jansson throughout. */

#include <stdint.h>

#include "base/buf.h"

struct pidbox_command {
    const char *method;   /* "stats" */
    const char *ticket;   /* NULL when no reply is wanted */
    const char *exchange; /* reply_to: "reply.celery.pidbox" */
    struct str reply_key; /* reply_to: routing key */
};

/* Appends the JSON body of a command to all workers. */
void pidbox_encode(struct buf *out, const struct pidbox_command *command);

/* Replies that say an error, or are no replies at all, give nothing and
 * false. Slices are valid until the callback returns. */

/* `stats`: how many tasks the worker's pool can run at once. */
bool pidbox_read_stats(struct str body,
                       void (*fn)(void *ctx, struct str node,
                                  int64_t processes),
                       void *ctx);
/* `active_queues`: once for the worker with a NULL queue, then once for each
 * queue that it consumes. */
bool pidbox_read_queues(struct str body,
                        void (*fn)(void *ctx, struct str node,
                                   struct str queue),
                        void *ctx);
