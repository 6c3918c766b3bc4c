#include "app/option_rules.h"

#include <string.h>

#include "app/broker_url.h"
#include "app/option_units.h"
#include "app/option_values.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "model/families.h"
#include "model/hostnames.h"

static struct str
text_of(const struct option_row *row, const struct options *o)
{
    return str_from(*(char *const *)((const char *)o + row->field));
}

static bool
one_of(struct str s, const struct str *set, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(s, set[i]))
            return true;
    return false;
}

/* Prometheus's names: a letter, an underscore or one of `more`, digits only
 * behind the first. */
static bool
is_name(struct str s, char more)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const char lower = (char)(c | 0x20);
        const bool first = (lower >= 'a' && lower <= 'z') || c == '_' ||
                           (more != '\0' && c == more);
        if (!first && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return true;
}

/* --- broker --- */

static void
check_urls(const struct option_row *row, struct str text,
           struct option_problems *p)
{
    struct url_list urls = {0};
    struct buf err;
    buf_init(&err, 0);
    if (url_list_parse(&urls, text, &err))
        url_list_free(&urls);
    else
        option_misused(p, row, "%.*s", STR_FMT(buf_str(&err)));
    buf_close(&err);
}

void
check_broker_url(const struct option_row *row, struct options *o,
                 struct option_problems *p)
{
    if (o->broker_url != NULL)
        check_urls(row, str_from(o->broker_url), p);
}

void
check_broker_url_file(const struct option_row *row, struct options *o,
                      struct option_problems *p)
{
    if (o->broker_url_file == NULL)
        return;
    struct buf err;
    buf_init(&err, 0);
    char *text = broker_url_text(o, &err);
    if (text != NULL)
        check_urls(row, str_from(text), p);
    else
        option_wrong(p, row, "%.*s", STR_FMT(buf_str(&err)));
    text_free(text);
    buf_close(&err);
}

void
check_accept_content(const struct option_row *row, struct options *o,
                     struct option_problems *p)
{
    static const struct str known[] = {
        STR_INIT("json"), STR_INIT("application/json"), STR_INIT("msgpack"),
        STR_INIT("application/x-msgpack"), STR_INIT("")};
    (void)p;
    struct str rest = text_of(row, o);
    struct str name;
    bool refused = false;
    while (str_split(&rest, ',', &name))
        refused |= !one_of(str_trim(name), known, COUNT_OF(known));
    if (refused)
        texts_add(&o->warnings,
                  STR("--accept-content (CE_ACCEPT_CONTENT) names more than "
                      "json and msgpack; events in anything else, pickle and "
                      "yaml among them, are refused and counted"));
}

void
check_burst_buffer(const struct option_row *row, struct options *o,
                   struct option_problems *p)
{
    if (o->burst_buffer < o->event_max_bytes)
        option_wrong(p, row,
                     "it is smaller than --event-max-bytes "
                     "(CE_EVENT_MAX_BYTES): no such event would fit");
}

void
check_not_empty(const struct option_row *row, struct options *o,
                struct option_problems *p)
{
    if (text_of(row, o).len == 0)
        option_wrong(p, row, "it is empty");
}

/* --- web --- */

static void
add_listen(struct options *o, struct listen_address address)
{
    o->listen = xrealloc(o->listen, o->nlisten + 1, sizeof(*o->listen));
    o->listen[o->nlisten++] = address;
}

void
check_listen_addresses(const struct option_row *row, struct options *o,
                       struct option_problems *p)
{
    for (size_t i = 0; i < o->listen_addresses.n; i++) {
        const struct str text = str_from(o->listen_addresses.items[i]);
        char quoted[OPTION_QUOTE_MAX];
        struct listen_address address;
        if (option_parse_address(text, &address))
            add_listen(o, address);
        else
            option_wrong(p, row, "%s is not host:port, [IPv6]:port or :port",
                         option_quote(quoted, row, text));
    }
    if (o->listen_addresses.n == 0)
        add_listen(o, (struct listen_address){.host = xstrdup(o->host),
                                              .port = (uint16_t)o->port});
}

