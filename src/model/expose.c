#include "model/expose.h"

#include <stdlib.h>

#include "base/number.h"
#include "base/xalloc.h"

/* One family on its way out. */
struct writer {
    struct buf *out;
    const struct family *family;
    const struct column *column;
    struct group *group;
    const struct label_text *labels;
    struct str name; /* as the family line has it: OpenMetrics drops _total */
    bool openmetrics;
    bool created;
    /* The line of a bucket is head, bound, tail and the number. The first and
     * the third are the same for all buckets of a series, the second for all
     * series. */
    struct buf head;
    struct buf tail;
    struct buf *bounds; /* column->nbounds, and +Inf */
};

static const struct str type_names[] = {
    [FAMILY_COUNTER] = STR_INIT("counter"),
    [FAMILY_GAUGE] = STR_INIT("gauge"),
    [FAMILY_HISTOGRAM] = STR_INIT("histogram"),
};

static bool
ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

static struct str
without_total(struct str name)
{
    return ends_with(name, STR("_total")) ? str_slice(name, 0, name.len - 6)
                                          : name;
}

static void
write_line(struct buf *out, struct str keyword, struct str name,
           struct str suffix, struct str text)
{
    buf_add_str(out, keyword);
    buf_add_str(out, name);
    buf_add_str(out, suffix);
    buf_add_byte(out, ' ');
    buf_add_str(out, text);
    buf_add_byte(out, '\n');
}

static void
write_unit(struct writer *w)
{
    static const struct str units[] = {STR_INIT("_seconds"),
                                       STR_INIT("_bytes")};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (ends_with(w->name, units[i]))
            write_line(w->out, STR("# UNIT "), w->name, STR(""),
                       str_slice(units[i], 1, units[i].len));
}

static void
write_metadata(struct writer *w)
{
    const struct str type = type_names[w->family->type];
    const struct str help = str_from(w->family->help);
    if (w->openmetrics) {
        write_line(w->out, STR("# TYPE "), w->name, STR(""), type);
        write_unit(w);
        write_line(w->out, STR("# HELP "), w->name, STR(""), help);
    } else {
        write_line(w->out, STR("# HELP "), w->name, STR(""), help);
        write_line(w->out, STR("# TYPE "), w->name, STR(""), type);
    }
}

/* What stands before the number. */
static void
write_name(struct writer *w, struct str name, struct str suffix,
           const struct series *series)
{
    buf_add_str(w->out, name);
    buf_add_str(w->out, suffix);
    label_text_add(w->labels, series->ids, w->out);
}

static void
write_created(struct writer *w, const struct series *series)
{
    write_name(w, without_total(w->name), STR("_created"), series);
    number_add_double(w->out, series->created);
    buf_add_byte(w->out, '\n');
}

static void
write_scalar(struct writer *w, const struct series *series)
{
    const union cell *cell = &series->cells[w->family->column];
    write_name(w, w->name,
               w->openmetrics && w->family->type == FAMILY_COUNTER
                   ? STR("_total")
                   : STR(""),
               series);
    if (w->family->cell == CELL_COUNT)
        buf_add_u64(w->out, cell->count);
    else
        number_add_double(w->out, cell->value);
    buf_add_byte(w->out, '\n');
}

static void
write_buckets(struct writer *w, const struct series *series,
              const struct histogram *h)
{
    buf_clear(&w->head);
    buf_clear(&w->tail);
    buf_add_str(&w->head, w->name);
    buf_add_str(&w->head, STR("_bucket"));
    label_text_add_le(w->labels, series->ids, &w->head, &w->tail);
    uint64_t cumulated = 0;
    for (size_t i = 0; i <= w->column->nbounds; i++) {
        cumulated += h->counts[i];
        buf_add_str(w->out, buf_str(&w->head));
        buf_add_str(w->out, buf_str(&w->bounds[i]));
        buf_add_str(w->out, buf_str(&w->tail));
        buf_add_u64(w->out, cumulated);
        buf_add_byte(w->out, '\n');
    }
    write_name(w, w->name, STR("_count"), series);
    buf_add_u64(w->out, cumulated);
    buf_add_byte(w->out, '\n');
}

static void
write_histogram(struct writer *w, const struct series *series)
{
    const struct histogram *h = series->cells[w->family->column].histogram;
    write_buckets(w, series, h);
    write_name(w, w->name, STR("_sum"), series);
    number_add_double(w->out, h->sum);
    buf_add_byte(w->out, '\n');
}

