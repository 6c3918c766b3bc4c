#include "io/redis_names.h"

#include <string.h>

static const char default_sep[] = "\x06\x16";

const char *
redis_sep(const struct broker_config *config)
{
    return config->sep == NULL ? default_sep : config->sep;
}

/* global_keyprefix + fanout_prefix + exchange; kombu formats the fanout
 * prefix with the number of the database. */
static void
add_fanout(struct buf *out, const struct broker_config *config, int db,
           const char *exchange)
{
    buf_add_str(out, str_from(config->global_keyprefix));
    struct str rest = str_from(config->fanout_prefix);
    const char *mark;
    while (rest.len > 0 && db != REDIS_DB_LITERAL &&
           (mark = memmem(rest.ptr, rest.len, "{db}", 4)) != NULL) {
        const size_t at = (size_t)(mark - rest.ptr);
        buf_add(out, rest.ptr, at);
        buf_add_i64(out, db);
        rest = str_slice(rest, at + 4, rest.len);
    }
    buf_add_str(out, rest);
    buf_add_str(out, str_from(exchange));
}

/* As a pattern that only this text matches. */
static void
add_literally(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr("[?*\\", text.ptr[i], 4) != NULL)
            buf_add_byte(out, '\\');
        buf_add_byte(out, text.ptr[i]);
    }
}

void
redis_event_channel(struct buf *out, const struct broker_config *config, int db)
{
    if (!config->fanout_patterns) {
        add_fanout(out, config, db, config->event_exchange);
        return;
    }
    struct buf channel;
    buf_init(&channel, 0);
    add_fanout(&channel, config, db, config->event_exchange);
    add_literally(out, buf_str(&channel));
    buf_close(&channel);
    buf_add_str(out, STR("/*"));
}

bool
redis_two_forms(const struct broker_config *config)
{
    return config->urls.urls[0].scheme == URL_SENTINEL &&
           strstr(config->fanout_prefix, "{db}") != NULL;
}

void
redis_control_channel(struct buf *out, const struct broker_config *config,
                      int db)
{
    add_fanout(out, config, db, config->control_exchange);
    buf_add_str(out, STR(".pidbox"));
}

void
redis_queue_key(struct buf *out, const struct broker_config *config,
                struct str queue, int64_t step)
{
    buf_add_str(out, str_from(config->global_keyprefix));
    buf_add_str(out, queue);
    if (step == 0)
        return;
    buf_add_str(out, str_from(redis_sep(config)));
    buf_add_i64(out, step);
}

void
redis_control_exchange(struct buf *out, const struct broker_config *config)
{
    buf_add_str(out, str_from(config->control_exchange));
    buf_add_str(out, STR(".pidbox"));
}

void
redis_reply_set(struct buf *out, const struct broker_config *config)
{
    buf_add_str(out, str_from(config->global_keyprefix));
    buf_add_str(out, STR("_kombu.binding.reply."));
    redis_control_exchange(out, config);
}

static void
add_reply_queue(struct buf *out, const struct broker_config *config,
                struct str key)
{
    buf_add_str(out, key);
    buf_add_str(out, STR(".reply."));
    redis_control_exchange(out, config);
}

/* routing key, pattern (none), queue; members carry no key prefix. */
void
redis_reply_member(struct buf *out, const struct broker_config *config,
                   struct str key)
{
    buf_add_str(out, key);
    buf_add_str(out, str_from(redis_sep(config)));
    buf_add_str(out, str_from(redis_sep(config)));
    add_reply_queue(out, config, key);
}

void
redis_reply_list(struct buf *out, const struct broker_config *config,
                 struct str key)
{
    buf_add_str(out, str_from(config->global_keyprefix));
    add_reply_queue(out, config, key);
}

static void
add_key(struct buf *out, const struct broker_config *config, const char *key,
        const char *usual)
{
    buf_add_str(out, str_from(config->global_keyprefix));
    buf_add_str(out, str_from(key == NULL ? usual : key));
}

void
redis_unacked_hash(struct buf *out, const struct broker_config *config)
{
    add_key(out, config, config->unacked_key, "unacked");
}

void
redis_unacked_index(struct buf *out, const struct broker_config *config)
{
    add_key(out, config, config->unacked_index_key, "unacked_index");
}

void
redis_binding_pattern(struct buf *out, const struct broker_config *config)
{
    add_literally(out, str_from(config->global_keyprefix));
    buf_add_str(out, STR("_kombu.binding.*"));
}
