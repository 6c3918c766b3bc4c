#pragma once

/* One connection to a Redis server: stream, codec, login, and the watch over
 * a server that has fallen silent. Commands are answered in order; what comes
 * without being asked for is a push. */

#include "io/broker.h"
#include "io/redis_deadlines.h"
#include "wire/resp.h"

struct redis_session_config {
    const struct url *url;                   /* copied */
    const struct redis_deadlines *deadlines; /* borrowed for its life */
    struct resp_limits limits;
    size_t burst_buffer;
};

/* The session may be closed from within any of them. */
struct redis_session_handler {
    void (*ready)(void *ctx); /* logged in */
    void (*push)(void *ctx, const struct resp_reply *reply);
    /* Once, unless redis_session_close was first; why is for people. */
    void (*ended)(void *ctx, enum broker_reason reason, const char *why);
    /* The last handle is closed, the session is gone; after ended, too. */
    void (*closed)(void *ctx);
    void *ctx;
};

/* reply is NULL when the session ends before the answer. */
typedef void (*redis_reply_fn)(void *ctx, const struct resp_reply *reply);

struct redis_session;

struct redis_session *
redis_session_new(uv_loop_t *loop, const struct redis_session_config *config,
                  const struct redis_session_handler *handler);
/* Sends one command; fn may be NULL, and is never called for a subscriber.
 * False, without any call, when too many wait for an answer, or the session
 * has ended. */
bool redis_session_send(struct redis_session *session, const struct str *args,
                        size_t n, redis_reply_fn fn, void *ctx);
/* The login deadline is met, the watch begins. A subscriber gets no answers
 * any more, only pushes. */
void redis_session_settle(struct redis_session *session, bool subscriber);
/* Whether it would be made the same with that URL. */
bool redis_session_is_for(const struct redis_session *session,
                          const struct url *url);
/* When the server's certificate ends, in Unix seconds; 0 without TLS. Good
 * until `closed`. */
int64_t redis_session_not_after(const struct redis_session *session);
/* Since the last byte, or since it was made. Good until `closed`. */
int64_t redis_session_unheard_ms(const struct redis_session *session);
/* The account may not select the URL's database: keys are out of reach. */
bool redis_session_db_refused(const struct redis_session *session);
/* Ends it as if by itself, because of an error reply to a command. */
void redis_session_refuse(struct redis_session *session, struct str error);
void redis_session_fail(struct redis_session *session,
                        enum broker_reason reason, const char *why);
/* Closes silently; fine after the end. */
void redis_session_close(struct redis_session *session);

/* What an error reply means, by its first words. */
enum broker_reason redis_error_reason(struct str error);
