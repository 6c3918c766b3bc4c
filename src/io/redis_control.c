#include "io/redis_control.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "io/backoff.h"
#include "io/redis_bindings.h"
#include "io/redis_lengths.h"
#include "io/redis_publish.h"
#include "io/redis_replies.h"
#include "io/redis_role.h"
#include "io/redis_unacked.h"
#include "io/sentinel_reply.h"

enum { BURST = 4 * 1024 * 1024 };
static_assert((int)REDIS_PAGE_ITEMS >= (int)REDIS_ROLE_ITEMS,
              "the answer to ROLE must fit, too");

struct redis_control {
    uv_loop_t *loop;
    const struct broker_config *config;
    const struct redis_deadlines *deadlines;
    const struct broker_handler *handler;
    const struct url *url; /* to follow; NULL while the subscription is down */
    struct redis_session *session;
    bool ready;
    uint64_t ready_since;
    struct backoff backoff;
    uv_timer_t retry;
    struct redis_replies replies;
    struct redis_publish publish;
    struct refusals refusals;
    struct redis_lengths lengths;
    struct redis_unacked unacked;
    struct redis_bindings bindings;
    struct redis_role_watch role;
    bool watching; /* the role */
    void (*demoted)(void *ctx);
    void *demoted_ctx;
    bool warned_db;
    unsigned nopen; /* sessions and timers */
    uv_timer_t cleanup;
    bool shut;
    void (*done)(void *ctx);
    void *done_ctx;
};

static void try_later(struct redis_control *control, enum broker_reason reason);

static void
forget_handle(struct redis_control *control)
{
    if (--control->nopen > 0 || control->done == NULL)
        return;
    void (*done)(void *) = control->done;
    void *ctx = control->done_ctx;
    free(control);
    done(ctx);
}

static void
on_closed(void *ctx)
{
    forget_handle(ctx);
}

/* Questions */

bool
redis_control_broadcast(struct redis_control *control, struct str command)
{
    if (control->session == NULL || control->url == NULL)
        return false;
    return control->ready ? redis_publish(&control->publish, control->session,
                                          control->url->db, command)
                          : redis_publish_later(&control->publish, command);
}

static bool
can_ask(const struct redis_control *control)
{
    return control->ready && !redis_session_db_refused(control->session);
}

bool
redis_control_ask_queue(struct redis_control *control, struct str name)
{
    return can_ask(control) && redis_lengths_ask(&control->lengths, name);
}

bool
redis_control_ask_unacked(struct redis_control *control)
{
    return can_ask(control) &&
           redis_unacked_ask(&control->unacked, control->session);
}

bool
redis_control_ask_bindings(struct redis_control *control)
{
    return can_ask(control) && redis_bindings_ask(&control->bindings);
}

struct str
redis_control_reply_key(const struct redis_control *control)
{
    return (struct str){control->replies.key, UUID_LEN};
}

void
redis_control_collect(struct redis_control *control, bool on)
{
    redis_replies_collect(&control->replies, on);
}

/* Connection */

static void
warn_of_db(struct redis_control *control)
{
    if (!control->warned_db)
        LOG(LOG_WARN,
            "The account may not SELECT the database: no queue lengths, no "
            "replies of workers",
            NULL);
    control->warned_db = true;
}

static void
on_ready(void *ctx)
{
    struct redis_control *control = ctx;
    control->ready = true;
    control->ready_since = uv_now(control->loop);
    redis_session_settle(control->session, false);
    LOG(LOG_DEBUG, "Command connection is up", NULL);
    const bool db_refused = redis_session_db_refused(control->session);
    refusals_note(&control->refusals, REFUSAL_DATABASE, db_refused);
    if (db_refused)
        warn_of_db(control);
    else
        redis_replies_attach(&control->replies, control->session);
    redis_lengths_attach(&control->lengths, control->session);
    redis_bindings_attach(&control->bindings, control->session);
    if (control->watching)
        redis_role_attach(&control->role, control->session);
    if (control->url != NULL)
        redis_publish_waiting(&control->publish, control->session,
                              control->url->db);
}

static void
on_push(void *ctx, const struct resp_reply *reply)
{
    (void)ctx;
    (void)reply;
}

static void
lose_session(struct redis_control *control)
{
    control->session = NULL;
    if (control->ready)
        backoff_held(&control->backoff,
                     (int64_t)(uv_now(control->loop) - control->ready_since));
    control->ready = false;
    redis_replies_attach(&control->replies, NULL);
    redis_lengths_attach(&control->lengths, NULL);
    redis_bindings_attach(&control->bindings, NULL);
    redis_role_attach(&control->role, NULL);
}

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    struct redis_control *control = ctx;
    const char *name = broker_reason_name(reason).ptr;
    if (control->url != NULL)
        LOG_LIMITED(LOG_WARN, name,
                    control->ready ? "Lost the command connection"
                                   : "Cannot open the command connection",
                    "reason", name, "err", why, NULL);
    lose_session(control);
    if (control->url != NULL)
        try_later(control, reason);
}

