#include "io/redis_publish.h"

#include "io/redis_names.h"
#include "io/redis_words.h"
#include "io/uuid.h"
#include "wire/kombu.h"

static void
on_published(void *ctx, const struct resp_reply *reply)
{
    struct redis_publish *publish = ctx;
    if (reply == NULL)
        return;
    const bool refused = !reply->array && reply->items[0].type == RESP_ERROR;
    if (refused)
        redis_warn_refused(&publish->warned, "Cannot send commands to workers",
                           reply->items[0].str);
    refusals_note(publish->refusals, REFUSAL_COMMANDS, refused);
}

static bool
publish_to(struct redis_publish *publish, struct redis_session *session, int db,
           struct str command, redis_reply_fn fn)
{
    struct buf channel, exchange, payload;
    buf_init(&channel, 0);
    buf_init(&exchange, 0);
    buf_init(&payload, 0);
    char tag[UUID_LEN + 1];
    uuid_random(tag);
    redis_control_channel(&channel, publish->config, db);
    redis_control_exchange(&exchange, publish->config);
    kombu_encode(&payload, command, buf_str(&exchange), (struct str){0},
                 str_from(tag));
    const struct str args[] = {STR("PUBLISH"), buf_str(&channel),
                               buf_str(&payload)};
    const bool ok =
        buf_ok(&payload) &&
        redis_session_send(session, args, COUNT_OF(args), fn, publish);
    buf_close(&payload);
    buf_close(&exchange);
    buf_close(&channel);
    return ok;
}

/* A worker listens to one of the forms: no command comes twice. */
bool
redis_publish(struct redis_publish *publish, struct redis_session *session,
              int db, struct str command)
{
    if (redis_two_forms(publish->config))
        publish_to(publish, session, REDIS_DB_LITERAL, command, NULL);
    return publish_to(publish, session, db, command, on_published);
}

bool
redis_publish_later(struct redis_publish *publish, struct str command)
{
    for (size_t i = 0; i < publish->nwaiting; i++)
        if (str_eq(buf_str(&publish->waiting[i]), command))
            return true;
    if (publish->nwaiting == REDIS_MAX_WAITING)
        return false;
    struct buf *copy = &publish->waiting[publish->nwaiting++];
    buf_init(copy, 0);
    buf_add_str(copy, command);
    return buf_ok(copy);
}

void
redis_publish_waiting(struct redis_publish *publish,
                      struct redis_session *session, int db)
{
    for (size_t i = 0; i < publish->nwaiting; i++)
        redis_publish(publish, session, db, buf_str(&publish->waiting[i]));
    redis_publish_forget(publish);
}

void
redis_publish_forget(struct redis_publish *publish)
{
    for (size_t i = 0; i < publish->nwaiting; i++)
        buf_close(&publish->waiting[i]);
    publish->nwaiting = 0;
}
