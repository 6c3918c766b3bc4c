#pragma once

/* Which tasks are counted, by shell patterns on their names (fnmatch): those
 * that match one of --task-include, or all without it, and none of
 * --task-exclude. */

#include "base/str.h"

struct task_filter;

/* NULL when there are no patterns: everything is counted. Texts are copied. */
struct task_filter *task_filter_new(const char *const *include, size_t ninclude,
                                    const char *const *exclude,
                                    size_t nexclude);
void task_filter_free(struct task_filter *filter);
/* True for a NULL filter. */
bool task_filter_counts(const struct task_filter *filter, struct str name);
