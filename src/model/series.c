#include "model/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/values.h"

struct group {
    struct hash_key key;
    const struct label *labels;
    size_t nlabels;
    const struct column *columns;
    size_t ncolumns;
    const struct static_label *static_labels;
    size_t nstatic;
    struct series_budget *budget;
    struct series **items;
    size_t nitems;
    size_t cap;
    struct index index;
    struct series *other; /* __other__ in every label */
    bool enabled;         /* any column is */
};

static struct hash128
hash_ids(const struct group *group, const uint32_t *ids)
{
    return hash_bytes(group->key, (struct str){(const char *)ids,
                                               group->nlabels * sizeof(*ids)});
}

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    const struct group *group = owner;
    return hash_ids(group, group->items[number]->ids);
}

static void
add_label(struct buf *out, struct str name, struct str value)
{
    if (out->len > 0)
        buf_add_byte(out, ',');
    buf_add_str(out, name);
    buf_add_str(out, STR("=\""));
    buf_add_str(out, value);
    buf_add_byte(out, '"');
}

/* Both kinds of labels in one sorted list; le would come before the first
 * name that sorts behind it. Empty values are
 * written too, as the Python exporter does: exception="". */
static void
write_text(const struct group *group, struct series *series)
{
    struct buf out;
    buf_init(&out, 0);
    size_t le_at = SIZE_MAX;
    for (size_t i = 0, k = 0; i < group->nlabels || k < group->nstatic;) {
        const struct str own =
            i < group->nlabels ? str_from(group->labels[i].name) : STR("\x7f");
        const struct str fixed =
            k < group->nstatic ? group->static_labels[k].name : STR("\x7f");
        const bool is_own = str_cmp(own, fixed) < 0;
        const struct str name = is_own ? own : fixed;
        const struct str value =
            is_own ? values_text(group->labels[i].values, series->ids[i])
                   : group->static_labels[k].value;
        if (le_at == SIZE_MAX && str_cmp(name, STR("le")) > 0)
            le_at = out.len == 0 ? 0 : out.len + 1;
        add_label(&out, name, value);
        i += is_own;
        k += !is_own;
    }
    size_t len;
    series->text = buf_take(&out, &len);
    series->text_len = (uint32_t)len;
    series->le_at = le_at == SIZE_MAX ? (uint32_t)len : (uint32_t)le_at;
}

static struct series *
add(struct group *group, const uint32_t *ids, double now_s)
{
    struct series *series = xcalloc(
        1, sizeof(*series) + group->ncolumns * sizeof(series->cells[0]));
    memcpy(series->ids, ids, group->nlabels * sizeof(*ids));
    series->created = now_s;
    write_text(group, series);
    if (group->nitems == group->cap) {
        group->cap = group->cap == 0 ? 4 : 2 * group->cap;
        group->items =
            xrealloc(group->items, group->cap, sizeof(struct series *));
    }
    group->items[group->nitems] = series;
    index_add(&group->index, hash_ids(group, ids), (uint32_t)group->nitems++);
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
    free(series->text);
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
        .key = key,
        .labels = labels,
        .nlabels = nlabels,
        .columns = columns,
        .ncolumns = ncolumns,
        .static_labels = static_labels,
        .nstatic = nstatic,
        .budget = budget,
    };
    for (size_t i = 0; i < ncolumns; i++)
        group->enabled = group->enabled || columns[i].enabled;
    index_init(&group->index, hash_of, group);
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
    index_close(&group->index);
    free(group);
}

/* Where new label sets go once the page is full. */
static struct series *
other_of(struct group *group, double now_s)
{
    if (group->other == NULL) {
        const uint32_t ids[SERIES_MAX_LABELS] = {VALUES_OTHER};
        const uint32_t have = index_find(&group->index, hash_ids(group, ids));
        group->other =
            have == INDEX_NONE ? add(group, ids, now_s) : group->items[have];
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
    const uint32_t number = index_find(&group->index, hash_ids(group, ids));
    if (LIKELY(number != INDEX_NONE))
        return group->items[number];
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
group_touch(struct group *group, struct series *series, size_t column)
{
    if (LIKELY(series->present >> column & 1))
        return series;
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
group_count(struct group *group, struct series *series, size_t column,
            uint64_t n)
{
    series = group_touch(group, series, column);
    if (series != NULL)
        series->cells[column].count += n;
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
    size_t bucket = 0;
    while (bucket < c->nbounds && value > c->bounds[bucket])
        bucket++;
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
    index_close(&group->index);
    index_init(&group->index, hash_of, group);
    for (size_t i = 0; i < kept; i++)
        index_add(&group->index, hash_ids(group, group->items[i]->ids),
                  (uint32_t)i);
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
