#include "model/expose.h"

#include "base/number.h"

/* One family on its way out. */
struct writer {
    struct buf *out;
    const struct family *family;
    const struct column *column;
    struct group *group;
    struct str name; /* as the family line has it: OpenMetrics drops _total */
    bool openmetrics;
    bool created;
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

static void
write_labels(struct buf *out, const struct series *series)
{
    if (series->text_len > 0) {
        buf_add_byte(out, '{');
        buf_add(out, series->text, series->text_len);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ' ');
}

static void
write_created(struct writer *w, const struct series *series)
{
    buf_add_str(w->out, without_total(w->name));
    buf_add_str(w->out, STR("_created"));
    write_labels(w->out, series);
    number_add_double(w->out, series->created);
    buf_add_byte(w->out, '\n');
}

static void
write_scalar(struct writer *w, const struct series *series)
{
    struct buf *out = w->out;
    const union cell *cell = &series->cells[w->family->column];
    buf_add_str(out, w->name);
    if (w->openmetrics && w->family->type == FAMILY_COUNTER)
        buf_add_str(out, STR("_total"));
    write_labels(out, series);
    if (w->family->cell == CELL_COUNT)
        buf_add_u64(out, cell->count);
    else
        number_add_double(out, cell->value);
    buf_add_byte(out, '\n');
}

static void
write_bucket(struct writer *w, const struct series *series, size_t i,
             uint64_t cumulated)
{
    struct buf *out = w->out;
    const size_t at = series->le_at;
    const bool last = at >= series->text_len;
    buf_add_str(out, w->name);
    buf_add_str(out, STR("_bucket{"));
    buf_add(out, series->text, last ? series->text_len : at);
    if (last && at > 0)
        buf_add_byte(out, ',');
    buf_add_str(out, STR("le=\""));
    if (i < w->column->nbounds)
        number_add_bound(out, w->column->bounds[i]);
    else
        buf_add_str(out, STR("+Inf"));
    buf_add_byte(out, '"');
    if (!last) {
        buf_add_byte(out, ',');
        buf_add(out, series->text + at, series->text_len - at);
    }
    buf_add_str(out, STR("} "));
    buf_add_u64(out, cumulated);
    buf_add_byte(out, '\n');
}

static void
write_histogram(struct writer *w, const struct series *series)
{
    const struct histogram *h = series->cells[w->family->column].histogram;
    uint64_t cumulated = 0;
    for (size_t i = 0; i <= w->column->nbounds; i++) {
        cumulated += h->counts[i];
        write_bucket(w, series, i, cumulated);
    }
    buf_add_str(w->out, w->name);
    buf_add_str(w->out, STR("_count"));
    write_labels(w->out, series);
    buf_add_u64(w->out, cumulated);
    buf_add_byte(w->out, '\n');
    buf_add_str(w->out, w->name);
    buf_add_str(w->out, STR("_sum"));
    write_labels(w->out, series);
    number_add_double(w->out, h->sum);
    buf_add_byte(w->out, '\n');
}

/* Start times belong to what counts and has labels. */
static bool
has_created(const struct writer *w, const struct series *series)
{
    return w->created && w->family->type != FAMILY_GAUGE &&
           series->text_len > 0;
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
        if (w->openmetrics && has_created(w, series))
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
        if (!has_sample(w, series) || !has_created(w, series))
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
        .name = openmetrics && family->type == FAMILY_COUNTER
                    ? without_total(name)
                    : name,
        .openmetrics = openmetrics,
        .created = expose->config.created_series,
    };
    write_metadata(&w);
    write_samples(&w);
    if (!openmetrics && w.created)
        write_created_family(&w);
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
