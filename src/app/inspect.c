#include "app/inspect.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/xalloc.h"
#include "io/clock.h"
#include "model/queues.h"
#include "wire/pidbox.h"

enum {
    REPLY_MS = 1000, /* workers that have not answered by then will not */
    SOON_MS = 250,   /* several workers come and go together */
    /* A worker says worker-online before it listens to commands: polls that
     * some live worker left unanswered are made again sooner. */
    AGAIN_MS = 1000,
    MAX_AGAIN = 3,
};

enum question { ASK_STATS, ASK_QUEUES, QUESTION_COUNT };

static const char *const methods[QUESTION_COUNT] = {
    [ASK_STATS] = "stats",
    [ASK_QUEUES] = "active_queues",
};

/* Sources of celery_exporter_poll_*: the questions, and the queue lengths. */
enum { SOURCE_QUEUES = QUESTION_COUNT, SOURCE_COUNT };

static const struct str source_names[SOURCE_COUNT] = {
    [ASK_STATS] = STR_INIT("stats"),
    [ASK_QUEUES] = STR_INIT("active_queues"),
    [SOURCE_QUEUES] = STR_INIT("queues"),
};

struct inspect {
    uv_loop_t *loop;
    const struct options *options;
    struct broker *broker;
    struct metrics *metrics;
    struct queues *queues;
    uv_timer_t next;     /* when a poll begins */
    uv_timer_t deadline; /* when the present one ends */
    bool up;
    bool polling;
    uint64_t begun_ms;
    char tickets[QUESTION_COUNT][33];
    size_t nanswers[QUESTION_COUNT];
    unsigned nagain; /* polls made again since the last whole one */
    bool sent;
    size_t nasked; /* queue lengths on their way */
    bool all_lengths;
    struct series *sources[SOURCE_COUNT];
    void (*done)(void *ctx);
    void *done_ctx;
};

static void
make_ticket(char ticket[33])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16] = {0};
    /* A guessable ticket would only confuse this one poll. */
    (void)!getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        ticket[2 * i] = hex[bytes[i] >> 4];
        ticket[2 * i + 1] = hex[bytes[i] & 15];
    }
    ticket[32] = '\0';
}

static void
show_source(struct inspect *inspect, size_t source, bool ok)
{
    struct group *group =
        registry_group(metrics_registry(inspect->metrics), GROUP_POLL);
    struct series *series = inspect->sources[source];
    const struct now now = clock_now(inspect->loop);
    group_set(group, series, POLL_SUCCESS_COL, ok);
    group_set(group, series, POLL_DURATION_COL,
              (double)(uv_now(inspect->loop) - inspect->begun_ms) / 1000);
    if (ok)
        group_set(group, series, POLL_TIMESTAMP_COL, now.wall_s);
}

/* ---- queue lengths ---- */

static void
end_lengths(struct inspect *inspect, bool ok)
{
    inspect->nasked = 0;
    show_source(inspect, SOURCE_QUEUES, ok);
}

static void
ask_lengths(struct inspect *inspect)
{
    inspect->all_lengths = true;
    inspect->nasked = 0;
    inspect->begun_ms = uv_now(inspect->loop);
    for (size_t i = 0; i < queues_n(inspect->queues); i++) {
        if (broker_ask_queue(inspect->broker, queues_name(inspect->queues, i)))
            inspect->nasked++;
        else
            inspect->all_lengths = false;
    }
    if (inspect->nasked == 0)
        end_lengths(inspect, inspect->all_lengths);
}

void
inspect_queue(struct inspect *inspect, struct str name,
              const struct queue_state *state)
{
    if (inspect == NULL)
        return;
    if (state->length < 0)
        inspect->all_lengths = false;
    queues_set_figures(inspect->queues, name,
                       &(struct queue_figures){
                           .length = state->length,
                           .consumers = state->consumers,
                           .missing = state->missing,
                           .steps = state->steps,
                           .step_lengths = state->step_lengths,
                           .nsteps = state->nsteps,
                       },
                       clock_now(inspect->loop));
    if (inspect->nasked > 0 && --inspect->nasked == 0)
        end_lengths(inspect, inspect->all_lengths);
}

