#include "io/sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "io/redis_session.h"
#include "io/sentinel_reply.h"

enum {
    MAX_ITEMS = 128, /* SENTINEL MASTER has some fifty */
    MAX_STRING = 4096,
    BURST = 64 * 1024,
    WHY = 200,
};

/* A Sentinel that is silent may not use up the time of the others. */
static const struct redis_deadlines deadlines = {
    .connect_ms = 1000,
    .login_ms = 1000,
};

struct sentinel {
    uv_loop_t *loop;
    const struct broker_config *config;
    struct sentinel_handler handler;
    size_t first;
    size_t nasked;
    struct url url; /* of the Sentinel being asked; all borrowed */
    struct redis_session *session;
    struct sentinel_master master; /* what it says */
    unsigned nopen;                /* sessions, and the query itself */
    bool over;
    /* Of the answers so far, for people. */
    enum broker_reason reason;
    struct buf why;
};

bool
sentinel_wanted(const struct broker_config *config)
{
    return config->urls.urls[0].scheme == URL_SENTINEL;
}

struct url
sentinel_master_url(const struct broker_config *config, const char *host,
                    uint16_t port)
{
    const struct url *given = &config->urls.urls[0];
    return (struct url){
        .scheme = URL_REDIS,
        .host = xstrdup(host),
        .port = port,
        .user = given->user,
        .password = given->password,
        .db = given->db,
        .tls = given->tls,
    };
}

static void
forget_handle(void *ctx)
{
    struct sentinel *sentinel = ctx;
    if (--sentinel->nopen > 0)
        return;
    const struct sentinel_handler handler = sentinel->handler;
    buf_close(&sentinel->why);
    free(sentinel);
    handler.closed(handler.ctx);
}

static size_t
current(const struct sentinel *sentinel)
{
    return (sentinel->first + sentinel->nasked) % sentinel->config->urls.n;
}

static void
drop_session(struct sentinel *sentinel)
{
    redis_session_close(sentinel->session);
    sentinel->session = NULL;
}

static void ask_next(struct sentinel *sentinel);

/* A Sentinel that speaks but does not know is worth more to whoever reads the
 * log than one that is not there. */
static void
note(struct sentinel *sentinel, enum broker_reason reason, const char *what)
{
    if (sentinel->reason != BROKER_SENTINEL && reason == BROKER_SENTINEL)
        return;
    sentinel->reason = reason;
    buf_clear(&sentinel->why);
    if (reason == BROKER_SENTINEL)
        buf_add_str(&sentinel->why, STR("no Sentinel answers; "));
    buf_printf(&sentinel->why, "Sentinel %s:%u: %s", sentinel->url.host,
               sentinel->url.port, what);
    buf_add_byte(&sentinel->why, '\0');
}

static void
pass_on(struct sentinel *sentinel, enum broker_reason reason, const char *what)
{
    note(sentinel, reason, what);
    drop_session(sentinel);
    sentinel->nasked++;
    ask_next(sentinel);
}

static void
refuse(struct sentinel *sentinel, struct str error)
{
    const enum broker_reason reason = redis_error_reason(error);
    char what[WHY];
    if (str_starts(error, STR("ERR unknown command")))
        pass_on(sentinel, BROKER_PROTOCOL, "it is a Redis server, no Sentinel");
    else if (reason == BROKER_AUTH)
        pass_on(sentinel, BROKER_AUTH,
                "it wants a password (sentinel_kwargs in "
                "--broker-transport-option)");
    else {
        snprintf(what, sizeof(what), "it says: %.*s",
                 (int)(error.len < 120 ? error.len : 120), error.ptr);
        pass_on(sentinel, reason == BROKER_ERROR ? BROKER_MASTER : reason,
                what);
    }
}

static bool
may_be_master(const struct broker_config *config, struct str host)
{
    for (size_t i = 0; i < config->nmaster_hosts; i++)
        if (str_eq_nocase(host, str_from(config->master_hosts[i])))
            return true;
    return config->nmaster_hosts == 0;
}

static void
take(struct sentinel *sentinel)
{
    const char *host = sentinel->master.host;
    if (!may_be_master(sentinel->config, str_from(host))) {
        char what[WHY];
        snprintf(what, sizeof(what),
                 "it names %.80s, which is none of master_hosts in "
                 "--broker-transport-option",
                 host);
        pass_on(sentinel, BROKER_MASTER, what);
        return;
    }
    sentinel->over = true;
    drop_session(sentinel);
    sentinel->handler.found(sentinel->handler.ctx, host, sentinel->master.port,
                            current(sentinel));
    forget_handle(sentinel);
}

