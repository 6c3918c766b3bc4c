#pragma once

/* inspect with a broker that only writes down what it is asked: the test
 * answers for the workers. */

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../suite.h"
#include "app/inspect.h"
#include "io/broker_transport.h"

/* ---- a broker that writes down what it is asked ---- */

enum { MAX_COMMANDS = 256 };

static struct fake {
    struct broker base;
    bool deaf; /* the connection for commands is down */
    bool amqp; /* does not tell of what is unacknowledged or bound */
    bool collecting;
    json_t *commands[MAX_COMMANDS];
    size_t ncommands;
    struct buf lengths; /* the queues that were asked for, " a b" */
    size_t nunacked, nbindings;
} fake;

static inline bool
on_broadcast(struct broker *broker, struct str command)
{
    (void)broker;
    ck_assert_uint_lt(fake.ncommands, MAX_COMMANDS);
    if (!fake.deaf)
        fake.commands[fake.ncommands++] =
            json_loadb(command.ptr, command.len, 0, NULL);
    return !fake.deaf;
}

static inline struct str
on_reply_key(const struct broker *broker)
{
    (void)broker;
    return STR("our-key");
}

static inline void
on_collect(struct broker *broker, bool on)
{
    (void)broker;
    fake.collecting = on;
}

static inline bool
on_ask_queue(struct broker *broker, struct str name)
{
    (void)broker;
    if (!fake.deaf)
        buf_printf(&fake.lengths, " %.*s", STR_FMT(name));
    return !fake.deaf;
}

static inline bool
on_ask_unacked(struct broker *broker)
{
    (void)broker;
    fake.nunacked++;
    return !fake.deaf && !fake.amqp;
}

static inline bool
on_ask_bindings(struct broker *broker)
{
    (void)broker;
    fake.nbindings++;
    return !fake.deaf && !fake.amqp;
}

static const struct broker_transport transport = {
    .broadcast = on_broadcast,
    .reply_key = on_reply_key,
    .collect_replies = on_collect,
    .ask_queue = on_ask_queue,
    .ask_unacked = on_ask_unacked,
    .ask_bindings = on_ask_bindings,
};

/* ---- the rig ---- */

static char control_exchange[] = "celery";
static char event_exchange[] = "celeryev";
static uv_loop_t loop;
static struct options options;
static struct metrics *metrics;
static struct inspect *inspect;
static bool gone;

static inline void
open_rig(void)
{
    const struct metrics_config config = {
        .registry = {.prefix = "celery_",
                     .max_samples = 10000,
                     .max_names = 100,
                     .max_hostnames = 100,
                     .max_queue_names = 100,
                     .max_exceptions = 100,
                     .label_max_len = 256},
        .default_queue_name = "celery",
        .max_tracked_tasks = 1000,
    };
    uv_loop_init(&loop);
    struct buf err;
    buf_init(&err, 0);
    metrics = metrics_new(
        &config, (struct hash_key){.seed = 1},
        (struct now){.mono_ms = (int64_t)uv_now(&loop), .wall_s = 1.7e9}, &err);
    buf_close(&err);
    fake = (struct fake){.base.transport = &transport};
    buf_init(&fake.lengths, 0);
    options = (struct options){.control_exchange = control_exchange,
                               .event_exchange = event_exchange,
                               .poll_interval_s = 3600,
                               .purge_offline_worker_s = 600};
    inspect = inspect_new(&loop, &options, &fake.base, metrics);
    gone = false;
}

static inline void
on_gone(void *ctx)
{
    (void)ctx;
    gone = true;
}

static inline void
forget_commands(void)
{
    while (fake.ncommands > 0)
        json_decref(fake.commands[--fake.ncommands]);
}

