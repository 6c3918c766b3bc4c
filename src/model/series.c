#include "model/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/series_table.h"
#include "model/values.h"

struct group {
    size_t nlabels;
    const struct column *columns;
    size_t ncolumns;
    struct label_text *text;
    bool has_labels; /* static ones count */
    struct series_budget *budget;
    struct series **items;
    size_t nitems;
    size_t cap;
    struct series_table table;
    struct series *other; /* __other__ in every label */
    bool enabled;         /* any column is */
};

static struct series *
add(struct group *group, const uint32_t *ids, double now_s)
{
    struct series *series = xcalloc(
        1, sizeof(*series) + group->ncolumns * sizeof(series->cells[0]));
    memcpy(series->ids, ids, sizeof(series->ids));
    series->created = now_s;
    if (group->nitems == group->cap) {
        group->cap = group->cap == 0 ? 4 : 2 * group->cap;
        group->items =
            xrealloc(group->items, group->cap, sizeof(struct series *));
    }
    group->items[group->nitems++] = series;
    series_table_add(&group->table, series);
    group->budget->nrecords++;
    return series;
}

static size_t
nsamples_of(const struct column *column)
{
    return column->type == CELL_HISTOGRAM ? column->nbounds + 3 : 1;
}

static void
series_free(struct group *group, struct series *series)
{
    for (size_t i = 0; i < group->ncolumns; i++)
        group_clear(group, series, i);
    group->budget->nrecords--;
    group->budget->ndropped++;
    free(series);
}

struct group *
group_new(struct hash_key key, const struct label *labels, size_t nlabels,
          const struct column *columns, size_t ncolumns,
          const struct static_label *static_labels, size_t nstatic,
          struct series_budget *budget)
{
    struct group *group = xmalloc(sizeof(*group));
    *group = (struct group){
        .nlabels = nlabels,
        .columns = columns,
        .ncolumns = ncolumns,
        .text = label_text_new(labels, nlabels, static_labels, nstatic),
        .has_labels = nlabels + nstatic > 0,
        .budget = budget,
    };
    for (size_t i = 0; i < ncolumns; i++)
        group->enabled = group->enabled || columns[i].enabled;
    series_table_init(&group->table, key);
    return group;
}

void
group_free(struct group *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->nitems; i++)
        series_free(group, group->items[i]);
    free(group->items);
    series_table_close(&group->table);
    label_text_free(group->text);
    free(group);
}

/* Where new label sets go once the page is full. */
static struct series *
other_of(struct group *group, double now_s)
{
    if (group->other == NULL) {
        const uint32_t ids[SERIES_MAX_LABELS] = {VALUES_OTHER};
        struct series *have = series_table_find(&group->table, ids);
        group->other = have == NULL ? add(group, ids, now_s) : have;
    }
    return group->other;
}

static struct series *
overflow(struct group *group, double now_s)
{
    group->budget->noverflows++;
    return other_of(group, now_s);
}

struct series *
group_series(struct group *group, const uint32_t *ids, double now_s)
{
    struct series *have = series_table_find(&group->table, ids);
    if (LIKELY(have != NULL))
        return have;
    if (group->nlabels == 0)
        return add(group, ids, now_s);
    if (!group->enabled)
        return other_of(group, now_s);
    /* A full page takes no more records either; empty ones cost memory. */
    const struct series_budget *budget = group->budget;
    if (budget->nsamples >= budget->max_samples ||
        budget->nrecords >= budget->max_samples)
        return overflow(group, now_s);
    return add(group, ids, now_s);
}

static bool
is_other(const struct group *group, const struct series *series)
{
    for (size_t i = 0; i < group->nlabels; i++)
        if (series->ids[i] != VALUES_OTHER)
            return false;
    return true;
}

static void
make_sample(struct group *group, struct series *series, size_t column)
{
    const struct column *c = &group->columns[column];
    if (c->type == CELL_HISTOGRAM)
        series->cells[column].histogram = xcalloc(
            1, sizeof(struct histogram) + (c->nbounds + 1) * sizeof(uint64_t));
    series->present |= UINT64_C(1) << column;
    group->budget->nsamples += nsamples_of(c);
}

struct series *
group_make(struct group *group, struct series *series, size_t column)
{
    const struct column *c = &group->columns[column];
    if (!c->enabled)
        return NULL;
    /* The overflow record and what has no labels are always allowed: there
     * are only a few of them. */
    if (group->nlabels > 0 && !is_other(group, series) &&
        group->budget->nsamples + nsamples_of(c) > group->budget->max_samples)
        return group_touch(group, overflow(group, series->created), column);
    make_sample(group, series, column);
    return series;
}

void
group_set(struct group *group, struct series *series, size_t column,
          double value)
{
    series = group_touch(group, series, column);
    if (series != NULL)
        series->cells[column].value = value;
}

void
group_observe(struct group *group, struct series *series, size_t column,
              double value)
{
    series = group_touch(group, series, column);
    if (series == NULL)
        return;
    const struct column *c = &group->columns[column];
    struct histogram *h = series->cells[column].histogram;
    /* No branch that depends on the value: all are compared. */
    size_t bucket = 0;
    for (size_t i = 0; i < c->nbounds; i++)
        bucket += value > c->bounds[i];
    h->counts[bucket]++;
    h->sum += value;
}

void
group_clear(struct group *group, struct series *series, size_t column)
{
    if (!(series->present >> column & 1))
        return;
    const struct column *c = &group->columns[column];
    if (c->type == CELL_HISTOGRAM)
        free(series->cells[column].histogram);
    series->cells[column] = (union cell){0};
    series->present &= ~(UINT64_C(1) << column);
    group->budget->nsamples -= nsamples_of(c);
}

void
group_drop(struct group *group, size_t label, const struct idset *ids)
{
    size_t kept = 0;
    for (size_t i = 0; i < group->nitems; i++) {
        struct series *series = group->items[i];
        if (idset_has(ids, series->ids[label]) && series != group->other)
            series_free(group, series);
        else
            group->items[kept++] = series;
    }
    if (kept == group->nitems)
        return;
    group->nitems = kept;
    const struct hash_key key = group->table.key;
    series_table_close(&group->table);
    series_table_init(&group->table, key);
    for (size_t i = 0; i < kept; i++)
        series_table_add(&group->table, group->items[i]);
}

const struct label_text *
group_label_text(const struct group *group)
{
    return group->text;
}

bool
group_has_labels(const struct group *group)
{
    return group->has_labels;
}

size_t
group_n(const struct group *group)
{
    return group->nitems;
}

const struct series *
group_at(const struct group *group, size_t i)
{
    return group->items[i];
}
