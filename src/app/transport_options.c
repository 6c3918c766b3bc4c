#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/option_rules.h"
#include "app/option_values.h"
#include "base/number.h"
#include "base/xalloc.h"

/* kombu's own defaults. */
static const int64_t default_steps[] = {0, 3, 6, 9};
#define DEFAULT_SEP "\x06\x16"
#define DEFAULT_FANOUT_PREFIX "/{db}."

enum { MAX_STEPS = 256, MAX_STEP = 1000000 };

/* Sets a field from the value; NULL, or what the value should have been. */
typedef const char *(*read_fn)(struct options *o, const json_t *value);

/* Python has 1 == True, so workers may well have been given that. */
static bool
as_bool(const json_t *value, bool *out)
{
    *out = json_is_true(value) ||
           (json_is_integer(value) && json_integer_value(value) == 1);
    return *out || json_is_false(value) ||
           (json_is_integer(value) && json_integer_value(value) == 0);
}

static bool
set_text(char **field, const json_t *value)
{
    if (!json_is_string(value))
        return false;
    text_free(*field);
    *field = xstrdup(json_string_value(value));
    return true;
}

static const char *
read_keyprefix(struct options *o, const json_t *value)
{
    return set_text(&o->global_keyprefix, value)
               ? NULL
               : "text (digits alone need quotes: global_keyprefix=\"7\")";
}

static const char *
read_fanout_prefix(struct options *o, const json_t *value)
{
    bool on;
    if (set_text(&o->fanout_prefix, value))
        return NULL;
    if (!as_bool(value, &on))
        return "true, false or text";
    free(o->fanout_prefix);
    o->fanout_prefix = xstrdup(on ? DEFAULT_FANOUT_PREFIX : "");
    return NULL;
}

static const char *
read_fanout_patterns(struct options *o, const json_t *value)
{
    return as_bool(value, &o->fanout_patterns) ? NULL : "true or false";
}

static const char *
read_sep(struct options *o, const json_t *value)
{
    return json_string_length(value) > 0 && set_text(&o->sep, value)
               ? NULL
               : "text that is not empty";
}

static const char *
read_key(char **field, const json_t *value)
{
    return json_string_length(value) > 0 && set_text(field, value)
               ? NULL
               : "text that is not empty (digits alone need quotes)";
}

static const char *
read_unacked_key(struct options *o, const json_t *value)
{
    return read_key(&o->unacked_key, value);
}

static const char *
read_unacked_index_key(struct options *o, const json_t *value)
{
    return read_key(&o->unacked_index_key, value);
}

static int
compare_steps(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void
set_steps(struct options *o, const int64_t *steps, size_t n)
{
    int64_t *sorted = xcalloc(n, sizeof(*sorted));
    memcpy(sorted, steps, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare_steps);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || sorted[kept - 1] != sorted[i])
            sorted[kept++] = sorted[i];
    free(o->priority_steps);
    o->priority_steps = sorted;
    o->npriority_steps = kept;
}

static const char *
read_steps(struct options *o, const json_t *value)
{
    static const char wanted[] = "a list of 1 to 256 integers, [0, 3, 6, 9]";
    int64_t steps[MAX_STEPS];
    const size_t n = json_array_size(value);
    if (n == 0 || n > MAX_STEPS)
        return wanted;
    for (size_t i = 0; i < n; i++) {
        const json_t *step = json_array_get(value, i);
        steps[i] = json_integer_value(step);
        if (!json_is_integer(step) || steps[i] < 0 || steps[i] > MAX_STEP)
            return wanted;
    }
    set_steps(o, steps, n);
    return NULL;
}

static const char *
read_master_name(struct options *o, const json_t *value)
{
    return json_string_length(value) > 0 && set_text(&o->master_name, value)
               ? NULL
               : "text (digits alone need quotes: master_name=\"7\")";
}

static const char *
read_min_other_sentinels(struct options *o, const json_t *value)
{
    o->min_other_sentinels = json_integer_value(value);
    return json_is_integer(value) && o->min_other_sentinels >= 0 &&
                   o->min_other_sentinels <= MAX_STEP
               ? NULL
               : "a number, 0 or more";
}

/* Ours, Celery has none like it. */
static const char *
read_master_hosts(struct options *o, const json_t *value)
{
    static const char wanted[] =
        "a name or an address, or a list of them, [\"redis-0.example\"]";
    const size_t n = json_is_array(value) ? json_array_size(value) : 1;
    texts_free(&o->master_hosts);
    for (size_t i = 0; i < n; i++) {
        const json_t *host =
            json_is_array(value) ? json_array_get(value, i) : value;
        if (json_string_length(host) == 0)
            return wanted;
        texts_add(&o->master_hosts, str_from(json_string_value(host)));
    }
    return n > 0 ? NULL : wanted;
}

