#pragma once

/* A strict reader of metrics pages, written from the specifications of the
 * formats and not from the code that writes them: text 0.0.4 and OpenMetrics
 * text 1.0. What it cannot accept, it names. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"
#include "base/utf8.h"
#include "model/negotiate.h"

#include "page_line.h"

enum { PAGE_MAX_FAMILIES = 512 };

struct page_family {
    struct str name; /* as the metadata has it */
    struct str type;
    bool has_help;
    bool has_unit;
    bool begun; /* a sample came */
};

/* The child of a histogram that is being read. */
struct page_histogram {
    char *labels; /* without le; NULL between children */
    double last_le;
    double last_count;
    bool has_inf;
    bool has_count;
};

struct page_reader {
    bool openmetrics;
    struct page_family families[PAGE_MAX_FAMILIES];
    size_t nfamilies;
    struct page_histogram histogram;
    struct str *series; /* name and labels of each sample */
    size_t nseries;
    size_t cap;
    bool ended;
    const char *error; /* the first */
    struct str at;     /* its line */
};

static inline bool
page_fail(struct page_reader *r, const char *error)
{
    if (r->error == NULL)
        r->error = error;
    return false;
}

static inline struct page_family *
page_family_of(struct page_reader *r, struct str name)
{
    if (r->nfamilies == 0)
        return NULL;
    struct page_family *last = &r->families[r->nfamilies - 1];
    return str_eq(last->name, name) ? last : NULL;
}

static inline bool
page_end_child(struct page_reader *r)
{
    struct page_histogram *h = &r->histogram;
    if (h->labels != NULL)
        return page_fail(r, "a histogram breaks off");
    return true;
}

static inline struct page_family *
page_begin_family(struct page_reader *r, struct str name)
{
    if (!page_end_child(r))
        return NULL;
    for (size_t i = 0; i < r->nfamilies; i++)
        if (str_eq(r->families[i].name, name)) {
            page_fail(r, "family is not contiguous, or has metadata twice");
            return NULL;
        }
    if (r->nfamilies == PAGE_MAX_FAMILIES) {
        page_fail(r, "too many families");
        return NULL;
    }
    struct page_family *family = &r->families[r->nfamilies++];
    *family = (struct page_family){.name = name};
    return family;
}

static inline bool
page_is_type(struct str type)
{
    return str_eq(type, STR("counter")) || str_eq(type, STR("gauge")) ||
           str_eq(type, STR("histogram"));
}

static inline bool
page_ends(struct str s, struct str end)
{
    return s.len > end.len && str_eq(str_slice(s, s.len - end.len, s.len), end);
}

/* HELP then TYPE in text 0.0.4; TYPE, UNIT, HELP in OpenMetrics. */
static inline bool
page_metadata(struct page_reader *r, struct str kind, struct str name,
              struct str text)
{
    const bool first = str_eq(kind, r->openmetrics ? STR("TYPE") : STR("HELP"));
    struct page_family *family =
        first ? page_begin_family(r, name) : page_family_of(r, name);
    if (family == NULL || family->begun)
        return page_fail(r, "metadata out of place");
    if (str_eq(kind, STR("HELP"))) {
        if (family->has_help ||
            (r->openmetrics && str_find(text, '"') < text.len))
            return page_fail(r, "HELP");
        family->has_help = true;
        return true;
    }
    if (str_eq(kind, STR("TYPE"))) {
        if (family->type.ptr != NULL || !page_is_type(text))
            return page_fail(r, "TYPE");
        if (r->openmetrics && page_ends(name, STR("_total")))
            return page_fail(r, "a family is named _total");
        family->type = text;
        return true;
    }
    if (!str_eq(kind, STR("UNIT")) || !r->openmetrics || family->has_unit ||
        family->has_help || !page_ends(name, text) ||
        name.ptr[name.len - text.len - 1] != '_')
        return page_fail(r, "UNIT");
    family->has_unit = true;
    return true;
}

