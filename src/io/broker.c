#include "io/broker.h"

#include "io/broker_redis.h"

struct str
broker_reason_name(enum broker_reason reason)
{
    static const struct str names[BROKER_REASON_COUNT] = {
        [BROKER_RESOLVE] = STR_INIT("resolve"),
        [BROKER_REFUSED] = STR_INIT("refused"),
        [BROKER_TIMEOUT] = STR_INIT("timeout"),
        [BROKER_UNREACHABLE] = STR_INIT("unreachable"),
        [BROKER_CLOSED] = STR_INIT("closed"),
        [BROKER_RESET] = STR_INIT("reset"),
        [BROKER_SILENT] = STR_INIT("silent"),
        [BROKER_PROTOCOL] = STR_INIT("protocol"),
        [BROKER_AUTH] = STR_INIT("auth"),
        [BROKER_PERMISSION] = STR_INIT("permission"),
        [BROKER_LOADING] = STR_INIT("loading"),
        [BROKER_BUSY] = STR_INIT("busy"),
        [BROKER_ERROR] = STR_INIT("error"),
    };
    return names[reason];
}

struct broker *
broker_new(uv_loop_t *loop, const struct broker_config *config,
           const struct broker_handler *handler)
{
    return broker_redis_new(loop, config, handler, &redis_deadlines_default);
}
