#include "app/option_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/option_units.h"
#include "base/number.h"
#include "base/xalloc.h"

enum { MAX_BOUNDS = 200 };

void
texts_add(struct texts *t, struct str text)
{
    t->items = xrealloc(t->items, t->n + 1, sizeof(*t->items));
    t->items[t->n++] = str_dup(text);
}

void
text_free(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void
texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        text_free(t->items[i]);
    free(t->items);
    *t = (struct texts){0};
}

static bool
parse_flag(struct str text, bool *out)
{
    static const struct str yes[] = {STR_INIT("1"), STR_INIT("true"),
                                     STR_INIT("t"), STR_INIT("yes"),
                                     STR_INIT("y"), STR_INIT("on")};
    static const struct str no[] = {STR_INIT("0"), STR_INIT("false"),
                                    STR_INIT("f"), STR_INIT("no"),
                                    STR_INIT("n"), STR_INIT("off")};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        *out = str_eq_nocase(text, yes[i]);
        if (*out || str_eq_nocase(text, no[i]))
            return true;
    }
    return false;
}

static void
set_flag(const struct option_row *row, bool *field, struct str text,
         struct option_problems *p)
{
    char quoted[OPTION_QUOTE_MAX];
    bool value;
    if (parse_flag(str_trim(text), &value))
        *field = value;
    else
        option_misused(p, row, "%s is not a valid boolean",
                       option_quote(quoted, row, text));
}

static bool
parse_number(const struct option_row *row, struct str text, int64_t *out)
{
    if (row->type == OPTION_SIZE)
        return option_parse_size(text, out);
    if (row->type == OPTION_MILLIS)
        return option_parse_duration(text, out);
    if (number_parse_int(str_trim(text), out))
        return true;
    if ((row->type != OPTION_SECONDS && row->type != OPTION_EVERY) ||
        !option_parse_duration(text, out) || *out % 1000 != 0)
        return false;
    *out /= 1000;
    return true;
}

static const char *
number_noun(const struct option_row *row)
{
    if (row->type == OPTION_SIZE)
        return "size (such as 65536, 64KiB or 1GiB)";
    if (row->type == OPTION_MILLIS)
        return "duration (such as 2, 0.5, 500ms or 1m30s)";
    if (row->type == OPTION_SECONDS || row->type == OPTION_EVERY)
        return "duration in whole seconds (such as 300, 5m or 1h30m)";
    return "integer";
}

static void
set_number(const struct option_row *row, int64_t *field, struct str text,
           struct option_problems *p)
{
    char quoted[OPTION_QUOTE_MAX];
    int64_t value;
    if (!parse_number(row, text, &value)) {
        option_misused(p, row, "%s is not a valid %s",
                       option_quote(quoted, row, text), number_noun(row));
        return;
    }
    if (value >= row->min && value <= row->max) {
        *field = value;
        return;
    }
    struct buf range;
    buf_init(&range, 0);
    option_show_number(row, row->min, &range);
    buf_add_str(&range, STR(" to "));
    option_show_number(row, row->max, &range);
    option_misused(p, row, "%s is not in the range %.*s",
                   option_quote(quoted, row, text), STR_FMT(buf_str(&range)));
    buf_close(&range);
}

/* 1 is true, as for flags: the least number of seconds is more than that. */
static void
set_every(const struct option_row *row, int64_t *field, struct str text,
          struct option_problems *p)
{
    bool on;
    if (parse_flag(str_trim(text), &on))
        *field = on ? row->bare : 0;
    else
        set_number(row, field, text, p);
}

static void
set_names(struct texts *field, struct str text)
{
    texts_free(field);
    struct str name;
    while (str_split(&text, ',', &name))
        if (str_trim(name).len > 0)
            texts_add(field, str_trim(name));
}

/* A copy of each, so that `values` can be wiped by its owner. */
static void
set_texts(struct texts *field, const struct texts *values)
{
    texts_free(field);
    for (size_t i = 0; i < values->n; i++)
        texts_add(field, str_from(values->items[i]));
}

/* False when text is no bound that may follow those before it. */
static bool
add_bound(const struct option_row *row, struct bounds *b, struct str text,
          bool *ended, struct option_problems *p)
{
    char quoted[OPTION_QUOTE_MAX];
    double value;
    if (!number_parse_double(str_trim(text), &value) || isnan(value)) {
        option_wrong(p, row, "%s is not a number",
                     option_quote(quoted, row, text));
        return false;
    }
    if (*ended || (isinf(value) && value < 0) ||
        (b->n > 0 && !(value > b->values[b->n - 1]))) {
        option_wrong(p, row, "the buckets are not in ascending order at %s",
                     option_quote(quoted, row, text));
        return false;
    }
    *ended = isinf(value);
    if (!*ended)
        b->values[b->n++] = value;
    return true;
}

