#pragma once

/* Counts task events as soon as their name and queue are known: most at once,
 * the others when the event that brings the name has come, or after
 * --name-grace without them. */

#include "base/now.h"
#include "model/counters.h"
#include "model/tasks.h"
#include "model/workers.h"

enum { GRACE_MAX = 100000 }; /* events that wait */

struct grace;

/* All but the text are borrowed; grace_ms 0 = nothing ever waits. */
struct grace *grace_new(struct registry *registry, struct tasks *tasks,
                        const struct workers *workers, struct str default_queue,
                        int64_t grace_ms);
void grace_free(struct grace *grace);
/* Tasks of this name come with task-sent events that tell a queue, so that
 * theirs is worth waiting for. */
void grace_expect_queue(struct grace *grace, uint32_t name);
/* The name that an event counts under, as far as it is known. */
uint32_t grace_name(const struct tally *tally, const struct task *task);
/* What the task already knows of the event is in `task`; events of the task
 * that wait for it are counted before. An event whose task has no queue counts
 * in the one that its worker consumes, if there is just one; while its worker
 * is being asked it waits for that, too. */
void grace_count(struct grace *grace, struct task *task,
                 const struct tally *tally, struct now now);
/* A start that was counted before its task-sent came: its queue wait. */
void grace_count_wait(struct grace *grace, const struct task *task,
                      const struct tally *tally);
/* Counts what waits: of this task, of these hosts, what is due by now (of all
 * with INT64_MAX). */
void grace_release(struct grace *grace, struct task *task);
/* The same, as far as nothing is left to wait for: the task's name or queue
 * was learnt, the worker's queue was told. */
void grace_release_learnt(struct grace *grace, struct task *task,
                          struct now now);
void grace_release_worker(struct grace *grace, uint32_t worker);
void grace_release_all_ready(struct grace *grace, struct now now);
void grace_release_hosts(struct grace *grace, const struct idset *hostnames);
void grace_expire(struct grace *grace, int64_t now_ms);
size_t grace_n(const struct grace *grace);
/* When the next is due; INT64_MAX when none waits. */
int64_t grace_deadline(const struct grace *grace);

/* Seconds from `earlier`, or from the ETA when that is later, at least 0; NaN
 * when either is not known, or the sum of them would be spoilt. */
double grace_wait(double later, double earlier, double eta);