static inline void
close_rig(void)
{
    inspect_free(inspect, on_gone, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(gone);
    forget_commands();
    buf_close(&fake.lengths);
    metrics_free(metrics);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static inline void
run_until(bool (*holds)(void))
{
    const uint64_t deadline_ms = uv_now(&loop) + 10000;
    while (!holds()) {
        ck_assert_uint_lt(uv_now(&loop), deadline_ms);
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static inline bool
is_collecting(void)
{
    return fake.collecting;
}

static inline bool
is_resting(void)
{
    return !fake.collecting;
}

/* The last command of that name, or NULL. */
static inline const json_t *
command(const char *method)
{
    for (size_t i = fake.ncommands; i-- > 0;)
        if (str_eq(str_from(json_string_value(
                       json_object_get(fake.commands[i], "method"))),
                   str_from(method)))
            return fake.commands[i];
    return NULL;
}

static inline const char *
ticket(const char *method)
{
    return json_string_value(json_object_get(command(method), "ticket"));
}

static inline void
reply_with(const char *of_ticket, const char *body)
{
    inspect_reply(inspect, &(struct message){
                               .body = str_from(body),
                               .serializer = SERIALIZER_JSON,
                               .ticket = str_from(of_ticket),
                           });
}

static inline void
reply(const char *method, const char *body)
{
    ck_assert_ptr_nonnull(command(method));
    reply_with(ticket(method), body);
}

/* As Celery does, but for the tasks. */
static inline void
reply_to_all_as(const char *node, const char *queues)
{
    static const char *const lists[] = {"active", "reserved", "scheduled",
                                        "registered"};
    char body[512];
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        snprintf(body, sizeof(body), "{\"%s\": []}", node);
        if (command(lists[i]) != NULL)
            reply(lists[i], body);
    }
    snprintf(body, sizeof(body), "{\"%s\": %s}", node, queues);
    reply("active_queues", body);
    snprintf(body, sizeof(body),
             "{\"%s\": {\"pool\": {\"max-concurrency\": 4}, \"pid\": 1}}",
             node);
    reply("stats", body);
}

static inline void
see_worker(const char *node)
{
    metrics_event(
        metrics,
        &(struct event){.type = EVENT_WORKER_HEARTBEAT,
                        .hostname = str_from(node),
                        .timestamp = 1.7e9,
                        .pid = 1,
                        .clock = -1,
                        .active = -1,
                        .processed = -1,
                        .loadavg = {NAN, NAN, NAN}},
        (struct now){.mono_ms = (int64_t)uv_now(&loop), .wall_s = 1.7e9});
    inspect_saw_worker(inspect, str_from(node));
}

/* A sample of a group with at most one label; NAN when there is none. */
static inline double
sample(enum group_id id, size_t column, const char *label)
{
    const struct group *group = registry_group(metrics_registry(metrics), id);
    for (size_t i = 0; i < group_n(group); i++) {
        const struct series *series = group_at(group, i);
        char want[64];
        snprintf(want, sizeof(want), "\"%s\"", label);
        struct buf text;
        buf_init(&text, 0);
        label_text_add(group_label_text(group), series->ids, &text);
        bool found = label[0] == '\0';
        for (size_t at = 0; !found && at < text.len; at++)
            found = str_starts(str_slice(buf_str(&text), at, text.len),
                               str_from(want));
        buf_close(&text);
        if (found && series->present & UINT64_C(1) << column)
            return series->cells[column].value;
    }
    return (double)NAN;
}

static inline double
success(const char *source)
{
    return sample(GROUP_POLL, POLL_SUCCESS_COL, source);
}

static inline double
processes(const char *queue)
{
    return sample(GROUP_QUEUE, QUEUE_PROCESSES_COL, queue);
}

static inline void
expect_lengths(const char *want)
{
    const struct str got = buf_str(&fake.lengths);
    ck_assert_msg(str_eq(got, str_from(want)), "%.*s", STR_FMT(got));
}

/* Connected, and over with the first poll. */
static inline void
come_up(void)
{
    inspect_broker_up(inspect, true);
    run_until(is_resting);
    forget_commands();
    buf_clear(&fake.lengths);
}