void
inspect_unacked(struct inspect *inspect, int64_t n, double oldest_s)
{
    (void)inspect;
    (void)n;
    (void)oldest_s;
}

void
inspect_binding(struct inspect *inspect, struct str queue, bool ok)
{
    (void)inspect;
    (void)queue;
    (void)ok;
}

bool
inspect_queue_workers(const struct inspect *inspect, struct str queue,
                      size_t *nworkers)
{
    (void)inspect;
    (void)queue;
    *nworkers = 0;
    return false;
}

/* ---- workers ---- */

static bool
is_alive(void *ctx, struct str node)
{
    const struct inspect *inspect = ctx;
    return metrics_worker_is_up(inspect->metrics, node);
}

static void on_next(uv_timer_t *timer);

static void
wait_for_next(struct inspect *inspect, uint64_t delay_ms)
{
    uv_timer_start(&inspect->next, on_next, delay_ms, 0);
}

/* Every live worker has answered everything. */
static bool
is_answered(const struct inspect *inspect)
{
    const size_t nworkers = metrics_nworkers_up(inspect->metrics);
    return inspect->nanswers[ASK_STATS] >= nworkers &&
           inspect->nanswers[ASK_QUEUES] >= nworkers;
}

static uint64_t
delay_ms(struct inspect *inspect, bool answered)
{
    const uint64_t interval_ms =
        1000 * (uint64_t)inspect->options->poll_interval_s;
    if (answered || inspect->nagain >= MAX_AGAIN) {
        inspect->nagain = 0;
        return interval_ms;
    }
    const uint64_t again_ms = (uint64_t)AGAIN_MS << inspect->nagain++;
    return again_ms < interval_ms ? again_ms : interval_ms;
}

static void
end_poll(struct inspect *inspect)
{
    const size_t nworkers = metrics_nworkers_up(inspect->metrics);
    inspect->polling = false;
    uv_timer_stop(&inspect->deadline);
    broker_collect_replies(inspect->broker, false);
    queues_poll_end(inspect->queues, is_alive, inspect,
                    clock_now(inspect->loop));
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        show_source(inspect, i,
                    inspect->sent &&
                        (inspect->nanswers[i] > 0 || nworkers == 0));
    ask_lengths(inspect);
    wait_for_next(inspect, delay_ms(inspect, is_answered(inspect)));
}

static void
on_deadline(uv_timer_t *timer)
{
    end_poll(timer->data);
}

static bool
ask(struct inspect *inspect, enum question question)
{
    struct buf exchange, command;
    buf_init(&exchange, 0);
    buf_init(&command, 0);
    buf_printf(&exchange, "reply.%s.pidbox",
               inspect->options->control_exchange);
    buf_add_byte(&exchange, '\0');
    make_ticket(inspect->tickets[question]);
    pidbox_encode(&command, &(struct pidbox_command){
                                .method = methods[question],
                                .ticket = inspect->tickets[question],
                                .exchange = exchange.ptr,
                                .reply_key = broker_reply_key(inspect->broker),
                            });
    const bool sent = broker_broadcast(inspect->broker, buf_str(&command));
    buf_close(&exchange);
    buf_close(&command);
    return sent;
}

static void
on_next(uv_timer_t *timer)
{
    struct inspect *inspect = timer->data;
    inspect->polling = true;
    inspect->begun_ms = uv_now(inspect->loop);
    inspect->sent = true;
    queues_poll_begin(inspect->queues);
    broker_collect_replies(inspect->broker, true);
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        inspect->nanswers[i] = 0;
        inspect->sent = ask(inspect, (enum question)i) && inspect->sent;
    }
    uv_timer_start(&inspect->deadline, on_deadline, REPLY_MS, 0);
}

void
inspect_add_queue(struct inspect *inspect, struct str name)
{
    if (inspect != NULL)
        queues_add(inspect->queues, name, clock_now(inspect->loop));
}

