#include "stream.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "event_text.h"

enum {
    RUN_US = 20000000, /* what the whole stream is spread over */
    HEARTBEAT_US = 2000000,
    MOST_RETRIES = 3,
};

enum phase {
    IDLE,
    SENT,
    RECEIVED,
    STARTED,
    RETRIED,
};

struct lane {
    enum phase phase;
    unsigned retries;
    size_t name;
    size_t worker;
    char uuid[EVENT_UUID_LEN];
};

/* Events of a worker that wait for their message. */
struct sender {
    struct buf nodename;
    struct buf list;
    size_t nevents;
    size_t due;
    uint64_t nprocessed;
    uint64_t heartbeat_us;
};

struct stream {
    const struct stream_config *config;
    struct stream_truth *truth;
    stream_fn fn;
    void *ctx;
    struct lane *lanes;
    struct sender *senders;
    struct buf event;
    size_t ntasks; /* that were begun */
    uint64_t random;
    uint64_t now_us;
    uint64_t step_us;
    uint64_t clock;
};

static const struct str kind_names[] = {
    STR_INIT("sent"),      STR_INIT("received"), STR_INIT("started"),
    STR_INIT("succeeded"), STR_INIT("retried"),  STR_INIT("failed"),
};

static const struct str exceptions[STREAM_NEXCEPTIONS] = {
    STR_INIT("ValueError"), STR_INIT("ConnectionError"), STR_INIT("Timeout"),
    STR_INIT("KeyError"),   STR_INIT("IntegrityError"),
};

struct str
stream_kind_name(enum stream_kind kind)
{
    return kind_names[kind < STREAM_FAILED ? kind : STREAM_FAILED];
}

struct str
stream_exception(enum stream_kind kind)
{
    return exceptions[kind - STREAM_FAILED];
}

/* splitmix64 */
static uint64_t
draw(struct stream *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static size_t
draw_below(struct stream *s, size_t n)
{
    return (size_t)(draw(s) >> 32) * n >> 32;
}

/* In (0, 1). */
static double
draw_share(struct stream *s)
{
    return ((double)(draw(s) >> 12) + 0.5) * 0x1p-52;
}

static void
draw_uuid(struct stream *s, char *uuid)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits = 0;
    for (size_t i = 0; i < EVENT_UUID_LEN; i++) {
        if (i % 16 == 0)
            bits = draw(s);
        uuid[i] = digits[bits & 15];
        bits >>= 4;
    }
    uuid[8] = uuid[13] = uuid[18] = uuid[23] = '-';
    uuid[14] = '4';
}

static void
begin_event(struct stream *s, struct str nodename, size_t pid)
{
    buf_clear(&s->event);
    event_begin(&s->event, nodename, pid, ++s->clock);
    s->truth->nevents++;
}

static void
begin_worker_event(struct stream *s, size_t worker)
{
    begin_event(s, buf_str(&s->senders[worker].nodename), 1000 + 7 * worker);
}

static void
end_event(struct stream *s, const char *type)
{
    event_end(&s->event, s->now_us, type);
    s->now_us += s->step_us;
}

static void
send(struct stream *s, const char *routing_key, struct str nodename,
     struct str body)
{
    s->truth->nmessages++;
    s->fn(s->ctx, &(struct stream_message){
                      .routing_key = str_from(routing_key),
                      .nodename = nodename,
                      .body = body,
                  });
}

static void
send_of_worker(struct stream *s, size_t worker, const char *routing_key,
               struct str body)
{
    send(s, routing_key, buf_str(&s->senders[worker].nodename), body);
}

static void
flush(struct stream *s, size_t worker)
{
    struct sender *sender = &s->senders[worker];
    if (sender->nevents > 0) {
        buf_add_byte(&sender->list, ']');
        send_of_worker(s, worker, "task.multi", buf_str(&sender->list));
    }
    buf_clear(&sender->list);
    sender->nevents = 0;
    sender->due = 1 + draw_below(s, s->config->batch_most);
}

