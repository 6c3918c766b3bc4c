#pragma once

/* RESP2, the protocol of Redis, as a codec: bytes in, replies out. Arrays of
 * strings are taken apart where they lie, if they lie there whole. hiredis
 * builds the other replies; it only ever sees whole frames that a framer of
 * ours has measured, so its memory is bounded whatever a server sends.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/ */

#include <stdint.h>

#include "base/buf.h"

enum resp_type {
    RESP_STRING,
    RESP_STATUS, /* +OK */
    RESP_ERROR,  /* -NOAUTH ... */
    RESP_INTEGER,
    RESP_NIL,
    RESP_SKIPPED, /* a string longer than max_string: its bytes are gone */
    RESP_ARRAY,   /* only inside another array: count in integer, its items
                     follow in the same list */
};

struct resp_item {
    enum resp_type type;
    struct str str; /* string, status, error */
    int64_t integer;
};

/* One reply, flattened. A plain reply has one item and array false; an array
 * has its items, nested ones in reading order. */
struct resp_reply {
    bool array;
    size_t nitems;
    const struct resp_item *items; /* slices until the callback returns */
    size_t wire_bytes;
};

/* May not free the codec; resp_stop() makes resp_feed return early. */
typedef void (*resp_fn)(void *ctx, const struct resp_reply *reply);

enum resp_status {
    RESP_OK = 0,
    RESP_PROTOCOL, /* not RESP2, a line too long, too many elements, depth */
};

/* Each connection has its own: only one that asks for pages of a scan takes
 * more than a few items. */
struct resp_limits {
    size_t max_string; /* bytes; longer ones are skipped, not kept */
    size_t max_items;  /* of one reply, nested ones included */
};

struct resp;

struct resp *resp_new(const struct resp_limits *limits, resp_fn fn, void *ctx);
void resp_free(struct resp *resp);
/* Takes any number of bytes, split anywhere. After RESP_PROTOCOL the codec is
 * dead: close the connection and make a new one. */
enum resp_status resp_feed(struct resp *resp, struct str bytes) MUST_CHECK;
void resp_stop(struct resp *resp);
/* True while a reply has begun and not ended. */
bool resp_pending(const struct resp *resp);

/* Appends a command of n arguments. */
void resp_command(struct buf *out, const struct str *args, size_t n);
