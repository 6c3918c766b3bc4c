#pragma once

/* Samples of task events that wait a moment for their name or queue. Events
 * of one task come from several processes and overtake each other: a start
 * may arrive before the task-sent that names the queue. */

#include <stdint.h>

#include "base/now.h"
#include "model/counters.h"
#include "model/tasks.h"

struct waiting;

/* Called for each tally that need not wait any longer. */
typedef void (*waiting_fn)(void *ctx, const struct tally *tally,
                           struct task *task);

/* Whether nothing that it waits for can still come. */
typedef bool (*waiting_ready_fn)(void *ctx, const struct tally *tally,
                                 const struct task *task);

struct waiting *waiting_new(struct tasks *tasks, size_t max,
                            waiting_ready_fn ready, waiting_fn fn, void *ctx);
void waiting_free(struct waiting *waiting);
/* Keeps a tally until then at the latest; past max the oldest goes out. */
void waiting_add(struct waiting *waiting, struct task *task,
                 const struct tally *tally, int64_t deadline_ms);
/* Lets out all that wait for this task, in order. */
void waiting_release(struct waiting *waiting, struct task *task);
/* The same if the last of them is ready. */
void waiting_release_ready(struct waiting *waiting, struct task *task);
/* Lets out whatever is ready, with all of its task. */
void waiting_release_all_ready(struct waiting *waiting);
/* Lets out what a worker sent and is ready, with all of its task. */
void waiting_release_worker(struct waiting *waiting, uint32_t worker);
/* Lets out what is due by now; INT64_MAX for everything. */
void waiting_expire(struct waiting *waiting, int64_t now_ms);
/* Lets out all that belong to one of these hosts: their values go. */
void waiting_release_hosts(struct waiting *waiting,
                           const struct idset *hostnames);
size_t waiting_n(const struct waiting *waiting);
/* When the next one is due; INT64_MAX when none waits. */
int64_t waiting_deadline(const struct waiting *waiting);
