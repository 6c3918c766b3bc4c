#pragma once

/* Goes through the keys of a Redis server for the queues that are bound, also
 * those that nobody consumes. A server may have millions of keys, and a scan
 * of them all would stop it and us: one page is asked for at a time, with a
 * pause behind it, and each question goes on where the last one ended. */

#include "io/redis_session.h"

enum {
    /* Items of one page: COUNT is a wish, and a server gives a few more. Sets
     * that it keeps as one piece come whole, however many that are: 512 with
     * its own settings. */
    REDIS_PAGE_ITEMS = 4096,
    REDIS_CURSOR_LEN = 20, /* digits of 64 bits */
};

struct redis_bindings {
    const struct broker_config *config;
    const struct redis_deadlines *deadlines;
    const struct broker_handler *handler;
    struct redis_session *session; /* NULL while there is none */
    uv_timer_t timer;              /* the pause */
    /* Where the next page begins, of the keys and of the first set. */
    char cursor[REDIS_CURSOR_LEN + 1];
    char set_cursor[REDIS_CURSOR_LEN + 1];
    bool at_end;    /* the keys have been gone through */
    char **sets;    /* still to be read, the last one first */
    size_t nsets;   /* at most those of one page */
    size_t set_len; /* members read of the present one */
    /* Of the question under way: */
    bool asking;
    bool refused;
    size_t npages;
    size_t nread; /* sets and members */
    bool warned;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* All are borrowed for its life. */
void redis_bindings_init(struct redis_bindings *bindings, uv_loop_t *loop,
                         const struct broker_config *config,
                         const struct redis_deadlines *deadlines,
                         const struct broker_handler *handler);
/* A session is ready, or (NULL) is lost: a question under way then remains
 * unanswered, and the next begins at the first key. */
void redis_bindings_attach(struct redis_bindings *bindings,
                           struct redis_session *session);
/* handler->binding gets the queues and the end. A refusal is logged once.
 * False while a question is under way. */
bool redis_bindings_ask(struct redis_bindings *bindings);
void redis_bindings_close(struct redis_bindings *bindings,
                          void (*closed)(void *ctx), void *ctx);
