#include "app/inspect.h"

#include <stdlib.h>

#include "app/errands.h"
#include "app/poll_sources.h"
#include "app/questions.h"
#include "app/queue_poll.h"
#include "base/xalloc.h"
#include "io/clock.h"
#include "model/queues.h"

enum {
    REPLY_MS = 1000, /* workers that have not answered by then will not */
    SOON_MS = 250,   /* several workers come and go together */
    /* What a worker could run changes only when it is restarted. */
    REGISTERED_EVERY = 20,
};

/* Asked in each poll; registered only once in a while. */
static const enum poll_source sources_of[QUESTION_COUNT] = {
    [ASK_STATS] = POLL_STATS,         [ASK_QUEUES] = POLL_ACTIVE_QUEUES,
    [ASK_ACTIVE] = POLL_ACTIVE,       [ASK_RESERVED] = POLL_RESERVED,
    [ASK_SCHEDULED] = POLL_SCHEDULED, [ASK_REGISTERED] = POLL_REGISTERED,
};

enum round {
    ROUND_NONE,
    ROUND_FIRST,   /* of all workers, when it is not known how many they are */
    ROUND_POLL,    /* of all workers */
    ROUND_ERRANDS, /* of some */
};

struct inspect {
    uv_loop_t *loop;
    const struct options *options;
    struct broker *broker;
    struct metrics *metrics;
    struct queues *queues;
    struct roster roster;
    struct questions *questions;
    struct errands errands;
    struct queue_poll *queue_poll;
    struct poll_sources sources;
    uv_timer_t next;     /* when a round may begin */
    uv_timer_t deadline; /* when the present one ends */
    bool up;
    bool refused;
    enum round round;
    int64_t began_ms;
    size_t nqueues;  /* known when it began */
    int64_t poll_ms; /* when the next poll is due */
    unsigned npolls;
    bool registered; /* was asked in this poll */
    void (*done)(void *ctx);
    void *done_ctx;
};

/* ---- when ---- */

static void on_next(uv_timer_t *timer);
static void on_deadline(uv_timer_t *timer);

static void
wait_for_next(struct inspect *inspect)
{
    if (!inspect->up || inspect->round != ROUND_NONE)
        return;
    const int64_t due_ms = inspect->errands.due_ms < inspect->poll_ms
                               ? inspect->errands.due_ms
                               : inspect->poll_ms;
    const int64_t left_ms = due_ms - (int64_t)uv_now(inspect->loop);
    uv_timer_start(&inspect->next, on_next, left_ms > 0 ? (uint64_t)left_ms : 0,
                   0);
}

static void
begin_round(struct inspect *inspect, enum round round, uint64_t patience_ms)
{
    inspect->round = round;
    inspect->began_ms = (int64_t)uv_now(inspect->loop);
    inspect->nqueues = queues_n(inspect->queues);
    uv_timer_stop(&inspect->next);
    uv_timer_start(&inspect->deadline, on_deadline, patience_ms, 0);
    questions_begin(inspect->questions);
}

/* Names first: events may wait for them. */
static void
begin_poll(struct inspect *inspect, enum round round)
{
    static const enum question always[] = {
        ASK_ACTIVE, ASK_RESERVED, ASK_SCHEDULED, ASK_QUEUES, ASK_STATS};
    roster_begin(&inspect->roster);
    begin_round(inspect, round, REPLY_MS);
    for (size_t i = 0; i < COUNT_OF(always); i++)
        questions_ask_all(inspect->questions, always[i]);
    inspect->registered = inspect->npolls++ % REGISTERED_EVERY == 0;
    if (inspect->registered)
        questions_ask_all(inspect->questions, ASK_REGISTERED);
    if (round == ROUND_FIRST && inspect->options->enable_events_s > 0)
        questions_ask_all(inspect->questions, ASK_ENABLE_EVENTS);
}

static void
begin_errands(struct inspect *inspect)
{
    roster_begin(&inspect->roster);
    if (!errands_want(&inspect->errands, clock_now(inspect->loop))) {
        errands_settle(&inspect->errands, true, clock_now(inspect->loop));
        wait_for_next(inspect);
        return;
    }
    begin_round(inspect, ROUND_ERRANDS, errands_patience_ms(&inspect->errands));
    for (int i = 0; i < QUESTION_COUNT; i++)
        questions_ask_wanted(inspect->questions, (enum question)i);
}

static void
on_next(uv_timer_t *timer)
{
    struct inspect *inspect = timer->data;
    if (inspect->poll_ms <= (int64_t)uv_now(inspect->loop))
        begin_poll(inspect, ROUND_POLL);
    else
        begin_errands(inspect);
}

/* ---- the end of a round ---- */

static bool
is_alive(void *ctx, struct str node)
{
    return metrics_worker_is_up(((struct inspect *)ctx)->metrics, node);
}

static void
show_sources(struct inspect *inspect)
{
    const bool idle = metrics_nworkers_up(inspect->metrics) == 0;
    const bool sent = questions_sent(inspect->questions) && !inspect->refused;
    for (int i = 0; i < ASK_ENABLE_EVENTS; i++) {
        if (i == ASK_REGISTERED && !inspect->registered)
            continue;
        const size_t n =
            questions_nreplies(inspect->questions, (enum question)i);
        poll_sources_show(&inspect->sources, sources_of[i],
                          sent && (n > 0 || idle), inspect->began_ms,
                          clock_now(inspect->loop));
    }
}

/* A silent round changes nothing: whoever is alive may be busy. */
static void
judge_workers(struct inspect *inspect)
{
    if (!questions_sent(inspect->questions) || inspect->refused)
        queues_know_workers(inspect->queues, false);
    else if (questions_nreplies(inspect->questions, ASK_QUEUES) > 0 ||
             (inspect->round != ROUND_ERRANDS &&
              metrics_nworkers_up(inspect->metrics) == 0))
        queues_know_workers(inspect->queues, true);
}

