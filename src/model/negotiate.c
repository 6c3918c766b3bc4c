#include "model/negotiate.h"

#include "base/attr.h"

/* A scraper sends five clauses, a browser eight; what comes behind these is
 * not looked at. */
enum { CLAUSES_MAX = 64 };

/* Weights are compared in millionths, so that no locale and no rounding has a
 * say. */
enum { WEIGHT_ONE = 1000000, WEIGHT_BAD = -1 };

/* One clause of Accept, "type/subtype;name=value;...;q=0.5". Parameters that
 * are not given are empty. */
struct clause {
    struct str type;
    struct str version;
    struct str escaping;
    struct str proto;
    struct str encoding;
    int weight;
};

/* What we can write, and which clauses mean it. */
struct offer {
    struct str type;
    bool any_version;
    struct str versions[3]; /* ended by an empty one; none given is fine too */
    struct str proto;       /* these two must be just so when not empty */
    struct str encoding;
    enum format format;
};

static const struct offer offers[] = {
    {.type = STR_INIT("application/openmetrics-text"),
     .versions = {STR_INIT("1.0.0"), STR_INIT("0.0.1")},
     .format = FORMAT_OPENMETRICS},
    /* 1.0.0 is 0.0.4 and quoted names, and none of ours needs quotes. */
    {.type = STR_INIT("text/plain"),
     .versions = {STR_INIT("0.0.4"), STR_INIT("1.0.0")},
     .format = FORMAT_TEXT},
    {.type = STR_INIT("text/*"), .any_version = true, .format = FORMAT_TEXT},
    {.type = STR_INIT("*/*"), .any_version = true, .format = FORMAT_TEXT},
};

static const struct str escapings[] = {
    [ESCAPING_UNDERSCORES] = STR_INIT("underscores"),
    [ESCAPING_ALLOW_UTF8] = STR_INIT("allow-utf-8"),
    [ESCAPING_DOTS] = STR_INIT("dots"),
    [ESCAPING_VALUES] = STR_INIT("values"),
};

/* "0.5", "1", "1.000", "0."; WEIGHT_BAD for anything else. */
static int
parse_weight(struct str s)
{
    if (s.len == 0 || (s.ptr[0] != '0' && s.ptr[0] != '1') ||
        (s.len > 1 && s.ptr[1] != '.'))
        return WEIGHT_BAD;
    int weight = s.ptr[0] == '1' ? WEIGHT_ONE : 0;
    int unit = WEIGHT_ONE;
    for (size_t i = 2; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return WEIGHT_BAD;
        unit /= 10;
        weight += unit * (s.ptr[i] - '0');
    }
    return weight > WEIGHT_ONE ? WEIGHT_BAD : weight;
}

/* Like str_split, but a byte between double quotes does not count. */
static bool
split_unquoted(struct str *rest, char byte, struct str *part)
{
    if (rest->ptr == NULL)
        return false;
    bool quoted = false;
    size_t at = 0;
    for (; at < rest->len; at++) {
        const char c = rest->ptr[at];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            at++;
        else if (!quoted && c == byte)
            break;
    }
    *part = str_slice(*rest, 0, at);
    if (at >= rest->len)
        *rest = (struct str){0};
    else
        *rest = (struct str){rest->ptr + at + 1, rest->len - at - 1};
    return true;
}

static struct str
unquote(struct str s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return str_slice(s, 1, s.len - 1);
    return s;
}

static bool
is_media_type(struct str s)
{
    const size_t slash = str_find(s, '/');
    if (slash == 0 || slash + 1 >= s.len)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || (s.ptr[i] == '/' && i != slash))
            return false;
    return true;
}

/* False when the parameter is malformed, and with it the clause. */
static bool
read_parameter(struct str parameter, struct clause *clause)
{
    const size_t at = str_find(parameter, '=');
    if (at == parameter.len)
        return parameter.len == 0;
    const struct str name = str_trim(str_slice(parameter, 0, at));
    const struct str value =
        unquote(str_trim(str_slice(parameter, at + 1, parameter.len)));
    if (str_eq_nocase(name, STR("q")))
        clause->weight = parse_weight(value);
    else if (str_eq_nocase(name, STR("version")))
        clause->version = value;
    else if (str_eq_nocase(name, STR("escaping")))
        clause->escaping = value;
    else if (str_eq_nocase(name, STR("proto")))
        clause->proto = value;
    else if (str_eq_nocase(name, STR("encoding")))
        clause->encoding = value;
    return name.len > 0 && clause->weight != WEIGHT_BAD;
}

