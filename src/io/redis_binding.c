#include "io/redis_binding.h"

#include <string.h>

#include "io/redis_names.h"

static bool
str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

bool
redis_binding_is_of_tasks(const struct broker_config *config, struct str key)
{
    const struct str prefix = str_from(config->global_keyprefix);
    const struct str kind = STR("_kombu.binding.");
    if (key.len > REDIS_MAX_BINDING_KEY || str_find(key, '\0') < key.len ||
        !str_starts(key, prefix) ||
        !str_starts(str_slice(key, prefix.len, key.len), kind))
        return false;
    const struct str exchange = str_slice(key, prefix.len + kind.len, key.len);
    return !str_eq(exchange, str_from(config->event_exchange)) &&
           !str_eq(exchange, STR("celeryev")) &&
           !str_ends(exchange, STR(".pidbox"));
}

/* Takes the part before the separator and steps over both. */
static bool
take_part(struct str *rest, struct str sep)
{
    const char *at = memmem(rest->ptr, rest->len, sep.ptr, sep.len);
    if (at == NULL)
        return false;
    *rest = str_slice(*rest, (size_t)(at - rest->ptr) + sep.len, rest->len);
    return true;
}

/* Of events, of commands, and those that Celery's Broadcast makes anew for
 * each worker and nobody ever removes. */
static bool
is_private(struct str queue)
{
    return str_starts(queue, STR("celeryev.")) ||
           str_starts(queue, STR("bcast.")) || str_ends(queue, STR(".pidbox"));
}

bool
redis_binding_queue(const struct broker_config *config, struct str member,
                    struct str *queue)
{
    const struct str sep = str_from(redis_sep(config));
    struct str rest = member;
    if (!take_part(&rest, sep) || !take_part(&rest, sep))
        return false;
    *queue = rest;
    return rest.len > 0 && rest.len <= REDIS_MAX_QUEUE_NAME &&
           !take_part(&rest, sep) && !is_private(*queue);
}
