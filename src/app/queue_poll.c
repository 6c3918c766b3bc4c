#include "app/queue_poll.h"

#include <math.h>
#include <stdlib.h>

#include "app/queue_names.h"
#include "base/xalloc.h"
#include "io/clock.h"

/* Polls from one look at the bindings to the next, at most. */
enum { BINDINGS_EVERY = 20 };

struct queue_poll {
    uv_loop_t *loop;
    const struct options *options;
    struct broker *broker;
    struct metrics *metrics;
    struct queues *queues;
    struct poll_sources *sources;
    size_t npolls; /* since the bindings were asked for; 0 = they are due */

    size_t nasked; /* lengths on their way */
    bool all;      /* none of them was refused so far */
    bool whole;    /* it is a poll, and not only a queue or two */
    int64_t lengths_ms;
    double asked_s; /* when the oldest of them was asked, Unix seconds */

    int64_t bindings_ms; /* when they were asked for */
    int64_t unacked_ms;
};

struct queue_poll *
queue_poll_new(uv_loop_t *loop, const struct options *options,
               struct broker *broker, struct metrics *metrics,
               struct queues *queues, struct poll_sources *sources)
{
    struct queue_poll *poll = xcalloc(1, sizeof(*poll));
    *poll = (struct queue_poll){
        .loop = loop,
        .options = options,
        .broker = broker,
        .metrics = metrics,
        .queues = queues,
        .sources = sources,
    };
    return poll;
}

void
queue_poll_free(struct queue_poll *poll)
{
    free(poll);
}

/* ---- lengths ---- */

static void
end_lengths(struct queue_poll *poll)
{
    const struct now now = clock_now(poll->loop);
    if (!poll->whole)
        return;
    poll->whole = false;
    poll_sources_show(poll->sources, POLL_QUEUES, poll->all, poll->lengths_ms,
                      now);
    if (poll->all)
        queues_forget(poll->queues, now);
}

static void
ask_length(struct queue_poll *poll, struct str name)
{
    if (poll->nasked == 0)
        poll->asked_s = clock_wall();
    if (broker_ask_queue(poll->broker, name))
        poll->nasked++;
    else
        poll->all = false;
}

/* Answers that are still due by now are lost, with the connection for
 * commands. */
static void
ask_lengths(struct queue_poll *poll)
{
    poll->nasked = 0;
    poll->all = poll->whole = true;
    poll->lengths_ms = (int64_t)uv_now(poll->loop);
    for (size_t i = 0; i < queues_n(poll->queues); i++)
        ask_length(poll, queues_name(poll->queues, i));
    if (poll->nasked == 0)
        end_lengths(poll);
}

void
queue_poll_ask_from(struct queue_poll *poll, size_t from)
{
    for (size_t i = from; i < queues_n(poll->queues); i++)
        ask_length(poll, queues_name(poll->queues, i));
}

void
queue_poll_add(struct queue_poll *poll, struct str name)
{
    if (queue_name_is_delay(name))
        return;
    const size_t n = queues_n(poll->queues);
    queues_add(poll->queues, name, clock_now(poll->loop));
    queue_poll_ask_from(poll, n);
}

void
queue_poll_queue(struct queue_poll *poll, struct str name,
                 const struct queue_state *state)
{
    queues_set_figures(poll->queues, name,
                       &(struct queue_figures){
                           .length = state->length,
                           .consumers = state->consumers,
                           .missing = state->missing,
                           .steps = state->steps,
                           .step_lengths = state->step_lengths,
                           .nsteps = state->nsteps,
                       },
                       clock_now(poll->loop));
    if (state->length < 0)
        poll->all = false;
    /* One that comes too late to be counted may have been asked before. */
    if (state->length == 0 && poll->nasked > 0)
        metrics_queue_empty(poll->metrics, name, poll->asked_s);
    if (poll->nasked > 0 && --poll->nasked == 0)
        end_lengths(poll);
}

/* ---- bindings ---- */

void
queue_poll_binding(struct queue_poll *poll, struct str queue, bool ok)
{
    const struct str events = str_from(poll->options->event_exchange);
    if (queue.ptr == NULL)
        poll_sources_show(poll->sources, POLL_BINDINGS, ok, poll->bindings_ms,
                          clock_now(poll->loop));
    else if (!queue_name_is_internal(queue, events))
        queue_poll_add(poll, queue);
}

/* Often enough that no queue leaves between two mentions. */
static size_t
bindings_every(const struct queue_poll *poll)
{
    const int64_t leave_s = poll->options->purge_offline_worker_s;
    const int64_t every = leave_s / (2 * poll->options->poll_interval_s);
    return leave_s == 0 || every > BINDINGS_EVERY ? BINDINGS_EVERY
           : every < 1                            ? 1
                                                  : (size_t)every;
}

static void
ask_bindings(struct queue_poll *poll)
{
    if (poll->npolls == 0) {
        poll->bindings_ms = (int64_t)uv_now(poll->loop);
        if (!broker_ask_bindings(poll->broker)) {
            poll_sources_fail(poll->sources, POLL_BINDINGS);
            return;
        }
    }
    poll->npolls = (poll->npolls + 1) % bindings_every(poll);
}

/* ---- what is not acknowledged ---- */

static void
ask_unacked(struct queue_poll *poll)
{
    poll->unacked_ms = (int64_t)uv_now(poll->loop);
    if (!broker_ask_unacked(poll->broker))
        poll_sources_fail(poll->sources, POLL_UNACKED);
}

static void
show_or_clear(struct queue_poll *poll, size_t column, bool there, double value)
{
    struct registry *registry = metrics_registry(poll->metrics);
    struct group *group = registry_group(registry, GROUP_EXPORTER);
    struct series *series = registry_fixed(registry, GROUP_EXPORTER, NULL);
    if (there)
        group_set(group, series, column, value);
    else
        group_clear(group, series, column);
}

void
queue_poll_unacked(struct queue_poll *poll, int64_t n, double oldest_s)
{
    show_or_clear(poll, SELF_UNACKED_COL, n >= 0, (double)n);
    show_or_clear(poll, SELF_OLDEST_UNACKED_COL, n > 0 && isfinite(oldest_s),
                  oldest_s);
    poll_sources_show(poll->sources, POLL_UNACKED, n >= 0, poll->unacked_ms,
                      clock_now(poll->loop));
}

/* ---- all of it ---- */

void
queue_poll_begin(struct queue_poll *poll)
{
    ask_unacked(poll);
    ask_bindings(poll);
    ask_lengths(poll);
}

void
queue_poll_drop(struct queue_poll *poll)
{
    poll->nasked = 0;
    poll->whole = false;
    poll->npolls = 0;
}
