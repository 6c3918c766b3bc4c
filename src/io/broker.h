#pragma once

/* A broker connection as the rest of the program sees it. It keeps itself
 * connected: the first reconnect at once, then after 0.1 s doubling to 10 s
 * with full jitter, 60 s after refused credentials; the series starts anew
 * once it has been subscribed for 10 s. */

#include <stdint.h>
#include <uv.h>

#include "wire/message.h"
#include "wire/url.h"

/* Why an attempt failed or a subscription ended. The names are the values of
 * the reason label of celery_exporter_broker_connect_errors_total and
 * celery_exporter_broker_disconnects_total, a fixed set. */
enum broker_reason {
    BROKER_RESOLVE,     /* the host name has no address */
    BROKER_REFUSED,     /* nobody listens, or no such socket */
    BROKER_TIMEOUT,     /* connecting or logging in took too long */
    BROKER_UNREACHABLE, /* no route, network down */
    BROKER_CLOSED,      /* the peer ended the connection */
    BROKER_RESET,       /* the connection broke */
    BROKER_SILENT,      /* connected, but no answer to a ping */
    BROKER_PROTOCOL,    /* the peer does not speak the protocol */
    BROKER_TLS,         /* no encryption that both sides accept */
    BROKER_AUTH,        /* credentials missing or refused */
    BROKER_PERMISSION,  /* the account may not subscribe, or select the db */
    BROKER_LOADING,     /* the server is starting, or has lost its master */
    BROKER_BUSY,        /* too many clients, or a script blocks it */
    BROKER_SENTINEL,    /* no Sentinel answers */
    BROKER_MASTER,      /* no Sentinel knows the master, or it is none now */
    BROKER_ERROR,       /* any other error reply */
    BROKER_REASON_COUNT
};

struct str broker_reason_name(enum broker_reason reason);

struct broker_config {
    struct url_list urls; /* borrowed only for the call */
    /* The URLs as they are now, for each connect, or false when those at hand
     * are to stay; NULL: they always stay. The list is the caller's. */
    bool (*load_urls)(void *ctx, struct url_list *out);
    void *load_ctx;
    const char *event_exchange;   /* "celeryev" */
    const char *control_exchange; /* "celery" */
    /* kombu's transport options of Redis */
    const char *global_keyprefix; /* "" */
    const char *fanout_prefix;    /* "/{db}."; "" when switched off */
    bool fanout_patterns;
    const char *sep; /* between a queue and its step; NULL: bytes 06 16 */
    const int64_t *priority_steps; /* NULL: 0, 3, 6, 9 */
    size_t npriority_steps;
    const char *unacked_key;       /* "unacked" */
    const char *unacked_index_key; /* "unacked_index" */
    /* of sentinel:// URLs */
    const char *master_name;
    int64_t min_other_sentinels;
    char *const *master_hosts; /* that Sentinels may name; none: any */
    size_t nmaster_hosts;
    char *sentinel_user; /* of the Sentinels themselves; NULL: none */
    char *sentinel_password;
    struct tls_options sentinel_tls;
    /* of our event queue on RabbitMQ: what it holds, and for how long */
    int64_t event_queue_ttl_ms;
    int64_t event_queue_max_bytes;
    size_t event_max_bytes; /* longer messages are skipped and counted */
    size_t burst_buffer;    /* bytes drained and not yet decoded */
    /* Seconds between attempts; 0 follows the policy above. */
    int64_t retry_interval_s;
};

/* What a broker says of one queue. */
struct queue_state {
    int64_t length;    /* waiting messages, all priorities; -1 = refused */
    int64_t consumers; /* -1 = the broker does not know any */
    bool missing;      /* there is no such queue: the length is 0. Redis
                          cannot tell that from an empty one */
    /* Where each priority step has a list of its own, ascending; the first is
     * step 0. None on RabbitMQ. */
    const int64_t *steps;
    const int64_t *step_lengths;
    size_t nsteps;
};

/* Called from the loop. None of them may free the broker. */
struct broker_handler {
    void (*up)(void *ctx); /* subscribed: events flow from here on */
    /* After an up. The last byte came unheard_ms ago, and what was sent since
     * may not have reached us. */
    void (*down)(void *ctx, enum broker_reason reason, int64_t unheard_ms);
    void (*failed)(void *ctx, enum broker_reason reason); /* an attempt */
    void (*message)(void *ctx, const struct message *message);
    void (*reject)(void *ctx, enum reject reason, size_t wire_bytes);
    /* One message of the reply queue. */
    void (*reply)(void *ctx, const struct message *message);
    /* Workers cannot be asked: a command, or the reply queue, was refused; and
     * with false that this is over. Told at each change; may be NULL. */
    void (*refused)(void *ctx, bool refused);
    /* Answer to broker_ask_queue. */
    void (*queue)(void *ctx, struct str name, const struct queue_state *state);
    /* Answer to broker_ask_unacked: messages delivered and not acknowledged,
     * -1 when the broker refused to say; and when the oldest of them was
     * delivered, in Unix seconds, NaN when there is none. */
    void (*unacked)(void *ctx, int64_t n, double oldest_s);
    /* Answer to broker_ask_bindings: each queue that is bound, then once a
     * NULL name; `ok` is false there when the broker refused to say. */
    void (*binding)(void *ctx, struct str queue, bool ok);
    /* When the server's certificate ends, in Unix seconds: with TLS, before
     * up and, once it is known, before failed. */
    void (*certificate)(void *ctx, int64_t not_after_s);
    void *ctx;
};

struct broker;

/* Begins to connect on the loop's next turn. */
struct broker *broker_new(uv_loop_t *loop, const struct broker_config *config,
                          const struct broker_handler *handler);
/* Publishes a control command (a pidbox body, JSON) to every worker. False
 * when the command connection is not up; the command is lost then. */
bool broker_broadcast(struct broker *broker, struct str command);
/* Routing key for `reply_to` of commands that want an answer. */
struct str broker_reply_key(const struct broker *broker);
/* While on, the reply queue is read and `reply` called; off leaves nothing
 * on the broker that outlives the connection. */
void broker_collect_replies(struct broker *broker, bool on);
/* Asks for one queue's length; false when the command connection is down. */
bool broker_ask_queue(struct broker *broker, struct str name);
/* The next two are answered on Redis only, as RabbitMQ does not tell; false
 * there, and when the command connection is down. */
bool broker_ask_unacked(struct broker *broker);
/* Which queues are bound to the exchanges of tasks, a bounded number of keys
 * at a time; one question at a time, false while one is under way. */
bool broker_ask_bindings(struct broker *broker);
/* Removes what it put on the broker, closes, and calls `done` after the last
 * handle is closed, within 1 s; the broker is gone then. */
void broker_free(struct broker *broker, void (*done)(void *ctx), void *ctx);

/* A fresh connection to see whether the broker answers a PING: /health. The
 * result is what the attempt met; deadline 3 s. */
typedef void (*broker_probe_fn)(void *ctx, bool ok, enum broker_reason reason);
void broker_probe(uv_loop_t *loop, const struct broker_config *config,
                  broker_probe_fn fn, void *ctx);