static void
open_session(struct redis_control *control)
{
    control->nopen++;
    control->session = redis_session_new(
        control->loop,
        &(struct redis_session_config){
            .url = control->url,
            .deadlines = control->deadlines,
            .limits = {.max_string = control->config->event_max_bytes,
                       .max_items = REDIS_PAGE_ITEMS},
            .burst_buffer = BURST,
        },
        &(struct redis_session_handler){
            .ready = on_ready,
            .push = on_push,
            .ended = on_ended,
            .closed = on_closed,
            .ctx = control,
        });
}

static void
on_retry(uv_timer_t *timer)
{
    open_session(timer->data);
}

static void
try_later(struct redis_control *control, enum broker_reason reason)
{
    const uint64_t random = hash_key_random().seed;
    const int64_t ms = reason == BROKER_AUTH
                           ? backoff_refused(&control->backoff, random)
                           : backoff_next(&control->backoff, random);
    uv_timer_start(&control->retry, on_retry, (uint64_t)ms, 0);
}

void
redis_control_follow(struct redis_control *control, const struct url *url)
{
    control->url = url;
    if (control->session != NULL && redis_session_is_for(control->session, url))
        return;
    if (control->session != NULL) {
        redis_session_close(control->session);
        lose_session(control);
    }
    control->backoff.nattempts = 1;
    open_session(control);
}

void
redis_control_rest(struct redis_control *control)
{
    control->url = NULL;
    uv_timer_stop(&control->retry);
    redis_publish_forget(&control->publish);
}

void
redis_control_leave(struct redis_control *control)
{
    redis_control_rest(control);
    if (control->session == NULL)
        return;
    redis_session_close(control->session);
    lose_session(control);
}

static void
on_demoted(void *ctx)
{
    struct redis_control *control = ctx;
    control->demoted(control->demoted_ctx);
}

void
redis_control_watch(struct redis_control *control, void (*demoted)(void *ctx),
                    void *ctx)
{
    control->watching = true;
    control->demoted = demoted;
    control->demoted_ctx = ctx;
}

struct redis_control *
redis_control_new(uv_loop_t *loop, const struct broker_config *config,
                  const struct redis_deadlines *deadlines,
                  const struct broker_handler *handler)
{
    struct redis_control *control = xcalloc(1, sizeof(*control));
    *control = (struct redis_control){
        .loop = loop,
        .config = config,
        .deadlines = deadlines,
        .handler = handler,
        .refusals.handler = handler,
        .publish = {.config = config, .refusals = &control->refusals},
        .lengths = {.config = config, .handler = handler},
        .unacked = {.config = config, .handler = handler},
        .backoff.fixed_ms = config->retry_interval_s * 1000,
        .nopen = 5,
    };
    uv_timer_init(loop, &control->retry);
    uv_timer_init(loop, &control->cleanup);
    control->retry.data = control->cleanup.data = control;
    redis_replies_init(&control->replies, loop, config, deadlines, handler,
                       &control->refusals);
    redis_bindings_init(&control->bindings, loop, config, deadlines, handler);
    redis_role_init(&control->role, loop, on_demoted, control);
    return control;
}

static void
on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

static void
on_replies_closed(uv_handle_t *handle)
{
    const struct redis_replies *replies = handle->data;
    forget_handle(replies->gone_ctx);
}

static void
shut(void *ctx)
{
    struct redis_control *control = ctx;
    if (control->shut)
        return;
    control->shut = true;
    redis_session_close(control->session);
    control->session = NULL;
    redis_role_close(&control->role, on_closed);
    redis_bindings_close(&control->bindings, on_closed, control);
    uv_close((uv_handle_t *)&control->retry, on_timer_closed);
    uv_close((uv_handle_t *)&control->cleanup, on_timer_closed);
    redis_replies_close(&control->replies, on_replies_closed);
}

static void
on_cleanup_timeout(uv_timer_t *timer)
{
    shut(timer->data);
}

void
redis_control_free(struct redis_control *control, void (*done)(void *ctx),
                   void *ctx)
{
    control->done = done;
    control->done_ctx = ctx;
    redis_control_rest(control);
    redis_lengths_attach(&control->lengths, NULL);
    redis_bindings_attach(&control->bindings, NULL);
    uv_timer_start(&control->cleanup, on_cleanup_timeout,
                   (uint64_t)control->deadlines->cleanup_ms, 0);
    redis_replies_leave(&control->replies, shut, control);
}