/* Celery's routing key of a single event is its type with a point. */
static void
send_task_event(struct stream *s, size_t worker, const char *routing_key)
{
    struct sender *sender = &s->senders[worker];
    if (s->config->batch_most <= 1) {
        send_of_worker(s, worker, routing_key, buf_str(&s->event));
        return;
    }
    buf_add_str(&sender->list, sender->nevents == 0 ? STR("[") : STR(", "));
    buf_add_str(&sender->list, buf_str(&s->event));
    if (++sender->nevents >= sender->due)
        flush(s, worker);
}

static void
send_heartbeat(struct stream *s, size_t worker, const char *type,
               const char *routing_key)
{
    struct sender *sender = &s->senders[worker];
    flush(s, worker);
    begin_worker_event(s, worker);
    event_add_worker(&s->event, worker % 5, sender->nprocessed);
    end_event(s, type);
    send_of_worker(s, worker, routing_key, buf_str(&s->event));
    sender->heartbeat_us = s->now_us + HEARTBEAT_US;
}

static void
count(struct stream *s, const struct lane *lane, enum stream_kind kind)
{
    const size_t pair = lane->worker * s->config->nnames + lane->name;
    s->truth->counts[pair * STREAM_NKINDS + kind]++;
}

static void
add_task(struct stream *s, const struct lane *lane)
{
    event_add_task(&s->event, lane->name, lane->uuid, lane->retries,
                   draw_below(s, 1000000));
}

static void
task_sent(struct stream *s, struct lane *lane)
{
    const struct str client = STR("gen4000@" STREAM_CLIENT);
    begin_event(s, client, 4000);
    add_task(s, lane);
    event_add_queue(&s->event);
    end_event(s, "task-sent");
    send(s, "task.sent", client, buf_str(&s->event));
    count(s, lane, STREAM_SENT);
    lane->phase = SENT;
}

static void
task_received(struct stream *s, struct lane *lane)
{
    begin_worker_event(s, lane->worker);
    add_task(s, lane);
    end_event(s, "task-received");
    send_task_event(s, lane->worker, "task.received");
    count(s, lane, STREAM_RECEIVED);
    lane->phase = RECEIVED;
}

static void
task_started(struct stream *s, struct lane *lane)
{
    begin_worker_event(s, lane->worker);
    event_add_uuid(&s->event, lane->uuid);
    end_event(s, "task-started");
    send_task_event(s, lane->worker, "task.started");
    count(s, lane, STREAM_STARTED);
    lane->phase = STARTED;
}

static void
task_succeeded(struct stream *s, struct lane *lane)
{
    /* About log-normal, a few hundredths of a second. */
    const double spread = draw_share(s) + draw_share(s) + draw_share(s) - 1.5;
    const double runtime = exp(2.4 * spread - 3);
    begin_worker_event(s, lane->worker);
    event_add_uuid(&s->event, lane->uuid);
    event_add_result(&s->event, lane->name % 2 == 0, runtime);
    end_event(s, "task-succeeded");
    send_task_event(s, lane->worker, "task.succeeded");
    count(s, lane, STREAM_SUCCEEDED);
    s->truth->nruntimes++;
    s->truth->runtime_s += runtime;
    lane->phase = IDLE;
}

static void
task_failed(struct stream *s, struct lane *lane, bool retried)
{
    const size_t class = draw_below(s, STREAM_NEXCEPTIONS);
    begin_worker_event(s, lane->worker);
    event_add_uuid(&s->event, lane->uuid);
    event_add_failure(&s->event, exceptions[class], draw_below(s, 1000));
    end_event(s, retried ? "task-retried" : "task-failed");
    send_task_event(s, lane->worker, retried ? "task.retried" : "task.failed");
    count(s, lane, retried ? STREAM_RETRIED : STREAM_FAILED + class);
    lane->phase = retried ? RETRIED : IDLE;
    lane->retries += retried;
}

static void
task_ended(struct stream *s, struct lane *lane)
{
    const double share = draw_share(s);
    const bool fails = share < s->config->failed;
    const bool retries = !fails &&
                         share < s->config->failed + s->config->retried &&
                         lane->retries < MOST_RETRIES;
    s->senders[lane->worker].nprocessed++;
    if (fails || retries)
        task_failed(s, lane, retries);
    else
        task_succeeded(s, lane);
}

