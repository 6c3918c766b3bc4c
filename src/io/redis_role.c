#include "io/redis_role.h"

#include "io/redis_words.h"
#include "io/sentinel_reply.h"

enum { ROLE_MS = 5000 };

void
redis_role_init(struct redis_role_watch *watch, uv_loop_t *loop,
                void (*demoted)(void *ctx), void *ctx)
{
    *watch = (struct redis_role_watch){.demoted = demoted, .ctx = ctx};
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
}

static void
on_role(void *ctx, const struct resp_reply *reply)
{
    struct redis_role_watch *watch = ctx;
    if (reply == NULL || watch->session == NULL)
        return;
    switch (redis_read_role(reply)) {
    case REDIS_ROLE_MASTER:
    case REDIS_ROLE_ERROR: /* busy, loading: an answer to another question */
        break;
    case REDIS_ROLE_OTHER:
        watch->demoted(watch->ctx);
        break;
    case REDIS_ROLE_HIDDEN:
        redis_warn_refused(&watch->warned,
                           "Cannot ask the server whether it is the master",
                           reply->items[0].str);
        break;
    }
}

static void
ask(uv_timer_t *timer)
{
    struct redis_role_watch *watch = timer->data;
    redis_session_send(watch->session, &(const struct str)STR_INIT("ROLE"), 1,
                       on_role, watch);
}

void
redis_role_attach(struct redis_role_watch *watch, struct redis_session *session)
{
    watch->session = session;
    if (session == NULL)
        uv_timer_stop(&watch->timer);
    else
        uv_timer_start(&watch->timer, ask, 0, ROLE_MS);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    const struct redis_role_watch *watch = handle->data;
    watch->closed(watch->ctx);
}

void
redis_role_close(struct redis_role_watch *watch, void (*closed)(void *ctx))
{
    watch->closed = closed;
    uv_close((uv_handle_t *)&watch->timer, on_timer_closed);
}