static inline bool
page_comment(struct page_reader *r, struct str line)
{
    if (r->openmetrics && str_eq(line, STR("# EOF"))) {
        r->ended = true;
        return page_end_child(r);
    }
    struct str rest = line;
    struct str hash, kind, name;
    if (!str_split(&rest, ' ', &hash) || !str_eq(hash, STR("#")) ||
        !str_split(&rest, ' ', &kind) || !str_split(&rest, ' ', &name) ||
        !page_is_name(name, true) || rest.len == 0)
        return page_fail(r, "comment");
    return page_metadata(r, kind, name, rest);
}

/* The labels of a bucket without le, as a child's other samples have them. */
static inline char *
page_without_le(const struct page_sample *sample)
{
    const struct str labels = sample->labels;
    const size_t le_at = (size_t)(sample->le.ptr - 4 - labels.ptr);
    size_t end = le_at + 4 + sample->le.len + 1;
    size_t begin = le_at;
    if (end < labels.len)
        end++; /* the comma behind */
    else if (begin > 0)
        begin--; /* the one in front */
    char *out = malloc(labels.len + 1);
    if (out == NULL)
        abort();
    memcpy(out, labels.ptr, begin);
    memcpy(out + begin, labels.ptr + end, labels.len - end);
    out[begin + labels.len - end] = '\0';
    return out;
}

static inline bool
page_bucket(struct page_reader *r, const struct page_sample *sample)
{
    struct page_histogram *h = &r->histogram;
    double le;
    if (sample->le.ptr == NULL || !number_parse_double(sample->le, &le))
        return page_fail(r, "le");
    if (str_find(sample->le, '.') == sample->le.len &&
        str_find(sample->le, 'e') == sample->le.len && isfinite(le))
        return page_fail(r, "le is not canonical");
    char *labels = page_without_le(sample);
    if (h->labels == NULL) {
        *h = (struct page_histogram){
            .labels = labels, .last_le = -INFINITY, .last_count = 0};
    } else {
        const bool same = strcmp(labels, h->labels) == 0;
        free(labels);
        if (!same || h->has_inf || h->has_count)
            return page_fail(r, "bucket out of place");
    }
    if (!(le > h->last_le))
        return page_fail(r, "bounds do not ascend");
    if (sample->value < h->last_count)
        return page_fail(r, "buckets are not cumulative");
    h->last_le = le;
    h->last_count = sample->value;
    h->has_inf = isinf(le);
    return true;
}

static inline bool
page_histogram_sample(struct page_reader *r, const struct page_family *family,
                      const struct page_sample *sample)
{
    struct page_histogram *h = &r->histogram;
    const struct str suffix =
        str_slice(sample->name, family->name.len, sample->name.len);
    if (str_eq(suffix, STR("_bucket")))
        return page_bucket(r, sample);
    if (r->openmetrics && str_eq(suffix, STR("_created")) && h->labels == NULL)
        return true;
    if (h->labels == NULL || !h->has_inf ||
        !str_eq(sample->labels, str_from(h->labels)))
        return page_fail(r, "histogram sample out of place");
    if (str_eq(suffix, STR("_count"))) {
        if (h->has_count || sample->value != h->last_count)
            return page_fail(r, "_count is not the last bucket");
        h->has_count = true;
        return true;
    }
    if (!str_eq(suffix, STR("_sum")) || !h->has_count)
        return page_fail(r, "histogram sample");
    if (isnan(sample->value))
        return page_fail(r, "_sum is NaN");
    free(h->labels);
    h->labels = NULL;
    return true;
}

static inline bool
page_counter_sample(struct page_reader *r, const struct page_family *family,
                    const struct page_sample *sample)
{
    const struct str suffix =
        str_slice(sample->name, family->name.len, sample->name.len);
    const bool created = r->openmetrics && str_eq(suffix, STR("_created"));
    if (!created && !str_eq(suffix, r->openmetrics ? STR("_total") : STR("")))
        return page_fail(r, "counter sample's name");
    if (!(sample->value >= 0) || isinf(sample->value))
        return page_fail(r, "counter's value");
    return true;
}

