#include "model/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/xalloc.h"
#include "model/values.h"

enum { MAX_SOFTWARE = 1000, MAX_FIXED = 1000 };

static const double delay_bounds[REGISTRY_NDELAY_BOUNDS] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};

struct registry {
    struct hash_key key;
    struct values *values[LABEL_COUNT];
    struct group *groups[GROUP_COUNT];
    struct label labels[GROUP_COUNT][SERIES_MAX_LABELS];
    struct column columns[GROUP_COUNT][SERIES_MAX_COLUMNS];
    size_t ncolumns[GROUP_COUNT];
    double start_s;
    struct static_label *static_labels;
    size_t nstatic;
    char **static_texts;
    double *bounds[BOUNDS_COUNT];
    size_t nbounds[BOUNDS_COUNT];
    struct series_budget budget;
    char **names; /* by family */
    bool *enabled;
};

static bool
apply_list(struct registry *registry, const char *const *names, size_t n,
           bool enabled, const char *option, struct buf *err)
{
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t f = 0; f < nfamilies; f++) {
            if (!family_is_named(&families[f], str_from(names[i])))
                continue;
            registry->enabled[f] = enabled;
            found = true;
        }
        if (!found) {
            buf_printf(err, "%s: there is no metric family '%s'", option,
                       names[i]);
            return false;
        }
    }
    return true;
}

static bool
choose_families(struct registry *registry, const struct registry_config *config,
                struct buf *err)
{
    registry->enabled = xcalloc(nfamilies, sizeof(bool));
    for (size_t f = 0; f < nfamilies; f++)
        registry->enabled[f] = !families[f].off;
    return apply_list(registry, config->collect, config->ncollect, true,
                      "--collect", err) &&
           apply_list(registry, config->no_collect, config->nno_collect, false,
                      "--no-collect", err);
}

static void
name_families(struct registry *registry, const char *prefix)
{
    registry->names = xcalloc(nfamilies, sizeof(char *));
    for (size_t f = 0; f < nfamilies; f++) {
        struct buf name;
        buf_init(&name, 0);
        if (!families[f].absolute)
            buf_add_str(&name, str_from(prefix));
        buf_add_str(&name, str_from(families[f].name));
        registry->names[f] = str_dup(buf_str(&name));
        buf_close(&name);
    }
}

static int
compare_static(const void *a, const void *b)
{
    return str_cmp(((const struct static_label *)a)->name,
                   ((const struct static_label *)b)->name);
}

/* Values go the way of all label values, so that they are escaped alike. */
static void
set_static_labels(struct registry *registry,
                  const struct registry_config *config)
{
    registry->nstatic = config->nstatic_labels;
    registry->static_labels =
        xcalloc(registry->nstatic, sizeof(struct static_label));
    registry->static_texts = xcalloc(registry->nstatic, sizeof(char *));
    struct values *values = registry->values[LABEL_FIXED];
    for (size_t i = 0; i < registry->nstatic; i++) {
        registry->static_texts[i] = xstrdup(config->static_labels[i]);
        const struct str text = str_from(registry->static_texts[i]);
        const size_t at = str_find(text, '=');
        const uint32_t id =
            values_id(values, str_slice(text, at + 1, text.len));
        registry->static_labels[i] = (struct static_label){
            .name = str_slice(text, 0, at), .value = values_text(values, id)};
    }
    qsort(registry->static_labels, registry->nstatic,
          sizeof(struct static_label), compare_static);
}

static void
set_bounds(struct registry *registry, enum bounds_id id, const double *bounds,
           size_t n)
{
    registry->bounds[id] = xcalloc(n, sizeof(double));
    if (n > 0)
        memcpy(registry->bounds[id], bounds, n * sizeof(double));
    registry->nbounds[id] = n;
}

static void
set_columns(struct registry *registry)
{
    for (size_t f = 0; f < nfamilies; f++) {
        const struct family *family = &families[f];
        if (registry->ncolumns[family->group] <= family->column)
            registry->ncolumns[family->group] = family->column + 1;
        registry->columns[family->group][family->column] = (struct column){
            .type = family->cell,
            .enabled = registry->enabled[f],
            .bounds = registry->bounds[family->bounds],
            .nbounds = registry->nbounds[family->bounds],
        };
    }
}

static void
make_values(struct registry *registry, const struct registry_config *config,
            struct hash_key key)
{
    const size_t max[LABEL_COUNT] = {
        [LABEL_NAME] = config->max_names,
        [LABEL_HOSTNAME] = config->max_hostnames,
        [LABEL_QUEUE_NAME] = config->max_queue_names,
        [LABEL_EXCEPTION] = config->max_exceptions,
        [LABEL_WORKER] = config->max_hostnames,
        [LABEL_SOFTWARE] = MAX_SOFTWARE,
        [LABEL_FIXED] = MAX_FIXED,
    };
    for (size_t i = 0; i < LABEL_COUNT; i++)
        registry->values[i] = values_new(key, max[i], config->label_max_len);
}

static void
make_groups(struct registry *registry, struct hash_key key)
{
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        size_t n = 0;
        for (; group_labels[g][n].name != NULL; n++)
            registry->labels[g][n] = (struct label){
                .name = group_labels[g][n].name,
                .values = registry->values[group_labels[g][n].id],
            };
        registry->groups[g] =
            group_new(key, registry->labels[g], n, registry->columns[g],
                      registry->ncolumns[g], registry->static_labels,
                      registry->nstatic, &registry->budget);
    }
}

