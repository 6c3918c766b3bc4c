#pragma once

/* The rule of each task event: what it changes in the table of tasks, which
 * worker it proves alive, and what it adds to the counters, at once or when
 * the task's name and queue are known. */

#include "base/now.h"
#include "model/arrival.h"
#include "model/registry.h"
#include "model/task_filter.h"
#include "model/workers.h"
#include "wire/event.h"
#include "wire/pidbox.h"

struct task_rules_config {
    struct str default_queue;
    const struct task_filter *filter; /* borrowed */
    bool generic_sent;                /* hostname="generic" for task-sent */
    bool generic_worker;   /* the same for the task events of workers */
    int64_t name_grace_ms; /* 0 = events never wait */
    size_t max_tasks;
};

struct task_rules;

/* registry, hostnames and workers are borrowed. */
struct task_rules *task_rules_new(const struct task_rules_config *config,
                                  struct registry *registry,
                                  struct hostnames *hostnames,
                                  struct workers *workers);
void task_rules_free(struct task_rules *rules);
/* A task event that is no exact repeat. */
void task_rules_event(struct task_rules *rules, const struct arrival *arrival);
/* A task that a worker, `worker` of the table of workers, runs or holds, as
 * it replied: what no event told is learnt from it. One that has ended since
 * stays so. */
void task_rules_learn(struct task_rules *rules, uint32_t worker,
                      const struct pidbox_request *request, struct now now);
/* How many tasks a worker holds, each of which it also told. */
void task_rules_told(struct task_rules *rules, uint32_t worker,
                     enum worker_holding what, size_t n);
/* A task that a worker could run: its failures are there at 0. */
void task_rules_register(struct task_rules *rules, struct str name,
                         struct now now);
/* Whether a worker ever sent an event of a task of that name; also true when
 * there are too many names to remember. */
bool task_rules_has_events(const struct task_rules *rules, struct str name);
/* Events that wait for the queue of their worker need not any longer. */
void task_rules_release_worker(struct task_rules *rules, struct str nodename);
/* See metrics_queue_empty. */
void task_rules_queue_empty(struct task_rules *rules, struct str queue,
                            double before_s);
/* Brings the age of queues up to date, before a page is made. */
void task_rules_refresh(struct task_rules *rules, struct now now);
/* Forgets tasks that finished long ago; once a second. */
void task_rules_tick(struct task_rules *rules, struct now now);
/* The events that wait for their name or queue. */
struct grace *task_rules_grace(const struct task_rules *rules);
/* For the exporter's own figures. */
const struct tasks *task_rules_tasks(const struct task_rules *rules);
