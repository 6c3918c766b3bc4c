#include "io/redis_replies.h"

#include "base/log.h"
#include "io/redis_names.h"
#include "io/redis_words.h"
#include "wire/kombu.h"

enum {
    MAX_BURST = 64,
    /* A worker that is just answering found the binding before it was gone. */
    LATE_MS = 100,
};

void
redis_replies_init(struct redis_replies *replies, uv_loop_t *loop,
                   const struct broker_config *config,
                   const struct redis_deadlines *deadlines,
                   const struct broker_handler *handler,
                   struct refusals *refusals)
{
    *replies = (struct redis_replies){
        .config = config,
        .deadlines = deadlines,
        .handler = handler,
        .refusals = refusals,
    };
    uuid_random(replies->key);
    buf_init(&replies->scratch, 0);
    uv_timer_init(loop, &replies->timer);
    replies->timer.data = replies;
}

static struct str
key(const struct redis_replies *replies)
{
    return (struct str){replies->key, UUID_LEN};
}

/* True when the command was done. */
static bool
check(struct redis_replies *replies, const struct resp_reply *reply)
{
    if (reply == NULL)
        return false;
    if (reply->array || reply->items[0].type != RESP_ERROR)
        return true;
    redis_warn_refused(&replies->warned, "Cannot receive replies of workers",
                       reply->items[0].str);
    return false;
}

/* The same of what replies cannot do without. */
static bool
check_needed(struct redis_replies *replies, enum refusal what,
             const struct resp_reply *reply)
{
    const bool ok = check(replies, reply);
    if (reply != NULL)
        refusals_note(replies->refusals, what, !ok);
    return ok;
}

static void
on_bound(void *ctx, const struct resp_reply *reply)
{
    struct redis_replies *replies = ctx;
    check_needed(replies, REFUSAL_BINDING, reply);
}

static void
be_gone(struct redis_replies *replies)
{
    void (*gone)(void *) = replies->gone;
    replies->gone = NULL;
    if (gone != NULL)
        gone(replies->gone_ctx);
}

static void
on_deleted(void *ctx, const struct resp_reply *reply)
{
    struct redis_replies *replies = ctx;
    if (check(replies, reply) && !replies->wanted)
        replies->bound = false;
}

static void
on_last_deleted(void *ctx, const struct resp_reply *reply)
{
    check(ctx, reply);
    be_gone(ctx);
}

static void
on_unbound(void *ctx, const struct resp_reply *reply)
{
    check(ctx, reply);
}

/* SADD or SREM of our member of the set. */
static bool
send_member(struct redis_replies *replies, struct str verb, redis_reply_fn fn)
{
    struct buf set, member;
    buf_init(&set, 0);
    buf_init(&member, 0);
    redis_reply_set(&set, replies->config);
    redis_reply_member(&member, replies->config, key(replies));
    const struct str args[] = {verb, buf_str(&set), buf_str(&member)};
    const bool ok =
        redis_session_send(replies->session, args, COUNT_OF(args), fn, replies);
    buf_close(&member);
    buf_close(&set);
    return ok;
}

static bool
send_list(struct redis_replies *replies, struct str verb, redis_reply_fn fn)
{
    struct buf list;
    buf_init(&list, 0);
    redis_reply_list(&list, replies->config, key(replies));
    const struct str args[] = {verb, buf_str(&list)};
    const bool ok =
        redis_session_send(replies->session, args, COUNT_OF(args), fn, replies);
    buf_close(&list);
    return ok;
}

static void
decode(struct redis_replies *replies, const struct resp_reply *reply)
{
    struct message message;
    buf_clear(&replies->scratch);
    const enum reject reject =
        kombu_decode(reply->items[0].str, &replies->scratch, &message);
    if (reject == REJECT_NONE) {
        message.wire_bytes = reply->wire_bytes;
        replies->handler->reply(replies->handler->ctx, &message);
        return;
    }
    LOG_LIMITED(LOG_WARN, reject_name(reject).ptr,
                "Cannot read the reply of a worker", "reason",
                reject_name(reject).ptr, NULL);
}