/* Start times belong to what counts and has labels. */
static bool
has_created(const struct writer *w)
{
    return w->created && w->family->type != FAMILY_GAUGE &&
           group_has_labels(w->group);
}

static bool
has_sample(const struct writer *w, const struct series *series)
{
    return series->present >> w->family->column & 1;
}

static void
write_samples(struct writer *w)
{
    const size_t n = group_n(w->group);
    for (size_t i = 0; i < n; i++) {
        const struct series *series = group_at(w->group, i);
        if (!has_sample(w, series))
            continue;
        if (w->family->type == FAMILY_HISTOGRAM)
            write_histogram(w, series);
        else
            write_scalar(w, series);
        if (w->openmetrics && has_created(w))
            write_created(w, series);
    }
}

/* Text 0.0.4 has no place for start times but a family of their own. */
static void
write_created_family(struct writer *w)
{
    const struct str base = without_total(w->name);
    bool begun = false;
    for (size_t i = 0; i < group_n(w->group); i++) {
        const struct series *series = group_at(w->group, i);
        if (!has_sample(w, series))
            continue;
        if (!begun) {
            write_line(w->out, STR("# HELP "), base, STR("_created"),
                       str_from(w->family->help));
            write_line(w->out, STR("# TYPE "), base, STR("_created"),
                       type_names[FAMILY_GAUGE]);
            begun = true;
        }
        write_created(w, series);
    }
}

static void
open_bounds(struct writer *w)
{
    if (w->family->type != FAMILY_HISTOGRAM)
        return;
    const size_t n = w->column->nbounds;
    w->bounds = xcalloc(n + 1, sizeof(*w->bounds));
    for (size_t i = 0; i < n; i++)
        number_add_bound(&w->bounds[i], w->column->bounds[i]);
    buf_add_str(&w->bounds[n], STR("+Inf"));
}

/* Lines that lack a part must not go out. */
static void
close_bounds(struct writer *w)
{
    bool ok = buf_ok(&w->head) && buf_ok(&w->tail);
    for (size_t i = 0; w->bounds != NULL && i <= w->column->nbounds; i++) {
        ok = ok && buf_ok(&w->bounds[i]);
        buf_close(&w->bounds[i]);
    }
    free(w->bounds);
    buf_close(&w->head);
    buf_close(&w->tail);
    w->out->failed |= !ok;
}

static void
write_family(const struct expose *expose, size_t f, struct buf *out)
{
    const struct family *family = &families[f];
    const bool openmetrics = expose->config.format == FORMAT_OPENMETRICS;
    const struct str name = registry_name(expose->registry, f);
    struct writer w = {
        .out = out,
        .family = family,
        .column = registry_column(expose->registry, family),
        .group = registry_group(expose->registry, family->group),
        .labels =
            group_label_text(registry_group(expose->registry, family->group)),
        .name = openmetrics && family->type == FAMILY_COUNTER
                    ? without_total(name)
                    : name,
        .openmetrics = openmetrics,
        .created = expose->config.created_series,
    };
    open_bounds(&w);
    write_metadata(&w);
    write_samples(&w);
    if (!openmetrics && has_created(&w))
        write_created_family(&w);
    close_bounds(&w);
}

static bool
is_wanted(const struct expose *expose, size_t f)
{
    const struct expose_config *config = &expose->config;
    if (!registry_enabled(expose->registry, f))
        return false;
    if (config->nnames == 0)
        return true;
    for (size_t i = 0; i < config->nnames; i++)
        if (str_eq(config->names[i], registry_name(expose->registry, f)))
            return true;
    return false;
}

void
expose_init(struct expose *expose, const struct registry *registry,
            const struct expose_config *config)
{
    *expose = (struct expose){.registry = registry, .config = *config};
}

bool
expose_step(struct expose *expose, struct buf *out, size_t share)
{
    const size_t begin = out->len;
    while (expose->next < nfamilies && out->len - begin < share) {
        if (is_wanted(expose, expose->next))
            write_family(expose, expose->next, out);
        expose->next++;
    }
    if (expose->next < nfamilies)
        return false;
    if (expose->config.format == FORMAT_OPENMETRICS)
        buf_add_str(out, STR("# EOF\n"));
    return true;
}
