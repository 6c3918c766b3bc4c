#include "app/option_sources.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "app/option_values.h"
#include "base/xalloc.h"

/* The words that are still to be read. */
struct words {
    char **at;
    char **end;
};

/* --- secrets in argv --- */

static bool
mask(char *from, const char *to)
{
    for (char *c = from; c < to; c++)
        *c = '*';
    return from < to;
}

/* scheme://user:password@host?ssl_password=...: what stands before the last @,
 * and a query that has a password. */
static bool
mask_url(char *url)
{
    char *scheme = strstr(url, "://");
    char *start = scheme != NULL ? scheme + 3 : url;
    char *at = strrchr(start, '@');
    bool masked = at != NULL && mask(start, at);
    char *query = strchr(start, '?');
    if (query != NULL && strcasestr(query, "password") != NULL)
        masked |= mask(query + 1, query + strlen(query));
    return masked;
}

static bool
mask_pair(char *pair)
{
    char *value = strchr(pair, '=');
    if (value == NULL || strcasestr(pair, "password") == NULL)
        return false;
    return mask(value + 1, value + strlen(value));
}

static bool
mask_value(const struct option_row *row, char *value)
{
    switch (row->secrecy) {
    case OPTION_OPEN:
        return false;
    case OPTION_SECRET_URL:
        return mask_url(value);
    case OPTION_SECRET_PAIR:
        return mask_pair(value);
    }
    return false;
}

/* --- command line --- */

static const struct option_row *
find_long(struct str name, bool *negated)
{
    *negated = false;
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (str_eq(name, str_from(row->name)) ||
            (row->alias != NULL && str_eq(name, str_from(row->alias))))
            return row;
    }
    if (!str_starts(name, STR("no-")))
        return NULL;
    *negated = true;
    const struct str rest = str_slice(name, 3, name.len);
    for (size_t i = 0; i < option_count(); i++)
        if (option_is_switch(option_at(i)) &&
            str_eq(rest, str_from(option_at(i)->name)))
            return option_at(i);
    return NULL;
}

static const struct option_row *
find_letter(char letter)
{
    for (size_t i = 0; i < option_count(); i++)
        if (option_at(i)->letter == letter)
            return option_at(i);
    return NULL;
}

struct scan {
    struct option_given *given;
    struct words words;
    char **strays;
    size_t nstrays;
    const struct option_row *action;
    struct option_problems *p;
};

static void
add_given(struct scan *scan, const struct option_row *row, struct str value)
{
    struct option_given *given = &scan->given[option_number(row)];
    given->source = OPTION_FROM_ARGV;
    texts_add(&given->values, value);
    if (row->type >= OPTION_HELP && scan->action == NULL)
        scan->action = row;
}

/* value NULL: the next word is it. */
static void
take_value(struct scan *scan, const struct option_row *row, char *value)
{
    if (value == NULL && scan->words.at == scan->words.end) {
        option_problem(scan->p, "Option '--%s' requires an argument.",
                       row->name);
        return;
    }
    if (value == NULL)
        value = *scan->words.at++;
    add_given(scan, row, str_from(value));
    scan->given[option_number(row)].masked |= mask_value(row, value);
}

/* A name that strangers to the table gave, fit for a terminal. What follows
 * the first odd character may be anything, a password too. */
static struct str
presentable(struct str name)
{
    size_t len = 0;
    while (len < name.len && len < 60 &&
           (isalnum((unsigned char)name.ptr[len]) ||
            strchr("-._", name.ptr[len]) != NULL))
        len++;
    return str_slice(name, 0, len);
}

static void
read_long(struct scan *scan, char *word)
{
    char *equals = strchr(word, '=');
    const struct str all = str_from(word);
    const struct str name = str_slice(all, 2, str_find(all, '='));
    bool negated;
    const struct option_row *row = find_long(name, &negated);
    if (row == NULL)
        option_problem(scan->p, "No such option: --%.*s",
                       STR_FMT(presentable(name)));
    else if (row->type == OPTION_EVERY && equals != NULL && !negated)
        add_given(scan, row, str_from(equals + 1));
    else if (option_takes_value(row))
        take_value(scan, row, equals == NULL ? NULL : equals + 1);
    else if (equals != NULL)
        option_problem(scan->p, "Option '--%s' does not take a value.",
                       row->name);
    else
        add_given(scan, row, negated ? STR("false") : STR("true"));
}

