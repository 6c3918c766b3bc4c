#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "wire/iso8601.h"
#include "wire/pidbox.h"
#include "wire/pidbox_body.h"

static struct str
text_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static struct str
member_text(const json_t *object, const char *key)
{
    return text_of(json_object_get(object, key));
}

/* -1 for what is no integer, or below 0. */
static int64_t
count_of(const json_t *value)
{
    const int64_t n = json_integer_value(value);
    return json_is_integer(value) && n >= 0 ? n : -1;
}

static int64_t
member_count(const json_t *object, const char *key)
{
    return count_of(json_object_get(object, key));
}

/* Each node's result in a reply, and whether there was any. */
typedef bool (*result_fn)(void *reading, struct str node, const json_t *result);

static bool
each_result(struct str body, enum serializer serializer, result_fn fn,
            void *reading)
{
    json_t *reply = pidbox_load(body, serializer);
    const char *node;
    size_t len;
    json_t *result;
    bool any = false;
    json_object_keylen_foreach(reply, node, len, result)
    {
        if (fn(reading, (struct str){node, len}, result))
            any = true;
    }
    json_decref(reply);
    return any;
}

/* ---- stats ---- */

struct stats_reading {
    void (*fn)(void *ctx, struct str node, const struct pidbox_stats *stats);
    void *ctx;
};

/* "celery.concurrency.prefork:TaskPool" is "prefork". */
static struct str
pool_name(struct str implementation)
{
    struct str module =
        str_slice(implementation, 0, str_find(implementation, ':'));
    for (size_t dot; (dot = str_find(module, '.')) < module.len;)
        module = str_slice(module, dot + 1, module.len);
    return module;
}

/* max-concurrency is there for every kind of pool; the list of processes only
 * for prefork and solo. */
static int64_t
processes_of(const json_t *pool)
{
    const int64_t max = member_count(pool, "max-concurrency");
    return max >= 0
               ? max
               : (int64_t)json_array_size(json_object_get(pool, "processes"));
}

/* A number since ever, yet sent as a text. */
static int64_t
clock_of(const json_t *clock)
{
    if (!json_is_string(clock))
        return count_of(clock);
    char *end;
    const long long n = strtoll(json_string_value(clock), &end, 10);
    return end != json_string_value(clock) && *end == '\0' && n >= 0 ? n : -1;
}

static int64_t
maxrss_of(const json_t *stats)
{
    const int64_t kib =
        member_count(json_object_get(stats, "rusage"), "maxrss");
    return kib >= 0 && kib <= INT64_MAX / 1024 ? kib * 1024 : -1;
}

static size_t
read_totals(json_t *total, struct pidbox_total *out)
{
    const char *name;
    size_t len, ntotals = 0;
    json_t *n;
    json_object_keylen_foreach(total, name, len, n)
    {
        if (count_of(n) >= 0)
            out[ntotals++] = (struct pidbox_total){{name, len}, count_of(n)};
    }
    return ntotals;
}

static bool
read_stats(void *ctx, struct str node, const json_t *result)
{
    const struct stats_reading *reading = ctx;
    const json_t *pool = json_object_get(result, "pool");
    if (!json_is_object(pool))
        return false;
    json_t *total = json_object_get(result, "total");
    struct pidbox_total *totals =
        calloc(json_object_size(total) + 1, sizeof(*totals));
    const int64_t pid = member_count(result, "pid");
    reading->fn(reading->ctx, node,
                &(struct pidbox_stats){
                    .pid = pid > 0 ? pid : 0,
                    .clock = clock_of(json_object_get(result, "clock")),
                    .pool = pool_name(member_text(pool, "implementation")),
                    .processes = processes_of(pool),
                    .prefetch = member_count(result, "prefetch_count"),
                    .maxrss = maxrss_of(result),
                    .uptime_s = member_count(result, "uptime"),
                    .totals = totals,
                    .ntotals = totals == NULL ? 0 : read_totals(total, totals),
                });
    free(totals);
    return true;
}

bool
pidbox_read_stats(struct str body, enum serializer serializer,
                  void (*fn)(void *ctx, struct str node,
                             const struct pidbox_stats *stats),
                  void *ctx)
{
    return each_result(body, serializer, read_stats,
                       &(struct stats_reading){fn, ctx});
}

/* ---- active_queues ---- */

struct queues_reading {
    void (*fn)(void *ctx, struct str node, const struct pidbox_queue *queue);
    void *ctx;
};

static bool
is_direct(const json_t *queue, struct str name)
{
    const json_t *exchange = json_object_get(queue, "exchange");
    return str_eq(member_text(exchange, "type"), STR("direct")) &&
           str_eq(member_text(exchange, "name"), name);
}