/* False when it is malformed: such a clause is passed over. */
static bool
read_clause(struct str text, struct clause *out)
{
    struct str part;
    *out = (struct clause){.weight = WEIGHT_ONE};
    if (!split_unquoted(&text, ';', &part))
        return false;
    out->type = str_trim(part);
    if (!is_media_type(out->type))
        return false;
    while (split_unquoted(&text, ';', &part))
        if (!read_parameter(str_trim(part), out))
            return false;
    return true;
}

static bool
has_version(const struct offer *offer, struct str version)
{
    if (offer->any_version || version.len == 0)
        return true;
    for (size_t i = 0; offer->versions[i].len > 0; i++)
        if (str_eq(offer->versions[i], version))
            return true;
    return false;
}

static bool
is_meant(const struct offer *offer, const struct clause *clause)
{
    return str_eq_nocase(offer->type, clause->type) &&
           has_version(offer, clause->version) &&
           (offer->proto.len == 0 || str_eq(offer->proto, clause->proto)) &&
           (offer->encoding.len == 0 ||
            str_eq(offer->encoding, clause->encoding));
}

static const struct offer *
find_offer(const struct clause *clause)
{
    for (size_t i = 0; i < COUNT_OF(offers); i++)
        if (is_meant(&offers[i], clause))
            return &offers[i];
    return NULL;
}

static enum escaping
find_escaping(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(escapings); i++)
        if (str_eq_nocase(escapings[i], name))
            return (enum escaping)i;
    return ESCAPING_UNDERSCORES;
}

/* The first clause we can serve of those with the greatest weight is what a
 * stable sort by descending weight would find first. */
enum format
negotiate_format(struct str accept, enum escaping *escaping)
{
    enum format format = FORMAT_TEXT;
    int best = 0;
    struct str text;
    *escaping = ESCAPING_UNDERSCORES;
    for (int n = 0; n < CLAUSES_MAX && split_unquoted(&accept, ',', &text);
         n++) {
        struct clause clause;
        if (!read_clause(text, &clause) || clause.weight <= best)
            continue;
        const struct offer *offer = find_offer(&clause);
        if (offer == NULL)
            continue;
        best = clause.weight;
        format = offer->format;
        *escaping = find_escaping(clause.escaping);
    }
    return format;
}

/* "gzip;q=0.5"; false when malformed. */
static bool
read_coding(struct str text, struct str *name, int *weight)
{
    struct str part;
    if (!str_split(&text, ';', &part))
        return false;
    *name = str_trim(part);
    *weight = WEIGHT_ONE;
    while (str_split(&text, ';', &part)) {
        struct clause clause = {.weight = WEIGHT_ONE};
        if (!read_parameter(str_trim(part), &clause))
            return false;
        *weight = clause.weight;
    }
    return name->len > 0;
}

bool
negotiate_gzip(struct str accept_encoding)
{
    enum { NOT_NAMED = -1 };
    int gzip = NOT_NAMED;
    int identity = NOT_NAMED;
    int others = NOT_NAMED; /* "*": whatever is not named */
    struct str text;
    for (int n = 0; n < CLAUSES_MAX && str_split(&accept_encoding, ',', &text);
         n++) {
        struct str name;
        int weight;
        if (!read_coding(text, &name, &weight))
            continue;
        if (str_eq_nocase(name, STR("gzip")) ||
            str_eq_nocase(name, STR("x-gzip")))
            gzip = weight > gzip ? weight : gzip;
        else if (str_eq_nocase(name, STR("identity")))
            identity = weight;
        else if (str_eq(name, STR("*")))
            others = weight;
    }
    if (gzip == NOT_NAMED)
        gzip = others;
    /* An identity that nobody asked for is only the last resort. */
    return gzip > 0 && gzip >= identity;
}

const char *
negotiate_content_type(enum format format, enum escaping escaping)
{
#define TEXT "text/plain; version=0.0.4; charset=utf-8; escaping="
#define OPENMETRICS \
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping="
    static const char *const types[][COUNT_OF(escapings)] = {
        [FORMAT_TEXT] =
            {
                [ESCAPING_UNDERSCORES] = TEXT "underscores",
                [ESCAPING_ALLOW_UTF8] = TEXT "allow-utf-8",
                [ESCAPING_DOTS] = TEXT "dots",
                [ESCAPING_VALUES] = TEXT "values",
            },
        [FORMAT_OPENMETRICS] =
            {
                [ESCAPING_UNDERSCORES] = OPENMETRICS "underscores",
                [ESCAPING_ALLOW_UTF8] = OPENMETRICS "allow-utf-8",
                [ESCAPING_DOTS] = OPENMETRICS "dots",
                [ESCAPING_VALUES] = OPENMETRICS "values",
            },
    };
#undef TEXT
#undef OPENMETRICS
    return types[format][escaping];
}