void
inspect_soon(struct inspect *inspect)
{
    if (inspect != NULL && inspect->up && !inspect->polling &&
        uv_timer_get_due_in(&inspect->next) > SOON_MS)
        wait_for_next(inspect, SOON_MS);
}

static void
on_stats(void *ctx, struct str node, const struct pidbox_stats *stats)
{
    struct inspect *inspect = ctx;
    metrics_worker_replied(inspect->metrics, node, clock_now(inspect->loop));
    queues_set_processes(inspect->queues, node, stats->processes);
}

static void
on_consumed(void *ctx, struct str node, const struct pidbox_queue *queue)
{
    struct inspect *inspect = ctx;
    queues_set_consumed(inspect->queues, node,
                        queue == NULL ? str_from(NULL) : queue->name,
                        clock_now(inspect->loop));
}

static bool
read_reply(struct inspect *inspect, enum question question,
           const struct message *message)
{
    return question == ASK_STATS
               ? pidbox_read_stats(message->body, message->serializer, on_stats,
                                   inspect)
               : pidbox_read_queues(message->body, message->serializer,
                                    on_consumed, inspect);
}

void
inspect_reply(struct inspect *inspect, const struct message *message)
{
    if (inspect == NULL || !inspect->polling ||
        message->serializer != SERIALIZER_JSON)
        return;
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        if (!str_eq(message->ticket, str_from(inspect->tickets[i])))
            continue;
        if (read_reply(inspect, (enum question)i, message))
            inspect->nanswers[i]++;
    }
    if (metrics_nworkers_up(inspect->metrics) > 0 && is_answered(inspect))
        end_poll(inspect);
}

/* ---- life ---- */

struct inspect *
inspect_new(uv_loop_t *loop, const struct options *options,
            struct broker *broker, struct metrics *metrics)
{
    struct inspect *inspect = xcalloc(1, sizeof(*inspect));
    inspect->loop = loop;
    inspect->options = options;
    inspect->broker = broker;
    inspect->metrics = metrics;
    struct registry *registry = metrics_registry(metrics);
    inspect->queues =
        queues_new(registry, 1000 * options->purge_offline_worker_s);
    for (size_t i = 0; i < options->queues.n; i++)
        queues_pin(inspect->queues, str_from(options->queues.items[i]),
                   clock_now(inspect->loop));
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        inspect->sources[i] =
            registry_fixed(registry, GROUP_POLL, &source_names[i]);
        group_touch(registry_group(registry, GROUP_POLL), inspect->sources[i],
                    POLL_SUCCESS_COL);
    }
    uv_timer_init(loop, &inspect->next);
    uv_timer_init(loop, &inspect->deadline);
    inspect->next.data = inspect->deadline.data = inspect;
    return inspect;
}

void
inspect_broker_up(struct inspect *inspect, bool up)
{
    if (inspect == NULL)
        return;
    inspect->up = up;
    uv_timer_stop(&inspect->next);
    uv_timer_stop(&inspect->deadline);
    inspect->polling = false;
    inspect->nasked = 0;
    if (up) {
        /* The heartbeats that were just asked for come first. */
        wait_for_next(inspect, SOON_MS);
        return;
    }
    for (size_t i = 0; i < SOURCE_COUNT; i++)
        group_set(
            registry_group(metrics_registry(inspect->metrics), GROUP_POLL),
            inspect->sources[i], POLL_SUCCESS_COL, 0);
}

static void
on_deadline_closed(uv_handle_t *handle)
{
    struct inspect *inspect = handle->data;
    void (*done)(void *ctx) = inspect->done;
    void *ctx = inspect->done_ctx;
    queues_free(inspect->queues);
    free(inspect);
    done(ctx);
}

static void
on_next_closed(uv_handle_t *handle)
{
    struct inspect *inspect = handle->data;
    uv_close((uv_handle_t *)&inspect->deadline, on_deadline_closed);
}

void
inspect_free(struct inspect *inspect, void (*done)(void *ctx), void *ctx)
{
    inspect->done = done;
    inspect->done_ctx = ctx;
    uv_close((uv_handle_t *)&inspect->next, on_next_closed);
}