/* -Qa,b, -Q a,b, and letters without values one after the other. */
static void
read_letters(struct scan *scan, char *word)
{
    for (char *c = word + 1; *c != '\0'; c++) {
        const struct option_row *row = find_letter(*c);
        if (row == NULL) {
            option_problem(scan->p, "No such option: -%.*s",
                           STR_FMT(presentable((struct str){c, 1})));
            return;
        }
        if (option_takes_value(row)) {
            take_value(scan, row, c[1] == '\0' ? NULL : c + 1);
            return;
        }
        add_given(scan, row, STR("true"));
    }
}

/* Words that are no option. A URL whose password holds a blank falls apart
 * into such words: if any of them looks like its end, none is repeated. */
static void
refuse_strays(struct scan *scan)
{
    bool secret = false;
    for (size_t i = 0; i < scan->nstrays; i++)
        secret |= strpbrk(scan->strays[i], "@:/") != NULL;
    for (size_t i = 0; i < scan->nstrays; i++) {
        const struct str word = str_from(scan->strays[i]);
        const struct str shown = presentable(word);
        if (secret || shown.len < word.len)
            option_problem(scan->p, "Got an unexpected extra argument "
                                    "(not shown): every setting is an option.");
        else
            option_problem(scan->p, "Got an unexpected extra argument (%.*s).",
                           STR_FMT(shown));
        if (secret)
            mask(scan->strays[i], scan->strays[i] + word.len);
    }
    free(scan->strays);
}

void
option_read_argv(struct option_given *given, int argc, char **argv,
                 const struct option_row **action, struct option_problems *p)
{
    struct scan scan = {.given = given, .p = p};
    scan.strays = xcalloc((size_t)argc + 1, sizeof(*scan.strays));
    if (argc > 1)
        scan.words = (struct words){.at = argv + 1, .end = argv + argc};
    bool ended = false;
    while (scan.words.at < scan.words.end) {
        char *word = *scan.words.at++;
        if (ended || word[0] != '-' || word[1] == '\0')
            scan.strays[scan.nstrays++] = word;
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            read_long(&scan, word);
        else
            read_letters(&scan, word);
    }
    refuse_strays(&scan);
    *action = scan.action;
}

/* --- environment --- */

/* NULL when unset or empty. */
static const char *
variable_value(char **env, struct str name)
{
    for (; env != NULL && *env != NULL; env++) {
        const struct str entry = str_from(*env);
        if (entry.len > name.len + 1 && entry.ptr[name.len] == '=' &&
            str_starts(entry, name))
            return *env + name.len + 1;
    }
    return NULL;
}

static void
add_words(struct texts *out, const char *value)
{
    static const char blanks[] = " \t\n\v\f\r";
    for (value += strspn(value, blanks); *value != '\0';) {
        const size_t len = strcspn(value, blanks);
        texts_add(out, (struct str){.ptr = value, .len = len});
        value += len;
        value += strspn(value, blanks);
    }
}

static void
read_variable(struct option_given *given, const struct option_row *row,
              char **env, struct str name, enum option_source source)
{
    const char *value = variable_value(env, name);
    if (given->source != OPTION_ABSENT || value == NULL)
        return;
    if (row->type == OPTION_TEXTS)
        add_words(&given->values, value);
    else
        texts_add(&given->values, str_from(value));
    if (given->values.n > 0)
        given->source = source;
}

void
option_read_env(struct option_given *given, char **env)
{
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        struct buf name;
        buf_init(&name, 0);
        if (option_variable(row, &name))
            read_variable(&given[i], row, env, buf_str(&name), OPTION_FROM_ENV);
        buf_close(&name);
        if (row->fallback != NULL)
            read_variable(&given[i], row, env, str_from(row->fallback),
                          OPTION_FROM_FALLBACK);
    }
}

void
option_given_free(struct option_given *given)
{
    for (size_t i = 0; given != NULL && i < option_count(); i++)
        texts_free(&given[i].values);
    free(given);
}
