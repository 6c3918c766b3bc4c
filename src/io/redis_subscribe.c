#include "io/redis_subscribe.h"

#include "base/log.h"
#include "io/redis_names.h"

/* Where channels have two forms, an account may well be allowed only one, and
 * Redis refuses the whole command then. */
static const struct {
    bool number;
    bool literal;
} attempts[] = {{true, true}, {true, false}, {false, true}};

enum { ONE_FORM = 1 };

void
redis_subscription_init(struct redis_subscription *subscription,
                        const struct broker_config *config,
                        void (*done)(void *ctx), void *ctx)
{
    *subscription =
        (struct redis_subscription){.config = config, .done = done, .ctx = ctx};
}

static void ask(struct redis_subscription *subscription);

/* True when the next attempt is under way. */
static bool
try_other(struct redis_subscription *subscription, struct str error)
{
    if (!redis_two_forms(subscription->config) ||
        redis_error_reason(error) != BROKER_PERMISSION ||
        subscription->attempt + 1 == COUNT_OF(attempts))
        return false;
    subscription->attempt++;
    ask(subscription);
    return true;
}

static void
tell(struct redis_subscription *subscription)
{
    if (subscription->attempt == 0 || subscription->told ||
        !redis_two_forms(subscription->config))
        return;
    subscription->told = true;
    LOG(LOG_WARN, "The account may subscribe to one form of the channel only",
        "missing",
        attempts[subscription->attempt].number
            ? "{db} as it stands: workers with kombu before 5.4"
            : "{db} as number: workers with kombu 5.4 or later",
        NULL);
}

static void
on_subscribed(void *ctx, const struct resp_reply *reply)
{
    struct redis_subscription *subscription = ctx;
    if (reply == NULL)
        return;
    const struct resp_item *items = reply->items;
    if (!reply->array && items[0].type == RESP_ERROR) {
        if (!try_other(subscription, items[0].str))
            redis_session_refuse(subscription->session, items[0].str);
    } else if (!reply->array || reply->nitems != 3 ||
               items[2].type != RESP_INTEGER) {
        redis_session_fail(subscription->session, BROKER_PROTOCOL,
                           "the server does not confirm the subscription");
    } else {
        tell(subscription);
        subscription->done(subscription->ctx);
    }
}

/* One command: the confirmations of both forms come together, and no event
 * can stand between them. */
static void
ask(struct redis_subscription *subscription)
{
    const struct broker_config *config = subscription->config;
    struct buf number, literal;
    buf_init(&number, 0);
    buf_init(&literal, 0);
    redis_event_channel(&number, config, subscription->db);
    redis_event_channel(&literal, config, REDIS_DB_LITERAL);
    struct str args[3] = {config->fanout_patterns ? STR("PSUBSCRIBE")
                                                  : STR("SUBSCRIBE")};
    size_t n = 1;
    if (attempts[subscription->attempt].number)
        args[n++] = buf_str(&number);
    if (attempts[subscription->attempt].literal)
        args[n++] = buf_str(&literal);
    redis_session_send(subscription->session, args, n, on_subscribed,
                       subscription);
    buf_close(&literal);
    buf_close(&number);
}

void
redis_subscribe(struct redis_subscription *subscription,
                struct redis_session *session, int db)
{
    subscription->session = session;
    subscription->db = db;
    subscription->attempt =
        redis_two_forms(subscription->config) ? 0 : ONE_FORM;
    ask(subscription);
}
