#include "model/task_filter.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "model/glob.h"

/* A longer name is judged by its beginning. */
enum { MAX_NAME_LEN = 1024 };

struct globs {
    struct glob **items;
    size_t n;
};

struct task_filter {
    struct globs include; /* none: all */
    struct globs exclude;
};

static void
globs_init(struct globs *globs, const char *const *patterns, size_t n)
{
    *globs = (struct globs){.items = xcalloc(n + 1, sizeof(*globs->items))};
    for (size_t i = 0; i < n; i++)
        globs->items[globs->n++] = glob_new(patterns[i]);
}

static void
globs_close(struct globs *globs)
{
    for (size_t i = 0; i < globs->n; i++)
        glob_free(globs->items[i]);
    free(globs->items);
}

static bool
any_matches(const struct globs *globs, struct str name)
{
    for (size_t i = 0; i < globs->n; i++)
        if (glob_matches(globs->items[i], name))
            return true;
    return false;
}

struct task_filter *
task_filter_new(const char *const *include, size_t ninclude,
                const char *const *exclude, size_t nexclude)
{
    if (ninclude == 0 && nexclude == 0)
        return NULL;
    struct task_filter *filter = xmalloc(sizeof(*filter));
    globs_init(&filter->include, include, ninclude);
    globs_init(&filter->exclude, exclude, nexclude);
    return filter;
}

void
task_filter_free(struct task_filter *filter)
{
    if (filter == NULL)
        return;
    globs_close(&filter->include);
    globs_close(&filter->exclude);
    free(filter);
}

bool
task_filter_counts(const struct task_filter *filter, struct str name)
{
    if (filter == NULL)
        return true;
    const struct str head = str_slice(name, 0, MAX_NAME_LEN);
    return (filter->include.n == 0 || any_matches(&filter->include, head)) &&
           !any_matches(&filter->exclude, head);
}