static bool
read_queues(void *ctx, struct str node, const json_t *result)
{
    const struct queues_reading *reading = ctx;
    if (!json_is_array(result))
        return false;
    reading->fn(reading->ctx, node, NULL);
    size_t i;
    const json_t *queue;
    json_array_foreach(result, i, queue)
    {
        const struct str name = member_text(queue, "name");
        if (name.len > 0)
            reading->fn(reading->ctx, node,
                        &(struct pidbox_queue){name, is_direct(queue, name)});
    }
    return true;
}

bool
pidbox_read_queues(struct str body, enum serializer serializer,
                   void (*fn)(void *ctx, struct str node,
                              const struct pidbox_queue *queue),
                   void *ctx)
{
    return each_result(body, serializer, read_queues,
                       &(struct queues_reading){fn, ctx});
}

/* ---- active, reserved, scheduled ---- */

struct requests_reading {
    void (*fn)(void *ctx, struct str node,
               const struct pidbox_request *request);
    void *ctx;
};

static double
time_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static double
eta_of(struct str text)
{
    return text.ptr == NULL ? (double)NAN : iso8601_parse(text);
}

/* `scheduled` wraps its requests. */
static void
read_request(const struct requests_reading *reading, struct str node,
             const json_t *item)
{
    const json_t *inner = json_object_get(item, "request");
    const json_t *info = inner != NULL ? inner : item;
    const json_t *way = json_object_get(info, "delivery_info");
    const struct str exchange = member_text(way, "exchange");
    const struct str key = member_text(way, "routing_key");
    struct pidbox_request request = {
        .id = member_text(info, "id"),
        .name = member_text(info, "name"),
        .started_s = time_of(json_object_get(info, "time_start")),
        .eta_s = eta_of(member_text(item, "eta")),
    };
    if (request.id.len == 0 || request.name.len == 0)
        return;
    if (exchange.ptr != NULL && exchange.len == 0)
        request.queue = key;
    else if (str_eq(exchange, key))
        request.direct = key;
    reading->fn(reading->ctx, node, &request);
}

static bool
read_requests(void *ctx, struct str node, const json_t *result)
{
    const struct requests_reading *reading = ctx;
    if (!json_is_array(result))
        return false;
    reading->fn(reading->ctx, node, NULL);
    size_t i;
    const json_t *item;
    json_array_foreach(result, i, item)
    {
        read_request(reading, node, item);
    }
    return true;
}

bool
pidbox_read_requests(struct str body, enum serializer serializer,
                     void (*fn)(void *ctx, struct str node,
                                const struct pidbox_request *request),
                     void *ctx)
{
    return each_result(body, serializer, read_requests,
                       &(struct requests_reading){fn, ctx});
}

/* ---- registered, and what only says ok ---- */

struct registered_reading {
    void (*fn)(void *ctx, struct str node, struct str name);
    void *ctx;
};

/* "demo.add [rate_limit=2/s]" is "demo.add". */
static struct str
bare_name(struct str text)
{
    for (size_t at = 0; at + 1 < text.len; at++)
        if (text.ptr[at] == ' ' && text.ptr[at + 1] == '[')
            return str_slice(text, 0, at);
    return text;
}

static bool
read_registered(void *ctx, struct str node, const json_t *result)
{
    const struct registered_reading *reading = ctx;
    if (!json_is_array(result))
        return false;
    reading->fn(reading->ctx, node, (struct str){0});
    size_t i;
    const json_t *item;
    json_array_foreach(result, i, item)
    {
        const struct str name = bare_name(text_of(item));
        if (name.len > 0)
            reading->fn(reading->ctx, node, name);
    }
    return true;
}

bool
pidbox_read_registered(struct str body, enum serializer serializer,
                       void (*fn)(void *ctx, struct str node, struct str name),
                       void *ctx)
{
    return each_result(body, serializer, read_registered,
                       &(struct registered_reading){fn, ctx});
}

struct ok_reading {
    void (*fn)(void *ctx, struct str node, bool ok, struct str words);
    void *ctx;
};

static bool
read_ok(void *ctx, struct str node, const json_t *result)
{
    const struct ok_reading *reading = ctx;
    const struct str words = member_text(result, "ok");
    const struct str error = member_text(result, "error");
    if (words.ptr == NULL && error.ptr == NULL)
        return false;
    reading->fn(reading->ctx, node, words.ptr != NULL,
                words.ptr != NULL ? words : error);
    return true;
}

bool
pidbox_read_ok(struct str body, enum serializer serializer,
               void (*fn)(void *ctx, struct str node, bool ok,
                          struct str words),
               void *ctx)
{
    return each_result(body, serializer, read_ok,
                       &(struct ok_reading){fn, ctx});
}
