#pragma once

/* The page as data: every exported family of the table, with the groups that
 * hold their samples, the label values, and the caps on all of them. */

#include "base/buf.h"
#include "model/families.h"

/* Of the histogram of event delays, +Inf left out. */
enum { REGISTRY_NDELAY_BOUNDS = 14 };

struct registry_config {
    const char *prefix; /* --metric-prefix */
    const double *runtime_bounds;
    size_t nruntime_bounds;
    const double *queue_wait_bounds;
    size_t nqueue_wait_bounds;
    const char *const *static_labels; /* "name=value", names checked */
    size_t nstatic_labels;
    const char *const *collect; /* family names, see family_is_named */
    size_t ncollect;
    const char *const *no_collect;
    size_t nno_collect;
    size_t max_samples;
    size_t max_names;
    size_t max_hostnames;
    size_t max_queue_names;
    size_t max_exceptions;
    size_t label_max_len;
    double start_s; /* Unix time, when the fixed sets were made */
};

struct registry;

/* NULL, with a message in err, when a name of collect or no_collect is no
 * family. The texts and bounds are copied. */
struct registry *registry_new(const struct registry_config *config,
                              struct hash_key key, struct buf *err);
void registry_free(struct registry *registry);

/* For other tables of the same process. */
struct hash_key registry_hash_key(const struct registry *registry);
struct group *registry_group(const struct registry *registry, enum group_id id);
/* The number of a label value; see values_id. */
uint32_t registry_value(struct registry *registry, enum label_id label,
                        struct str raw);
struct values *registry_values(const struct registry *registry,
                               enum label_id label);
/* Finds or makes a series of a group whose labels are fixed sets, by their
 * texts in the group's order; also of the group without labels (NULL). */
struct series *registry_fixed(struct registry *registry, enum group_id id,
                              const struct str *texts);
/* Drops every series that has one of the values in a label of that kind, and
 * the values. */
void registry_drop(struct registry *registry, enum label_id label,
                   const struct idset *ids);
/* How many series were dropped, ever: pointers to series are good as long as
 * it stays. */
uint64_t registry_ndropped(const struct registry *registry);
/* Brings the registry's own families up to date before a page is made. */
void registry_refresh(struct registry *registry);

/* The page has nine tenths of the samples that it may have. */
bool registry_is_crowded(const struct registry *registry);

bool registry_enabled(const struct registry *registry, size_t family);
/* With the prefix, and with the suffix. */
struct str registry_name(const struct registry *registry, size_t family);
const struct column *registry_column(const struct registry *registry,
                                     const struct family *family);