struct registry *
registry_new(const struct registry_config *config, struct hash_key key,
             struct buf *err)
{
    struct registry *registry = xcalloc(1, sizeof(*registry));
    registry->budget.max_samples = config->max_samples;
    registry->key = key;
    registry->start_s = config->start_s;
    if (!choose_families(registry, config, err)) {
        registry_free(registry);
        return NULL;
    }
    name_families(registry, config->prefix);
    make_values(registry, config, key);
    set_static_labels(registry, config);
    set_bounds(registry, BOUNDS_NONE, NULL, 0);
    set_bounds(registry, BOUNDS_RUNTIME, config->runtime_bounds,
               config->nruntime_bounds);
    set_bounds(registry, BOUNDS_QUEUE_WAIT, config->queue_wait_bounds,
               config->nqueue_wait_bounds);
    set_bounds(registry, BOUNDS_DELAY, delay_bounds, COUNT_OF(delay_bounds));
    set_columns(registry);
    make_groups(registry, key);
    return registry;
}

void
registry_free(struct registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t g = 0; g < GROUP_COUNT; g++)
        group_free(registry->groups[g]);
    for (size_t i = 0; i < BOUNDS_COUNT; i++)
        free(registry->bounds[i]);
    for (size_t i = 0; i < registry->nstatic; i++)
        free(registry->static_texts[i]);
    free(registry->static_texts);
    free(registry->static_labels);
    for (size_t i = 0; i < LABEL_COUNT; i++)
        values_free(registry->values[i]);
    for (size_t f = 0; registry->names != NULL && f < nfamilies; f++)
        free(registry->names[f]);
    free(registry->names);
    free(registry->enabled);
    free(registry);
}

struct hash_key
registry_hash_key(const struct registry *registry)
{
    return registry->key;
}

struct group *
registry_group(const struct registry *registry, enum group_id id)
{
    return registry->groups[id];
}

uint32_t
registry_value(struct registry *registry, enum label_id label, struct str raw)
{
    return values_id(registry->values[label], raw);
}

struct values *
registry_values(const struct registry *registry, enum label_id label)
{
    return registry->values[label];
}

struct series *
registry_fixed(struct registry *registry, enum group_id id,
               const struct str *texts)
{
    uint32_t ids[SERIES_MAX_LABELS] = {0};
    for (size_t i = 0; group_labels[id][i].name != NULL; i++)
        ids[i] = registry_value(registry, group_labels[id][i].id, texts[i]);
    return group_series(registry->groups[id], ids, registry->start_s);
}

void
registry_drop(struct registry *registry, enum label_id label,
              const struct idset *ids)
{
    for (size_t g = 0; g < GROUP_COUNT; g++)
        for (size_t i = 0; group_labels[g][i].name != NULL; i++)
            if (group_labels[g][i].id == label)
                group_drop(registry->groups[g], i, ids);
    for (uint32_t id = 0; id < ids->len; id++)
        if (idset_has(ids, id))
            values_drop(registry->values[label], id);
}

uint64_t
registry_ndropped(const struct registry *registry)
{
    return registry->budget.ndropped;
}

static void
show_label_cap(struct registry *registry, enum label_id label, struct str name)
{
    struct group *group = registry->groups[GROUP_LABEL_CAP];
    struct series *series = registry_fixed(registry, GROUP_LABEL_CAP, &name);
    const struct values *values = registry->values[label];
    group_set(group, series, CAP_USED_COL, (double)values_n(values));
    group_set(group, series, CAP_LIMIT_COL, (double)values_max(values));
}

static void
set_overflows(struct registry *registry, struct str label, uint64_t n)
{
    struct group *group = registry->groups[GROUP_OVERFLOW];
    struct series *series = registry_fixed(registry, GROUP_OVERFLOW, &label);
    if (group_touch(group, series, REASON_COL) != NULL)
        series->cells[REASON_COL].count = n;
}

void
registry_refresh(struct registry *registry)
{
    static const struct str labels[LABEL_FIXED] = {
        [LABEL_NAME] = STR_INIT("name"),
        [LABEL_HOSTNAME] = STR_INIT("hostname"),
        [LABEL_QUEUE_NAME] = STR_INIT("queue_name"),
        [LABEL_EXCEPTION] = STR_INIT("exception"),
        [LABEL_WORKER] = STR_INIT("worker"),
        [LABEL_SOFTWARE] = STR_INIT("software"),
    };
    for (size_t i = 0; i < LABEL_FIXED; i++) {
        set_overflows(registry, labels[i],
                      values_noverflows(registry->values[i]));
        show_label_cap(registry, (enum label_id)i, labels[i]);
    }
    set_overflows(registry, STR("all"), registry->budget.noverflows);
    struct group *group = registry->groups[GROUP_EXPORTER];
    struct series *self = registry_fixed(registry, GROUP_EXPORTER, NULL);
    group_set(group, self, SELF_SERIES_LIMIT_COL,
              (double)registry->budget.max_samples);
    /* It counts itself. */
    group_touch(group, self, SELF_SERIES_COL);
    group_set(group, self, SELF_SERIES_COL, (double)registry->budget.nsamples);
}

bool
registry_is_crowded(const struct registry *registry)
{
    const struct series_budget *budget = &registry->budget;
    return budget->nsamples >= budget->max_samples - budget->max_samples / 10;
}

bool
registry_enabled(const struct registry *registry, size_t family)
{
    return registry->enabled[family];
}

struct str
registry_name(const struct registry *registry, size_t family)
{
    return str_from(registry->names[family]);
}

const struct column *
registry_column(const struct registry *registry, const struct family *family)
{
    return &registry->columns[family->group][family->column];
}