static void
end_poll(struct inspect *inspect)
{
    show_sources(inspect);
    roster_forget(&inspect->roster, is_alive, inspect);
    queue_poll_begin(inspect->queue_poll);
    inspect->poll_ms = (int64_t)uv_now(inspect->loop) +
                       1000 * inspect->options->poll_interval_s;
}

static void
end_round(struct inspect *inspect)
{
    const enum round round = inspect->round;
    judge_workers(inspect);
    inspect->round = ROUND_NONE;
    uv_timer_stop(&inspect->deadline);
    questions_end(inspect->questions);
    errands_settle(&inspect->errands, questions_sent(inspect->questions),
                   clock_now(inspect->loop));
    if (round == ROUND_ERRANDS)
        queue_poll_ask_from(inspect->queue_poll, inspect->nqueues);
    else
        end_poll(inspect);
    wait_for_next(inspect);
}

static void
on_deadline(uv_timer_t *timer)
{
    end_round(timer->data);
}

void
inspect_reply(struct inspect *inspect, const struct message *message)
{
    if (inspect == NULL || inspect->round == ROUND_NONE)
        return;
    questions_reply(inspect->questions, message);
    if (inspect->round != ROUND_FIRST && questions_answered(inspect->questions))
        end_round(inspect);
}

/* ---- what others see ---- */

void
inspect_saw_worker(struct inspect *inspect, struct str nodename)
{
    if (inspect == NULL)
        return;
    errands_saw(&inspect->errands, nodename, clock_now(inspect->loop));
    wait_for_next(inspect);
}

void
inspect_soon(struct inspect *inspect)
{
    if (inspect == NULL)
        return;
    const int64_t soon_ms = (int64_t)uv_now(inspect->loop) + SOON_MS;
    if (soon_ms < inspect->poll_ms)
        inspect->poll_ms = soon_ms;
    wait_for_next(inspect);
}

void
inspect_refused(struct inspect *inspect, bool refused)
{
    if (inspect != NULL)
        inspect->refused = refused;
}

void
inspect_add_queue(struct inspect *inspect, struct str name)
{
    if (inspect != NULL)
        queue_poll_add(inspect->queue_poll, name);
}

void
inspect_queue(struct inspect *inspect, struct str name,
              const struct queue_state *state)
{
    if (inspect != NULL)
        queue_poll_queue(inspect->queue_poll, name, state);
}

void
inspect_unacked(struct inspect *inspect, int64_t n, double oldest_s)
{
    if (inspect != NULL)
        queue_poll_unacked(inspect->queue_poll, n, oldest_s);
}

void
inspect_binding(struct inspect *inspect, struct str queue, bool ok)
{
    if (inspect != NULL)
        queue_poll_binding(inspect->queue_poll, queue, ok);
}

bool
inspect_queue_workers(const struct inspect *inspect, struct str queue,
                      size_t *nworkers)
{
    *nworkers = 0;
    return inspect != NULL && queues_workers(inspect->queues, queue, nworkers);
}

/* ---- life ---- */

struct inspect *
inspect_new(uv_loop_t *loop, const struct options *options,
            struct broker *broker, struct metrics *metrics)
{
    struct inspect *inspect = xcalloc(1, sizeof(*inspect));
    *inspect = (struct inspect){
        .loop = loop, .options = options, .broker = broker, .metrics = metrics};
    struct registry *registry = metrics_registry(metrics);
    const struct now now = clock_now(loop);
    inspect->queues =
        queues_new(registry, 1000 * options->purge_offline_worker_s);
    for (size_t i = 0; i < options->queues.n; i++)
        queues_pin(inspect->queues, str_from(options->queues.items[i]), now);
    poll_sources_init(&inspect->sources, registry);
    roster_init(&inspect->roster, registry_hash_key(registry));
    inspect->questions = questions_new(loop, options, broker, metrics,
                                       inspect->queues, &inspect->roster);
    errands_init(&inspect->errands, options, metrics, &inspect->roster, now);
    inspect->queue_poll = queue_poll_new(loop, options, broker, metrics,
                                         inspect->queues, &inspect->sources);
    uv_timer_init(loop, &inspect->next);
    uv_timer_init(loop, &inspect->deadline);
    inspect->next.data = inspect->deadline.data = inspect;
    return inspect;
}

static void
go_down(struct inspect *inspect)
{
    uv_timer_stop(&inspect->next);
    uv_timer_stop(&inspect->deadline);
    inspect->round = ROUND_NONE;
    questions_drop(inspect->questions);
    queue_poll_drop(inspect->queue_poll);
    for (int i = 0; i < POLL_SOURCE_COUNT; i++)
        poll_sources_fail(&inspect->sources, (enum poll_source)i);
}

void
inspect_broker_up(struct inspect *inspect, bool up)
{
    if (inspect == NULL)
        return;
    inspect->up = up;
    if (!up) {
        go_down(inspect);
        return;
    }
    inspect->npolls = 0;
    queues_excuse(inspect->queues, clock_now(inspect->loop));
    begin_poll(inspect, ROUND_FIRST);
}

static void
on_deadline_closed(uv_handle_t *handle)
{
    struct inspect *inspect = handle->data;
    void (*done)(void *ctx) = inspect->done;
    void *ctx = inspect->done_ctx;
    queue_poll_free(inspect->queue_poll);
    questions_free(inspect->questions);
    roster_close(&inspect->roster);
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
    uv_timer_stop(&inspect->next);
    uv_timer_stop(&inspect->deadline);
    uv_close((uv_handle_t *)&inspect->next, on_next_closed);
}