static void
set_bounds(const struct option_row *row, struct bounds *field, struct str text,
           struct option_problems *p)
{
    struct bounds b = {.values = xcalloc(MAX_BOUNDS, sizeof(*b.values))};
    struct str part;
    bool ended = false;
    bool ok = true;
    while (ok && str_split(&text, ',', &part)) {
        ok = b.n < MAX_BOUNDS;
        if (!ok)
            option_wrong(p, row, "more than %d buckets", (int)MAX_BOUNDS);
        ok = ok && add_bound(row, &b, part, &ended, p);
    }
    free(ok ? field->values : b.values);
    if (ok)
        *field = b;
}

static void
set_label_caps(const struct option_row *row, struct options *o, struct str text,
               struct option_problems *p)
{
    const struct {
        struct str name;
        int64_t *field;
    } caps[] = {
        {STR("name"), &o->max_names},
        {STR("hostname"), &o->max_hostnames},
        {STR("queue_name"), &o->max_queue_names},
        {STR("exception"), &o->max_exceptions},
    };
    struct str part;
    while (str_split(&text, ',', &part)) {
        const size_t equals = str_find(part, '=');
        const struct str name = str_trim(str_slice(part, 0, equals));
        const struct str number =
            str_trim(str_slice(part, equals + 1, part.len));
        int64_t *field = NULL;
        for (size_t i = 0; i < COUNT_OF(caps); i++)
            if (str_eq(name, caps[i].name))
                field = caps[i].field;
        int64_t value;
        char quoted[OPTION_QUOTE_MAX];
        if (field != NULL && number_parse_int(number, &value) &&
            value >= row->min && value <= row->max)
            *field = value;
        else
            option_wrong(p, row,
                         "%s is not LABEL=N with LABEL one of name, hostname, "
                         "queue_name, exception and N from %lld to %lld",
                         option_quote(quoted, row, part), (long long)row->min,
                         (long long)row->max);
    }
}

/* Python's and Prometheus's names. */
static const struct {
    struct str name;
    enum log_level level;
} levels[] = {
    {STR_INIT("debug"), LOG_DEBUG},  {STR_INIT("info"), LOG_INFO},
    {STR_INIT("warn"), LOG_WARN},    {STR_INIT("error"), LOG_ERROR},
    {STR_INIT("trace"), LOG_DEBUG},  {STR_INIT("success"), LOG_INFO},
    {STR_INIT("warning"), LOG_WARN}, {STR_INIT("critical"), LOG_ERROR},
};

static void
set_level(const struct option_row *row, enum log_level *field, struct str text,
          struct option_problems *p)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (str_eq_nocase(str_trim(text), levels[i].name)) {
            *field = levels[i].level;
            return;
        }
    }
    char quoted[OPTION_QUOTE_MAX];
    option_wrong(p, row, "%s is not one of debug, info, warn, error",
                 option_quote(quoted, row, text));
}

static void
set_host_label(const struct option_row *row, bool *is_worker, struct str text,
               struct option_problems *p)
{
    char quoted[OPTION_QUOTE_MAX];
    const struct str word = str_trim(text);
    if (str_eq_nocase(word, STR("host")) || str_eq_nocase(word, STR("worker")))
        *is_worker = str_eq_nocase(word, STR("worker"));
    else
        option_wrong(p, row, "%s is not one of host, worker",
                     option_quote(quoted, row, text));
}

static void
set_format(const struct option_row *row, enum log_format *field,
           struct str text, struct option_problems *p)
{
    char quoted[OPTION_QUOTE_MAX];
    if (str_eq_nocase(str_trim(text), STR("logfmt")))
        *field = LOG_LOGFMT;
    else if (str_eq_nocase(str_trim(text), STR("json")))
        *field = LOG_JSON;
    else
        option_wrong(p, row, "%s is not one of logfmt, json",
                     option_quote(quoted, row, text));
}

void
option_set(const struct option_row *row, struct options *o,
           const struct texts *values, struct option_problems *p)
{
    void *field = (char *)o + row->field;
    const struct str last = str_from(values->items[values->n - 1]);
    switch (row->type) {
    case OPTION_FLAG:
        set_flag(row, field, last, p);
        break;
    case OPTION_TEXT:
        text_free(*(char **)field);
        *(char **)field = str_dup(last);
        break;
    case OPTION_TEXTS:
        set_texts(field, values);
        break;
    case OPTION_NAMES:
        set_names(field, last);
        break;
    case OPTION_INT:
    case OPTION_SECONDS:
    case OPTION_MILLIS:
    case OPTION_SIZE:
        set_number(row, field, last, p);
        break;
    case OPTION_EVERY:
        set_every(row, field, last, p);
        break;
    case OPTION_BOUNDS:
        set_bounds(row, field, last, p);
        break;
    case OPTION_LABEL_CAPS:
        set_label_caps(row, o, last, p);
        break;
    case OPTION_HOST_LABEL:
        set_host_label(row, field, last, p);
        break;
    case OPTION_LEVEL:
        set_level(row, field, last, p);
        break;
    case OPTION_FORMAT:
        set_format(row, field, last, p);
        break;
    case OPTION_HELP:
    case OPTION_VERSION:
    case OPTION_MAN:
    case OPTION_MARKDOWN:
    case OPTION_README:
    case OPTION_METRICS_PAGE:
    case OPTION_METRICS_README:
        break;
    }
}
