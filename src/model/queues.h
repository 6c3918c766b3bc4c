#pragma once

/* The queues that are known, how long they are, and how many workers and
 * processes consume them, as a poll of the workers told. A queue is known from
 * its first mention, and leaves when it is empty and nobody has mentioned it
 * for long: mentions are a task-sent, a binding, a worker that consumes it,
 * messages or consumers that the broker sees in it. */

#include "base/now.h"
#include "model/registry.h"

struct queues;

/* What the broker says of a queue. */
struct queue_figures {
    int64_t length;    /* over all priorities; -1 = refused, all of it */
    int64_t consumers; /* -1 = not told */
    bool missing;      /* there is no such queue now */
    /* Where each priority step has a list of its own, ascending; the first is
     * step 0. None elsewhere. */
    const int64_t *steps;
    const int64_t *step_lengths;
    size_t nsteps;
};

typedef bool (*queues_alive_fn)(void *ctx, struct str node);

/* leave_ms: how long a queue stays that nobody mentions; 0 = for ever. */
struct queues *queues_new(struct registry *registry, int64_t leave_ms);
void queues_free(struct queues *queues);
/* Mentions a queue, and makes it known. One past the cap of queue names is
 * left out: what several queues say does not add up under __other__. So is a
 * name of more than 255 bytes, which no queue has. */
void queues_add(struct queues *queues, struct str name, struct now now);
/* The same, and it never leaves: -Q. */
void queues_pin(struct queues *queues, struct str name, struct now now);
/* Numbers are good until the next call of queues_forget. */
size_t queues_n(const struct queues *queues);
struct str queues_name(const struct queues *queues, size_t i);
/* Answers the question for a queue; nothing is done for one that has left
 * meanwhile. The lengths of steps are shown once any step above the first has
 * held something. Nothing is shown before the first answer, nor after a
 * refusal until the next answer. */
void queues_set_figures(struct queues *queues, struct str name,
                        const struct queue_figures *figures, struct now now);

/* Whether the next queues_poll_end has figures to show. Until then, and after
 * false, workers and processes of a queue are not shown: they are not 0. */
void queues_know_workers(struct queues *queues, bool known);
/* One poll of the workers: begin, what each of them says, end. Several replies
 * of one nodename in a poll are as many workers, and add up. */
void queues_poll_begin(struct queues *queues);
void queues_set_processes(struct queues *queues, struct str node,
                          int64_t processes);
/* A worker consumes a queue, however often it says so; a NULL queue begins
 * its list, and so a reply. */
void queues_set_consumed(struct queues *queues, struct str node,
                         struct str queue, struct now now);
/* Sums up. A worker that did not answer still counts as it last said, as long
 * as it is alive: a busy solo pool cannot answer. */
void queues_poll_end(struct queues *queues, queues_alive_fn alive, void *ctx,
                     struct now now);
/* How many live workers consume the queue, by the last poll; false when the
 * queue, or who consumes queues, is not known. */
bool queues_workers(const struct queues *queues, struct str name,
                    size_t *nworkers);

/* Drops the queues that leave, with their series: after each round of lengths
 * and bindings that the broker answered as a whole. */
void queues_forget(struct queues *queues, struct now now);
/* After an outage: what could not be heard counts as mentioned now. */
void queues_excuse(struct queues *queues, struct now now);
