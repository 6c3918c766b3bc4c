#pragma once

/* Task names: their label values, which of them are left out by
 * --task-include and --task-exclude, and which ever came with events of
 * workers. */

#include "model/registry.h"
#include "model/task_filter.h"

struct names;

/* Both are borrowed; a NULL filter leaves out nothing. */
struct names *names_new(struct registry *registry,
                        const struct task_filter *filter);
void names_free(struct names *names);
/* The number of the label value, TASK_EXCLUDED, or TASK_NO_VALUE for an empty
 * name. */
uint32_t names_id(struct names *names, struct str name);
/* A worker sent an event of a task that has this id; the event may have the
 * name itself, or else it is empty. */
void names_saw_event(struct names *names, uint32_t id, struct str name);
/* Whether one was seen of that name, whatever its label value is; also true
 * once there were more names than are remembered. */
bool names_has_events(const struct names *names, struct str name);