static void
conclude(struct sentinel *sentinel, enum sentinel_verdict verdict,
         const struct resp_reply *reply)
{
    switch (verdict) {
    case SENTINEL_FOUND:
        take(sentinel);
        break;
    case SENTINEL_UNKNOWN: {
        char what[WHY];
        snprintf(what, sizeof(what),
                 "it knows no master \"%.80s\" (master_name in "
                 "--broker-transport-option)",
                 sentinel->config->master_name);
        pass_on(sentinel, BROKER_MASTER, what);
        break;
    }
    case SENTINEL_FEW:
        pass_on(sentinel, BROKER_MASTER,
                "it sees too few other Sentinels (min_other_sentinels)");
        break;
    case SENTINEL_ERROR:
        refuse(sentinel, reply->items[0].str);
        break;
    case SENTINEL_STRANGE:
        pass_on(sentinel, BROKER_PROTOCOL, "its answer is not understood");
        break;
    }
}

static void
on_others(void *ctx, const struct resp_reply *reply)
{
    struct sentinel *sentinel = ctx;
    if (reply != NULL)
        conclude(
            sentinel,
            sentinel_read_others(reply, sentinel->config->min_other_sentinels),
            reply);
}

static void
send_question(struct sentinel *sentinel, struct str which, redis_reply_fn fn)
{
    const struct str args[] = {STR("SENTINEL"), which,
                               str_from(sentinel->config->master_name)};
    redis_session_send(sentinel->session, args, COUNT_OF(args), fn, sentinel);
}

static void
on_address(void *ctx, const struct resp_reply *reply)
{
    struct sentinel *sentinel = ctx;
    if (reply == NULL)
        return;
    const enum sentinel_verdict verdict =
        sentinel_read_address(reply, &sentinel->master);
    if (verdict == SENTINEL_FOUND && sentinel->config->min_other_sentinels > 0)
        send_question(sentinel, STR("MASTER"), on_others);
    else
        conclude(sentinel, verdict, reply);
}

static void
on_ready(void *ctx)
{
    send_question(ctx, STR("GET-MASTER-ADDR-BY-NAME"), on_address);
}

static void
on_push(void *ctx, const struct resp_reply *reply)
{
    (void)ctx;
    (void)reply;
}

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    struct sentinel *sentinel = ctx;
    sentinel->session = NULL;
    if (reason == BROKER_AUTH)
        pass_on(sentinel, reason,
                "it refused the login (sentinel_kwargs in "
                "--broker-transport-option)");
    else
        pass_on(sentinel, reason == BROKER_PROTOCOL ? reason : BROKER_SENTINEL,
                why);
}

/* Plain TCP; encryption of these connections has a setting of its own. */
static struct url
url_of(const struct sentinel *sentinel)
{
    const struct broker_config *config = sentinel->config;
    const struct url *given = &config->urls.urls[current(sentinel)];
    return (struct url){
        .scheme = URL_REDIS,
        .host = given->host,
        .port = given->port,
        .user = config->sentinel_user,
        .password = config->sentinel_password,
        .tls = config->sentinel_tls,
    };
}

static void
fail(struct sentinel *sentinel)
{
    sentinel->over = true;
    sentinel->handler.failed(sentinel->handler.ctx, sentinel->reason,
                             sentinel->why.ptr);
    forget_handle(sentinel);
}

static void
ask_next(struct sentinel *sentinel)
{
    if (sentinel->nasked == sentinel->config->urls.n) {
        fail(sentinel);
        return;
    }
    sentinel->url = url_of(sentinel);
    sentinel->nopen++;
    sentinel->session = redis_session_new(
        sentinel->loop,
        &(struct redis_session_config){
            .url = &sentinel->url,
            .deadlines = &deadlines,
            .limits = {.max_string = MAX_STRING, .max_items = MAX_ITEMS},
            .burst_buffer = BURST,
        },
        &(struct redis_session_handler){
            .ready = on_ready,
            .push = on_push,
            .ended = on_ended,
            .closed = forget_handle,
            .ctx = sentinel,
        });
}

struct sentinel *
sentinel_ask(uv_loop_t *loop, const struct broker_config *config, size_t first,
             const struct sentinel_handler *handler)
{
    struct sentinel *sentinel = xcalloc(1, sizeof(*sentinel));
    *sentinel = (struct sentinel){
        .loop = loop,
        .config = config,
        .handler = *handler,
        .first = first,
        .nopen = 1,
        .reason = BROKER_SENTINEL,
    };
    buf_init(&sentinel->why, 0);
    ask_next(sentinel);
    return sentinel;
}

void
sentinel_close(struct sentinel *sentinel)
{
    if (sentinel == NULL || sentinel->over)
        return;
    sentinel->over = true;
    drop_session(sentinel);
    forget_handle(sentinel);
}