static void ask(struct redis_replies *replies, size_t n);

/* True when there was something. */
static bool
take_popped(struct redis_replies *replies, const struct resp_reply *reply)
{
    if (!check_needed(replies, REFUSAL_REPLIES, reply) || reply->array)
        return false;
    switch (reply->items[0].type) {
    case RESP_STRING:
        decode(replies, reply);
        return true;
    case RESP_SKIPPED:
        LOG_LIMITED(LOG_WARN, "size", "The reply of a worker is too long",
                    NULL);
        return true;
    case RESP_STATUS:
    case RESP_ERROR:
    case RESP_INTEGER:
    case RESP_NIL:
    case RESP_ARRAY:
        break;
    }
    return false;
}

/* As long as there is one for each that was asked for, twice as many are asked
 * for at once: thousands of replies must not take a round trip each. Else the
 * timer looks again. */
static void
on_popped(void *ctx, const struct resp_reply *reply)
{
    struct redis_replies *replies = ctx;
    if (take_popped(replies, reply))
        replies->nfound++;
    if (--replies->nasked > 0 || replies->nfound < replies->burst)
        return;
    ask(replies,
        2 * replies->burst < MAX_BURST ? 2 * replies->burst : MAX_BURST);
}

static void
ask(struct redis_replies *replies, size_t n)
{
    if (replies->nasked > 0 || !replies->wanted || replies->session == NULL)
        return;
    replies->burst = n;
    replies->nfound = 0;
    while (n-- > 0 && send_list(replies, STR("RPOP"), on_popped))
        replies->nasked++;
}

static void
on_timer(uv_timer_t *timer)
{
    ask(timer->data, 1);
}

static void
bind_queue(struct redis_replies *replies)
{
    const uint64_t ms = (uint64_t)replies->deadlines->poll_ms;
    replies->bound |= send_member(replies, STR("SADD"), on_bound);
    uv_timer_start(&replies->timer, on_timer, ms, ms);
}

/* Nothing expires by itself. */
static void
unbind_queue(struct redis_replies *replies)
{
    send_member(replies, STR("SREM"), on_unbound);
    send_list(replies, STR("DEL"), on_deleted);
}

void
redis_replies_attach(struct redis_replies *replies,
                     struct redis_session *session)
{
    replies->session = session;
    if (session == NULL) {
        uv_timer_stop(&replies->timer);
        be_gone(replies);
    } else if (replies->wanted) {
        bind_queue(replies);
    } else if (replies->bound) {
        unbind_queue(replies);
    }
}

void
redis_replies_collect(struct redis_replies *replies, bool on)
{
    if (on == replies->wanted)
        return;
    replies->wanted = on;
    if (!on)
        uv_timer_stop(&replies->timer);
    if (replies->session == NULL)
        return;
    if (on)
        bind_queue(replies);
    else
        unbind_queue(replies);
}

static void
on_late(uv_timer_t *timer)
{
    struct redis_replies *replies = timer->data;
    if (!send_list(replies, STR("DEL"), on_last_deleted))
        be_gone(replies);
}

void
redis_replies_leave(struct redis_replies *replies, void (*gone)(void *ctx),
                    void *ctx)
{
    const bool collecting = replies->wanted;
    replies->gone = gone;
    replies->gone_ctx = ctx;
    redis_replies_collect(replies, false);
    if (replies->session == NULL || !replies->bound) {
        be_gone(replies);
        return;
    }
    if (!collecting)
        unbind_queue(replies); /* again: nobody has answered yet */
    uv_timer_start(&replies->timer, on_late, LATE_MS, 0);
}

void
redis_replies_close(struct redis_replies *replies, uv_close_cb on_timer_closed)
{
    buf_close(&replies->scratch);
    uv_close((uv_handle_t *)&replies->timer, on_timer_closed);
}
