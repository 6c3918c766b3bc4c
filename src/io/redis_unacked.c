#include "io/redis_unacked.h"

#include <math.h>

#include "base/number.h"
#include "io/redis_names.h"
#include "io/redis_words.h"

static void
refused(struct redis_unacked *unacked, const struct resp_reply *reply)
{
    if (!reply->array && reply->items[0].type == RESP_ERROR)
        redis_warn_refused(&unacked->warned,
                           "Cannot read unacknowledged messages",
                           reply->items[0].str);
}

static void
on_count(void *ctx, const struct resp_reply *reply)
{
    struct redis_unacked *unacked = ctx;
    if (reply == NULL)
        return;
    if (!reply->array && reply->items[0].type == RESP_INTEGER &&
        reply->items[0].integer >= 0)
        unacked->n = reply->items[0].integer;
    else
        refused(unacked, reply);
}

/* The tag of the message, which may be of any length, and its score. */
static double
time_of(const struct resp_reply *reply)
{
    double time_s;
    const bool ok = reply->array && reply->nitems == 2 &&
                    reply->items[1].type == RESP_STRING &&
                    number_parse_double(reply->items[1].str, &time_s) &&
                    isfinite(time_s) && time_s > 0;
    return ok ? time_s : (double)NAN;
}

static void
on_oldest(void *ctx, const struct resp_reply *reply)
{
    struct redis_unacked *unacked = ctx;
    unacked->asked = false;
    if (reply == NULL)
        return;
    refused(unacked, reply);
    unacked->handler->unacked(unacked->handler->ctx, unacked->n,
                              time_of(reply));
}

bool
redis_unacked_ask(struct redis_unacked *unacked, struct redis_session *session)
{
    if (unacked->asked)
        return false;
    struct buf hash, index;
    buf_init(&hash, 0);
    buf_init(&index, 0);
    redis_unacked_hash(&hash, unacked->config);
    redis_unacked_index(&index, unacked->config);
    const struct str count[] = {STR("HLEN"), buf_str(&hash)};
    const struct str oldest[] = {STR("ZRANGE"), buf_str(&index), STR("0"),
                                 STR("0"), STR("WITHSCORES")};
    unacked->n = -1;
    unacked->asked = redis_session_send(session, count, COUNT_OF(count),
                                        on_count, unacked) &&
                     redis_session_send(session, oldest, COUNT_OF(oldest),
                                        on_oldest, unacked);
    buf_close(&index);
    buf_close(&hash);
    return unacked->asked;
}