static void
new_task(struct stream *s, struct lane *lane)
{
    const struct stream_config *config = s->config;
    const size_t number = s->ntasks++;
    /* Squared: a few names are most of the tasks. */
    const double share = draw_share(s);
    *lane = (struct lane){
        .name = config->cover
                    ? number / config->nworkers % config->nnames
                    : (size_t)(share * share * (double)config->nnames),
        .worker = config->cover ? number % config->nworkers
                                : draw_below(s, config->nworkers),
    };
    draw_uuid(s, lane->uuid);
    if (config->sent)
        task_sent(s, lane);
    else
        task_received(s, lane);
}

/* The next event of a task; of a new one where there was none. */
static void
advance(struct stream *s, struct lane *lane)
{
    struct sender *sender = &s->senders[lane->worker];
    if (s->now_us >= sender->heartbeat_us)
        send_heartbeat(s, lane->worker, "worker-heartbeat", "worker.heartbeat");
    switch (lane->phase) {
    case IDLE:
        new_task(s, lane);
        break;
    case SENT:
    case RETRIED:
        task_received(s, lane);
        break;
    case RECEIVED:
        task_started(s, lane);
        break;
    case STARTED:
        task_ended(s, lane);
        break;
    }
}

static void
run_tasks(struct stream *s)
{
    const size_t nlanes = s->config->nlanes;
    while (s->ntasks < s->config->ntasks)
        advance(s, &s->lanes[draw_below(s, nlanes)]);
    for (size_t i = 0; i < nlanes; i++) {
        while (s->lanes[i].phase != IDLE)
            advance(s, &s->lanes[i]);
    }
}

static void
receive_tasks(struct stream *s)
{
    while (s->ntasks < s->config->ntasks) {
        struct lane *lane = &s->lanes[0];
        new_task(s, lane);
        if (lane->phase == SENT)
            task_received(s, lane);
    }
}

static void
begin(struct stream *s)
{
    const struct stream_config *config = s->config;
    s->lanes = xcalloc(config->nlanes, sizeof(*s->lanes));
    s->senders = xcalloc(config->nworkers, sizeof(*s->senders));
    s->truth->counts =
        xcalloc(config->nworkers * config->nnames * STREAM_NKINDS,
                sizeof(*s->truth->counts));
    buf_init(&s->event, 0);
    for (size_t i = 0; i < config->nworkers; i++) {
        buf_init(&s->senders[i].nodename, 0);
        buf_init(&s->senders[i].list, 0);
        event_add_nodename(&s->senders[i].nodename, i);
        send_heartbeat(s, i, "worker-online", "worker.online");
    }
}

static void
end(struct stream *s)
{
    for (size_t i = 0; i < s->config->nworkers; i++) {
        send_heartbeat(s, i, "worker-heartbeat", "worker.heartbeat");
        buf_close(&s->senders[i].list);
        buf_close(&s->senders[i].nodename);
    }
    buf_close(&s->event);
    free(s->senders);
    free(s->lanes);
}

void
stream_run(const struct stream_config *config, struct stream_truth *truth,
           stream_fn fn, void *ctx)
{
    struct stream s = {
        .config = config,
        .truth = truth,
        .fn = fn,
        .ctx = ctx,
        .random = config->seed,
        .now_us = config->start_us,
        .step_us = RUN_US / (3 * config->ntasks + 1) + 1,
    };
    *truth = (struct stream_truth){0};
    begin(&s);
    if (config->unfinished)
        receive_tasks(&s);
    else
        run_tasks(&s);
    end(&s);
}

uint64_t
stream_count(const struct stream_config *config,
             const struct stream_truth *truth, size_t worker, size_t name,
             enum stream_kind kind)
{
    const size_t pair = worker * config->nnames + name;
    return truth->counts[pair * STREAM_NKINDS + kind];
}

void
stream_truth_close(struct stream_truth *truth)
{
    free(truth->counts);
    truth->counts = NULL;
}
