#include "wire/pidbox.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *
reply_to(const struct pidbox_command *command)
{
    return json_pack("{s:s, s:s%}", "exchange", command->exchange,
                     "routing_key", command->reply_key.ptr,
                     command->reply_key.len);
}

void
pidbox_encode(struct buf *out, const struct pidbox_command *command)
{
    json_t *body =
        json_pack("{s:s, s:{}, s:n, s:n, s:n}", "method", command->method,
                  "arguments", "destination", "pattern", "matcher");
    if (command->ticket != NULL) {
        json_object_set_new(body, "ticket", json_string(command->ticket));
        json_object_set_new(body, "reply_to", reply_to(command));
    }
    char *text = json_dumps(body, JSON_COMPACT);
    buf_add_str(out, str_from(text));
    free(text);
    json_decref(body);
}

static json_t *
load_reply(struct str body)
{
    json_t *reply = json_loadb(body.ptr, body.len, 0, NULL);
    if (json_is_object(reply))
        return reply;
    json_decref(reply);
    return NULL;
}

/* max-concurrency is there for every kind of pool; the list of processes only
 * for prefork and solo. */
static int64_t
processes_of(const json_t *stats)
{
    const json_t *pool = json_object_get(stats, "pool");
    const json_t *max = json_object_get(pool, "max-concurrency");
    if (json_is_integer(max) && json_integer_value(max) >= 0)
        return json_integer_value(max);
    return (int64_t)json_array_size(json_object_get(pool, "processes"));
}

bool
pidbox_read_stats(struct str body, enum serializer serializer,
                  void (*fn)(void *ctx, struct str node,
                             const struct pidbox_stats *stats),
                  void *ctx)
{
    (void)serializer;
    json_t *reply = load_reply(body);
    const char *node;
    json_t *stats;
    bool any = false;
    json_object_foreach(reply, node, stats)
    {
        if (!json_is_object(json_object_get(stats, "pool")))
            continue;
        fn(ctx, str_from(node),
           &(struct pidbox_stats){.processes = processes_of(stats),
                                  .clock = -1,
                                  .prefetch = -1,
                                  .maxrss = -1,
                                  .uptime_s = -1});
        any = true;
    }
    json_decref(reply);
    return any;
}

static void
read_node_queues(const json_t *queues, struct str node,
                 void (*fn)(void *ctx, struct str node, struct str queue),
                 void *ctx)
{
    size_t i;
    const json_t *queue;
    fn(ctx, node, str_from(NULL));
    json_array_foreach(queues, i, queue)
    {
        const json_t *name = json_object_get(queue, "name");
        if (json_is_string(name))
            fn(ctx, node,
               (struct str){json_string_value(name), json_string_length(name)});
    }
}

bool
pidbox_read_queues(struct str body, enum serializer serializer,
                   void (*fn)(void *ctx, struct str node, struct str queue),
                   void *ctx)
{
    (void)serializer;
    json_t *reply = load_reply(body);
    const char *node;
    json_t *queues;
    bool any = false;
    json_object_foreach(reply, node, queues)
    {
        if (!json_is_array(queues))
            continue;
        read_node_queues(queues, str_from(node), fn, ctx);
        any = true;
    }
    json_decref(reply);
    return any;
}

bool
pidbox_read_requests(struct str body, enum serializer serializer,
                     void (*fn)(void *ctx, struct str node,
                                const struct pidbox_request *request),
                     void *ctx)
{
    (void)body;
    (void)serializer;
    (void)fn;
    (void)ctx;
    return false;
}

bool
pidbox_read_registered(struct str body, enum serializer serializer,
                       void (*fn)(void *ctx, struct str node, struct str name),
                       void *ctx)
{
    (void)body;
    (void)serializer;
    (void)fn;
    (void)ctx;
    return false;
}

bool
pidbox_read_ok(struct str body, enum serializer serializer,
               void (*fn)(void *ctx, struct str node), void *ctx)
{
    (void)body;
    (void)serializer;
    (void)fn;
    (void)ctx;
    return false;
}
