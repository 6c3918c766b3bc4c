#include "app/queue_names.h"

#include <stdlib.h>

#include "base/xalloc.h"

enum { MAX_NAMES = 10000 };

static bool
ends_with(struct str s, struct str end)
{
    return s.len >= end.len &&
           str_eq(str_slice(s, s.len - end.len, s.len), end);
}

bool
queue_name_is_delay(struct str name)
{
    static const struct str start = STR_INIT("celery_delayed_");
    const struct str level = str_slice(name, start.len, name.len);
    if (!str_starts(name, start) || level.len == 0 || level.len > 2)
        return false;
    for (size_t i = 0; i < level.len; i++)
        if (level.ptr[i] < '0' || level.ptr[i] > '9')
            return false;
    return true;
}

bool
queue_name_is_internal(struct str name, struct str event_exchange)
{
    return queue_name_is_delay(name) || ends_with(name, STR(".pidbox")) ||
           (str_starts(name, event_exchange) && name.len > event_exchange.len &&
            name.ptr[event_exchange.len] == '.');
}

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct queue_names *)owner)->items[number];
}

void
queue_names_init(struct queue_names *names, struct hash_key key)
{
    *names = (struct queue_names){.key = key};
    index_init(&names->index, hash_of, names);
}

void
queue_names_close(struct queue_names *names)
{
    free(names->items);
    index_close(&names->index);
}

void
queue_names_add(struct queue_names *names, struct str name)
{
    const struct hash128 hash = hash_bytes(names->key, name);
    if (names->n >= MAX_NAMES || index_find(&names->index, hash) != INDEX_NONE)
        return;
    if (names->n == names->cap) {
        names->cap = names->cap == 0 ? 8 : 2 * names->cap;
        names->items =
            xrealloc(names->items, names->cap, sizeof(*names->items));
    }
    names->items[names->n] = hash;
    index_add(&names->index, hash, (uint32_t)names->n++);
}

bool
queue_names_has(const struct queue_names *names, struct str name)
{
    return index_find(&names->index, hash_bytes(names->key, name)) !=
           INDEX_NONE;
}