static void remark_unused(struct options *o, struct str key);

/* Of redis-py: ssl=True, and ssl_ca_certs and its like. */
static bool
read_sentinel_tls(struct tls_options *tls, const char *key, const json_t *value)
{
    bool on;
    if (strcmp(key, "ssl") == 0) {
        const bool ok = as_bool(value, &on);
        tls->on |= ok && on;
        return ok;
    }
    char number[24];
    snprintf(number, sizeof(number), "%lld",
             (long long)json_integer_value(value));
    const char *text = json_is_true(value)      ? "true"
                       : json_is_false(value)   ? "false"
                       : json_is_integer(value) ? number
                                                : json_string_value(value);
    const char *wanted;
    const enum tls_option_status status =
        tls_options_set(tls, str_from(key), str_from(text), &wanted);
    return status == TLS_OPTION_OK || status == TLS_OPTION_UNUSED;
}

/* Settings of the connections to the Sentinels themselves. */
static const char *
read_sentinel_kwargs(struct options *o, const json_t *value)
{
    static const char wanted[] =
        "a JSON object like {\"password\": \"...\", \"ssl\": true, "
        "\"ssl_ca_certs\": \"...\"}";
    if (!json_is_object(value))
        return wanted;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        char **field = strcmp(key, "password") == 0   ? &o->sentinel_password
                       : strcmp(key, "username") == 0 ? &o->sentinel_user
                                                      : NULL;
        if (strncmp(key, "ssl", 3) == 0) {
            if (!read_sentinel_tls(&o->sentinel_tls, key, member))
                return wanted;
        } else if (field == NULL)
            remark_unused(o, STR("sentinel_kwargs (a key of it)"));
        else if (!json_is_null(member) && !set_text(field, member))
            return wanted;
    }
    return NULL;
}

static const struct {
    struct str key;
    read_fn read;
} readers[] = {
    {STR_INIT("global_keyprefix"), read_keyprefix},
    {STR_INIT("fanout_prefix"), read_fanout_prefix},
    {STR_INIT("fanout_patterns"), read_fanout_patterns},
    {STR_INIT("sep"), read_sep},
    {STR_INIT("priority_steps"), read_steps},
    {STR_INIT("unacked_key"), read_unacked_key},
    {STR_INIT("unacked_index_key"), read_unacked_index_key},
    {STR_INIT("master_name"), read_master_name},
    {STR_INIT("min_other_sentinels"), read_min_other_sentinels},
    {STR_INIT("master_hosts"), read_master_hosts},
    {STR_INIT("sentinel_kwargs"), read_sentinel_kwargs},
};

/* Digits are a number, also with leading zeros; then what JSON understands;
 * then plain text. NULL when it is not even UTF-8. */
static json_t *
value_of(struct str text)
{
    int64_t number;
    bool digits = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        digits = digits && text.ptr[i] >= '0' && text.ptr[i] <= '9';
    if (digits && number_parse_int(text, &number))
        return json_integer(number);
    json_t *value =
        json_loadb(text.ptr, text.len, JSON_DECODE_ANY, &(json_error_t){0});
    return value != NULL ? value : json_stringn(text.ptr, text.len);
}

static void
remark_unused(struct options *o, struct str key)
{
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "transport option \"%.*s\" has no use here",
               STR_FMT(str_slice(key, 0, 64)));
    texts_add(&o->remarks, buf_str(&text));
    buf_close(&text);
}

static void
read_one(const struct option_row *row, struct options *o, struct str item,
         size_t number, struct option_problems *p)
{
    const size_t equals = str_find(item, '=');
    const struct str key = str_slice(item, 0, equals);
    if (equals == 0 || equals == item.len) {
        option_wrong(p, row, "number %zu is not KEY=VALUE", number);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        if (!str_eq(key, readers[i].key))
            continue;
        json_t *value = value_of(str_slice(item, equals + 1, item.len));
        const char *wanted = readers[i].read(o, value);
        json_decref(value);
        if (wanted != NULL)
            option_wrong(p, row, "%.*s must be %s", STR_FMT(key), wanted);
        return;
    }
    remark_unused(o, key);
}

void
check_transport_options(const struct option_row *row, struct options *o,
                        struct option_problems *p)
{
    o->global_keyprefix = xstrdup("");
    o->fanout_prefix = xstrdup(DEFAULT_FANOUT_PREFIX);
    o->fanout_patterns = true;
    o->sep = xstrdup(DEFAULT_SEP);
    o->unacked_key = xstrdup("unacked");
    o->unacked_index_key = xstrdup("unacked_index");
    set_steps(o, default_steps, COUNT_OF(default_steps));
    for (size_t i = 0; i < o->transport_options.n; i++)
        read_one(row, o, str_from(o->transport_options.items[i]), i + 1, p);
}
