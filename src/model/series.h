#pragma once

/* The numbers themselves. Families that share their labels form a group, and
 * a label set of a group is one series record that holds a cell for each of
 * the group's families: one look-up serves all counters of a task, and the
 * label text is written once, when the record is made. */

#include <stdint.h>

#include "base/attr.h"
#include "base/hash.h"
#include "model/idset.h"
#include "model/label_text.h"

enum { SERIES_MAX_COLUMNS = 40 };

struct histogram {
    double sum;
    uint64_t counts[]; /* one a bound and one for +Inf, not cumulative */
};

union cell {
    uint64_t count; /* counter */
    double value;   /* gauge, and counters of seconds */
    struct histogram *histogram;
};

/* One label set. Open for the writers of expositions; changed only through
 * the functions below. */
struct series {
    uint32_t ids[SERIES_MAX_LABELS]; /* label values, as for group_series */
    uint64_t present;                /* bit per column that has a sample */
    double created;                  /* Unix seconds */
    union cell cells[];
};

enum cell_type {
    CELL_COUNT, /* integer */
    CELL_VALUE, /* double */
    CELL_HISTOGRAM,
};

struct column {
    enum cell_type type;
    bool enabled;         /* a disabled column never gets a sample */
    const double *bounds; /* histogram: ascending, +Inf left out */
    size_t nbounds;
};

/* What all groups have in common. */
struct series_budget {
    size_t max_samples; /* samples on the page */
    size_t nsamples;
    size_t nrecords;     /* as many again, those without samples included */
    uint64_t noverflows; /* new label sets sent to __other__ for it */
    uint64_t ndropped;   /* records, ever: until one is, none moves */
};

struct group;

/* Labels sorted by name. static_labels: sorted too, none named like a label;
 * columns, static_labels and budget are borrowed. */
struct group *group_new(struct hash_key key, const struct label *labels,
                        size_t nlabels, const struct column *columns,
                        size_t ncolumns,
                        const struct static_label *static_labels,
                        size_t nstatic, struct series_budget *budget);
void group_free(struct group *group);

/* Finds or makes the record of a label set; it has no samples yet. The
 * group's __other__ record when the page is full, and when no column of the
 * group is enabled. ids: SERIES_MAX_LABELS of them, 0 behind the last label. */
struct series *group_series(struct group *group, const uint32_t *ids,
                            double now_s);
/* For group_touch alone: a sample that is not there yet. */
struct series *group_make(struct group *group, struct series *series,
                          size_t column);

/* The record that takes a sample of this column: the series itself, or the
 * group's __other__ record when a new sample would pass the budget; NULL when
 * the column is disabled. Makes the sample, at 0. */
static inline struct series *
group_touch(struct group *group, struct series *series, size_t column)
{
    if (LIKELY(series->present >> column & 1))
        return series;
    return group_make(group, series, column);
}

static inline void
group_count(struct group *group, struct series *series, size_t column,
            uint64_t n)
{
    series = group_touch(group, series, column);
    if (series != NULL)
        series->cells[column].count += n;
}

void group_set(struct group *group, struct series *series, size_t column,
               double value);
void group_observe(struct group *group, struct series *series, size_t column,
                   double value);
/* Takes one sample away again: a gauge that has nothing to say. */
void group_clear(struct group *group, struct series *series, size_t column);
/* Drops every record whose label number `label` has one of the values: one
 * pass over the group, however many they are. */
void group_drop(struct group *group, size_t label, const struct idset *ids);
/* How the labels of its series are written, and whether there are any. */
const struct label_text *group_label_text(const struct group *group);
bool group_has_labels(const struct group *group);
size_t group_n(const struct group *group);
/* In order of making. */
const struct series *group_at(const struct group *group, size_t i);
