#pragma once

/* A Celery monitoring event, and the decoding of a message body into a
 * sequence of them. A body is one event (a mapping) or a list of events
 * (task.multi), as Celery 4.0 and later send it; the list may be empty. */

#include <stdint.h>

#include "base/str.h"
#include "wire/reject.h"

enum event_type {
    EVENT_TASK_SENT,
    EVENT_TASK_RECEIVED,
    EVENT_TASK_STARTED,
    EVENT_TASK_SUCCEEDED,
    EVENT_TASK_FAILED,
    EVENT_TASK_REJECTED,
    EVENT_TASK_REVOKED,
    EVENT_TASK_RETRIED,
    EVENT_TASK_CANCELLED,
    EVENT_WORKER_ONLINE,
    EVENT_WORKER_HEARTBEAT,
    EVENT_WORKER_OFFLINE,
    EVENT_OTHER, /* custom types, and Celery's worker-elect */
    EVENT_TYPE_COUNT
};

/* Celery's name, "task-sent"; "other" for EVENT_OTHER. */
struct str event_type_name(enum event_type type);

/* One event. Slices are valid until the callback returns. Text is as the
 * sender wrote it, escapes decoded: valid UTF-8 (broken sequences are
 * U+FFFD), but of any length and with any character. A string that is absent
 * or not a string is empty with ptr NULL. */
struct event {
    enum event_type type;
    /* Sender's nodename, name@host; never NULL, but "" when a custom event
     * does not say. */
    struct str hostname;
    struct str uuid;  /* task events: never NULL */
    struct str name;  /* task-sent, task-received */
    struct str queue; /* task-sent */
    int64_t retries;  /* task-sent, task-received: runs before this one; -1
                         when absent */
    /* Class of the exception without its module ("UnknownException" when
     * nothing can be found): task-failed, task-retried. */
    struct str exception;
    double timestamp; /* sender's clock, Unix seconds; NaN when unusable */
    double eta;       /* Unix seconds; NaN when none */
    double expires;   /* Unix seconds; NaN when none */
    double runtime;   /* task-succeeded, seconds, 0..1e9; NaN when unusable */
    int64_t pid;      /* -1 when absent */
    int64_t clock;    /* Lamport clock of the sender; -1 when absent */
    /* task-revoked, task-rejected */
    bool terminated;
    bool expired;
    bool requeue;
    /* worker events; counts are -1 and loads NaN when absent, as in the
     * heartbeat that another monitor forced */
    int64_t active;
    int64_t processed;
    double loadavg[3];
    struct str sw_ident;
    struct str sw_ver;
    struct str sw_sys;
};

enum serializer {
    SERIALIZER_JSON,    /* application/json */
    SERIALIZER_MSGPACK, /* application/x-msgpack */
};

struct event_handler {
    /* One valid event. */
    void (*event)(void *ctx, const struct event *ev);
    /* One refusal: of an event (the others of its list still count), or of a
     * field of the event delivered next. */
    void (*reject)(void *ctx, enum reject reason);
    void *ctx;
};

/* Scratch memory that is kept between messages. */
struct event_decoder;

struct event_decoder *event_decoder_new(void);
void event_decoder_free(struct event_decoder *decoder);
/* Decodes one message body. Whatever can be read is delivered; a body that
 * breaks off ends with one refusal (one in msgpack is read as a whole or not
 * at all). Never fails otherwise. An element of a list, or a body, that is
 * no object or an empty one is REJECT_SHAPE; an empty list is neither event
 * nor refusal. EVENT_OTHER needs no more than a type. */
void event_decode(struct event_decoder *decoder, struct str body,
                  enum serializer serializer,
                  const struct event_handler *handler);