static inline void
page_remember(struct page_reader *r, struct str series)
{
    if (r->nseries == r->cap) {
        r->cap = r->cap == 0 ? 256 : 2 * r->cap;
        r->series = realloc(r->series, r->cap * sizeof(*r->series));
        if (r->series == NULL)
            abort();
    }
    r->series[r->nseries++] = series;
}

static inline bool
page_sample_line(struct page_reader *r, struct str line)
{
    struct page_sample sample;
    const char *error = page_read_sample(line, &sample);
    if (error != NULL)
        return page_fail(r, error);
    if (r->nfamilies == 0)
        return page_fail(r, "sample before any family");
    struct page_family *family = &r->families[r->nfamilies - 1];
    if (!family->has_help || family->type.ptr == NULL)
        return page_fail(r, "sample before the metadata");
    if (!str_starts(sample.name, family->name))
        return page_fail(r, "sample of another family");
    family->begun = true;
    const size_t end =
        sample.labels.ptr == NULL
            ? sample.name.len
            : (size_t)(sample.labels.ptr + sample.labels.len - line.ptr);
    page_remember(r, str_slice(line, 0, end));
    if (str_eq(family->type, STR("histogram")))
        return page_histogram_sample(r, family, &sample);
    if (sample.le.ptr != NULL)
        return page_fail(r, "le outside of a histogram");
    if (str_eq(family->type, STR("counter")))
        return page_counter_sample(r, family, &sample);
    return str_eq(sample.name, family->name) ||
           page_fail(r, "gauge sample's name");
}

static inline int
page_compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static inline bool
page_has_no_doubles(struct page_reader *r)
{
    if (r->nseries > 0)
        qsort(r->series, r->nseries, sizeof(*r->series), page_compare);
    for (size_t i = 1; i < r->nseries; i++)
        if (str_eq(r->series[i - 1], r->series[i])) {
            r->at = r->series[i];
            return page_fail(r, "a series comes twice");
        }
    return true;
}

static inline bool
page_has_control(struct str page)
{
    for (size_t i = 0; i < page.len; i++) {
        const unsigned char c = (unsigned char)page.ptr[i];
        if ((c < 0x20 && c != '\n') || c == 0x7f)
            return true;
    }
    return false;
}

static inline bool
page_read(struct page_reader *r, struct str page)
{
    if (!utf8_valid(page))
        return page_fail(r, "not UTF-8");
    if (page_has_control(page))
        return page_fail(r, "control character");
    if (page.len == 0 ? r->openmetrics : page.ptr[page.len - 1] != '\n')
        return page_fail(r, "last line without end");
    struct str rest = str_slice(page, 0, page.len - (page.len > 0));
    struct str line;
    while (page.len > 0 && str_split(&rest, '\n', &line)) {
        r->at = line;
        if (r->ended)
            return page_fail(r, "something behind # EOF");
        if (line.len == 0)
            return page_fail(r, "empty line");
        if (!(line.ptr[0] == '#' ? page_comment(r, line)
                                 : page_sample_line(r, line)))
            return false;
    }
    if (r->openmetrics != r->ended)
        return page_fail(r, "# EOF");
    return page_end_child(r) && page_has_no_doubles(r);
}

/* NULL when the page is right; else what is wrong, the line going to stderr.
 * *nsamples may be NULL. */
static inline const char *
page_check(struct str page, enum format format, size_t *nsamples)
{
    struct page_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        abort();
    r->openmetrics = format == FORMAT_OPENMETRICS;
    page_read(r, page);
    if (r->error != NULL)
        fprintf(stderr, "%s: %.*s\n", r->error, STR_FMT(r->at));
    if (nsamples != NULL)
        *nsamples = r->nseries;
    const char *error = r->error;
    free(r->histogram.labels);
    free(r->series);
    free(r);
    return error;
}
