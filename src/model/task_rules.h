#pragma once

/* The rule of each task event: what it changes in the table of tasks, which
 * worker it proves alive, and what it adds to the counters, at once or when
 * the task's name and queue are known. */

#include "base/now.h"
#include "model/registry.h"
#include "model/workers.h"
#include "wire/event.h"

struct task_rules_config {
    struct str default_queue;
    bool generic_sent;     /* hostname="generic" for task-sent */
    bool generic_worker;   /* the same for the task events of workers */
    int64_t name_grace_ms; /* 0 = events never wait */
    size_t max_tasks;
};

struct task_rules;

/* registry and workers are borrowed. */
struct task_rules *task_rules_new(const struct task_rules_config *config,
                                  struct registry *registry,
                                  struct workers *workers, struct hash_key key);
void task_rules_free(struct task_rules *rules);
/* A task event that is no exact repeat. */
void task_rules_event(struct task_rules *rules, const struct event *ev,
                      struct now now);
/* Forgets tasks that finished long ago; once a second. */
void task_rules_tick(struct task_rules *rules, struct now now);
/* The events that wait for their name or queue. */
struct grace *task_rules_grace(const struct task_rules *rules);
/* For the exporter's own figures. */
const struct tasks *task_rules_tasks(const struct task_rules *rules);
