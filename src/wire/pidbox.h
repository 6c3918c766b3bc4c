#pragma once

/* Celery's remote control: commands to workers, broadcast as messages, and
 * their replies, each {"nodename": result}. JSON by jansson throughout. */

#include <stdint.h>

#include "base/buf.h"
#include "wire/event.h"

struct pidbox_command {
    const char *method;   /* "stats" */
    const char *ticket;   /* NULL when no reply is wanted */
    const char *exchange; /* reply_to: "reply.celery.pidbox" */
    struct str reply_key; /* reply_to: routing key */
    /* Nodenames; none = every worker. */
    const struct str *destination;
    size_t ndestination;
    const char *flag; /* the one argument, which is true; NULL = none */
};

/* Appends the JSON body of a command. */
void pidbox_encode(struct buf *out, const struct pidbox_command *command);

/* A reply taken apart: JSON, or msgpack of workers whose task_serializer is
 * that. Replies that say an error, or are no replies at all, give nothing and
 * false; parts that make no sense count as not told. Slices and structures are
 * valid until the callback returns. While one is read it takes at most some
 * 50 MiB: see wire/pidbox_body.h. */

struct pidbox_total {
    struct str name;
    int64_t n;
};

/* `stats` of one worker process. */
struct pidbox_stats {
    int64_t pid;       /* 0 = not told; so are the others with -1 */
    int64_t clock;     /* the worker's, when it replied */
    struct str pool;   /* "prefork"; empty before Celery 5.3 */
    int64_t processes; /* tasks that the pool can run at once, 0 or more */
    int64_t prefetch;  /* 0 = no limit */
    int64_t maxrss;    /* bytes */
    int64_t uptime_s;
    /* Tasks started since the process began, by name. */
    const struct pidbox_total *totals;
    size_t ntotals;
};
bool pidbox_read_stats(struct str body, enum serializer serializer,
                       void (*fn)(void *ctx, struct str node,
                                  const struct pidbox_stats *stats),
                       void *ctx);

/* One of `active_queues`. */
struct pidbox_queue {
    struct str name;
    /* Its exchange is a direct one, and called like the queue, as Celery makes
     * it: what has that name for exchange and routing key was sent to it. */
    bool direct;
};
/* Once for the worker with a NULL queue, then once for each queue that it
 * consumes. */
bool pidbox_read_queues(struct str body, enum serializer serializer,
                        void (*fn)(void *ctx, struct str node,
                                   const struct pidbox_queue *queue),
                        void *ctx);

/* A task that a worker holds, of `active`, `reserved` or `scheduled`. */
struct pidbox_request {
    struct str id;
    struct str name;
    /* Where it is certain: sent to a queue by the default exchange. Else
     * empty. */
    struct str queue;
    /* The name that exchange and routing key share; empty when they differ. It
     * is the queue if that is `direct`; what a topic exchange does with a key
     * cannot be known. */
    struct str direct;
    double started_s; /* Unix seconds, NaN when it has not */
    double eta_s;     /* `scheduled` only, else NaN */
};
/* Once for the worker with a NULL request, then once for each of its tasks. */
bool pidbox_read_requests(struct str body, enum serializer serializer,
                          void (*fn)(void *ctx, struct str node,
                                     const struct pidbox_request *request),
                          void *ctx);

/* `registered`: once for the worker with a NULL name, then once for each task
 * that it knows, without what is appended in brackets. */
bool pidbox_read_registered(struct str body, enum serializer serializer,
                            void (*fn)(void *ctx, struct str node,
                                       struct str name),
                            void *ctx);

/* `enable_events` and other commands that only say ok, or why not: errors are
 * told here, too. */
bool pidbox_read_ok(struct str body, enum serializer serializer,
                    void (*fn)(void *ctx, struct str node, bool ok,
                               struct str words),
                    void *ctx);