void
check_telemetry_path(const struct option_row *row, struct options *o,
                     struct option_problems *p)
{
    static const struct str taken[] = {
        STR_INIT("/health"), STR_INIT("/-/healthy"), STR_INIT("/-/ready"),
        STR_INIT("/-/workers")};
    const struct str path = text_of(row, o);
    char quoted[OPTION_QUOTE_MAX];
    bool clean = path.len > 0 && path.ptr[0] == '/';
    for (size_t i = 0; i < path.len; i++)
        clean = clean && path.ptr[i] > ' ' && path.ptr[i] < 0x7f &&
                strchr("?#%\"<>\\", path.ptr[i]) == NULL;
    if (!clean)
        option_wrong(p, row, "%s is not a plain path that begins with /",
                     option_quote(quoted, row, path));
    else if (one_of(path, taken, COUNT_OF(taken)))
        option_wrong(p, row, "%s is another endpoint's path",
                     option_quote(quoted, row, path));
}

/* --- metrics --- */

void
check_metric_prefix(const struct option_row *row, struct options *o,
                    struct option_problems *p)
{
    char quoted[OPTION_QUOTE_MAX];
    if (!is_name(text_of(row, o), ':'))
        option_wrong(p, row, "%s is not the beginning of a metric name",
                     option_quote(quoted, row, text_of(row, o)));
}

/* Every label that one of our metrics has, or has in another format. */
static bool
is_our_label(struct str name)
{
    static const struct str of_formats[] = {STR_INIT("le"),
                                            STR_INIT("quantile")};
    for (size_t i = 0; i < COUNT_OF(of_formats); i++)
        if (str_eq(name, of_formats[i]))
            return true;
    for (size_t g = 0; g < GROUP_COUNT; g++)
        for (size_t i = 0; group_labels[g][i].name != NULL; i++)
            if (str_eq(name, str_from(group_labels[g][i].name)))
                return true;
    return false;
}

/* Why a static label cannot be, or NULL. */
static const char *
label_trouble(const struct texts *labels, size_t at)
{
    const struct str label = str_from(labels->items[at]);
    const size_t equals = str_find(label, '=');
    const struct str name = str_slice(label, 0, equals);
    const struct str value = str_slice(label, equals + 1, label.len);
    if (equals == label.len || str_find(value, '=') < value.len)
        return "is not NAME=VALUE with exactly one equals sign";
    if (name.len == 0 || !is_name(name, '\0') || str_starts(name, STR("__")))
        return "has no legal label name (letters, digits and underscores, "
               "not beginning with a digit or with __)";
    if (is_our_label(name))
        return "has the name of a label that the exporter sets itself";
    if (!utf8_valid(value))
        return "has a value that is not UTF-8";
    for (size_t i = 0; i < at; i++) {
        const struct str other = str_from(labels->items[i]);
        if (str_eq(str_slice(other, 0, str_find(other, '=')), name))
            return "comes a second time";
    }
    return NULL;
}

static bool
is_family(struct str name)
{
    for (size_t i = 0; i < nfamilies; i++)
        if (family_is_named(&families[i], name))
            return true;
    return false;
}

/* --collect and --no-collect */
void
check_families(const struct option_row *row, struct options *o,
               struct option_problems *p)
{
    const struct texts *names =
        (const struct texts *)((const char *)o + row->field);
    for (size_t i = 0; i < names->n; i++) {
        const struct str name = str_from(names->items[i]);
        char quoted[OPTION_QUOTE_MAX];
        if (!is_family(name))
            option_wrong(p, row, "%s is the name of no metric family",
                         option_quote(quoted, row, name));
    }
}

void
check_hostname_rewrites(const struct option_row *row, struct options *o,
                        struct option_problems *p)
{
    for (size_t i = 0; i < o->hostname_rewrites.n; i++) {
        char quoted[OPTION_QUOTE_MAX];
        struct buf err;
        buf_init(&err, 0);
        if (!hostnames_check(o->hostname_rewrites.items[i], &err))
            option_wrong(p, row, "%s: %.*s",
                         option_quote(quoted, row,
                                      str_from(o->hostname_rewrites.items[i])),
                         STR_FMT(buf_str(&err)));
        buf_close(&err);
    }
}

void
check_static_labels(const struct option_row *row, struct options *o,
                    struct option_problems *p)
{
    for (size_t i = 0; i < o->static_labels.n; i++) {
        const char *trouble = label_trouble(&o->static_labels, i);
        char quoted[OPTION_QUOTE_MAX];
        if (trouble != NULL)
            option_wrong(
                p, row, "%s %s",
                option_quote(quoted, row, str_from(o->static_labels.items[i])),
                trouble);
    }
}
