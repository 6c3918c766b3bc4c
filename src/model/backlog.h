#pragma once

/* The tasks that were sent to a queue and that no worker has started yet, and
 * since when the oldest of each queue waits: from its task-sent, or from its
 * ETA if that is later. What is known of each is in its record (struct task);
 * while it is counted its queue, sent and eta must not change.
 *
 * Events get lost, and a task whose start nobody saw must not be the oldest
 * for ever. One that is not received goes when the broker says that its queue
 * is empty. One that is goes when its worker tells what it holds and leaves it
 * out (as it leaves out those that a rate limit keeps back), or was purged.
 * Any goes after a week. */

#include "base/now.h"
#include "model/tasks.h"
#include "model/workers.h"

struct backlog;

/* All are borrowed. */
struct backlog *backlog_new(struct registry *registry, struct tasks *tasks,
                            const struct workers *workers);
void backlog_free(struct backlog *backlog);
/* Counts a task that is not counted yet; nothing if its queue is not known, or
 * past the cap of queue names. expires: Unix seconds, or NaN. */
void backlog_add(struct backlog *backlog, struct task *task, double expires);
/* Nothing when it is not counted. */
void backlog_remove(struct backlog *backlog, struct task *task);
/* The task's worker has received it, or says that it holds it: nothing when
 * it is not counted. */
void backlog_hold(struct backlog *backlog, struct task *task);

/* The queue was empty: what was sent to it before is out of it. */
void backlog_queue_empty(struct backlog *backlog, uint32_t queue,
                         double before_s);
/* A worker told how many tasks it holds. That is believed only if so many were
 * named, too. */
void backlog_told(struct backlog *backlog, uint32_t worker,
                  enum worker_holding what, size_t n);
void backlog_named(struct backlog *backlog, uint32_t worker);
/* Takes out what has expired and what must have gone; that takes a pass over
 * the table of tasks, a share of it a call, if there may be any. Once a
 * second. */
void backlog_tick(struct backlog *backlog, struct now now);
/* Sets the gauge of each queue. Costs a pass over the distinct (queue, second)
 * if the oldest of a queue has gone since, else only the queues. */
void backlog_refresh(struct backlog *backlog, struct now now);
