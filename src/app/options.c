#include "app/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/metric_docs.h"
#include "app/option_docs.h"
#include "app/option_sources.h"
#include "app/option_values.h"
#include "app/version.h"
#include "base/xalloc.h"

static const struct option_row *
row_of(size_t field)
{
    for (size_t i = 0; i < option_count(); i++)
        if (option_at(i)->field == field)
            return option_at(i);
    abort();
}

static struct option_given *
given_of(struct option_given *given, size_t field)
{
    return &given[option_number(row_of(field))];
}

/* The URL and the file with the URL: the nearer source decides. */
static void
settle_broker_url(struct option_given *given, struct option_problems *p)
{
    struct option_given *url =
        given_of(given, offsetof(struct options, broker_url));
    struct option_given *file =
        given_of(given, offsetof(struct options, broker_url_file));
    if (url->source == OPTION_ABSENT && file->source == OPTION_ABSENT)
        option_problem(p, "Missing option '--broker-url' (CE_BROKER_URL).");
    if (url->source == OPTION_ABSENT || file->source == OPTION_ABSENT)
        return;
    if (url->source == file->source)
        option_problem(p, "Options '--broker-url' (CE_BROKER_URL) and "
                          "'--broker-url-file' (CE_BROKER_URL_FILE) exclude "
                          "each other.");
    struct option_given *farther = url->source < file->source ? file : url;
    farther->source = OPTION_ABSENT;
}

static void
set_preset(const struct option_row *row, struct options *o,
           struct option_problems *p)
{
    char *text = xstrdup(row->preset);
    option_set(row, o, &(struct texts){.items = &text, .n = 1}, p);
    free(text);
}

static void
set_all(struct options *o, const struct option_given *given,
        struct option_problems *p)
{
    for (size_t i = 0; i < option_count(); i++) {
        if (option_at(i)->preset != NULL)
            set_preset(option_at(i), o, p);
        if (given[i].source != OPTION_ABSENT)
            option_set(option_at(i), o, &given[i].values, p);
    }
    for (size_t i = 0; i < option_count(); i++)
        if (option_at(i)->check != NULL)
            option_at(i)->check(option_at(i), o, p);
}

static void
warn_masked(struct options *o, const struct option_given *given)
{
    for (size_t i = 0; i < option_count(); i++) {
        if (!given[i].masked)
            continue;
        struct buf text;
        buf_init(&text, 0);
        buf_printf(&text,
                   "--%s on the command line held a password, which others "
                   "on this host could see until it was overwritten; better "
                   "set ",
                   option_at(i)->name);
        option_variable(option_at(i), &text);
        if (option_at(i)->secrecy == OPTION_SECRET_URL)
            buf_add_str(&text, STR(" or --broker-url-file"));
        texts_add(&o->warnings, buf_str(&text));
        buf_close(&text);
    }
}

static void
print_action(const struct option_row *action, struct buf *print)
{
    switch (action->type) {
    case OPTION_VERSION:
        version_print(print);
        break;
    case OPTION_MAN:
        option_docs_man(print);
        break;
    case OPTION_MARKDOWN:
        option_docs_markdown(print);
        break;
    case OPTION_README:
        option_docs_readme(print);
        break;
    case OPTION_METRICS_PAGE:
        metric_docs_markdown(print);
        break;
    case OPTION_METRICS_README:
        metric_docs_readme(print);
        break;
    case OPTION_HELP:
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_TEXTS:
    case OPTION_NAMES:
    case OPTION_INT:
    case OPTION_SECONDS:
    case OPTION_EVERY:
    case OPTION_MILLIS:
    case OPTION_SIZE:
    case OPTION_BOUNDS:
    case OPTION_LABEL_CAPS:
    case OPTION_HOST_LABEL:
    case OPTION_LEVEL:
    case OPTION_FORMAT:
        option_docs_help(print);
        break;
    }
}

static enum options_verdict
judge(const struct option_problems *p, struct buf *errors)
{
    if (p->usage)
        buf_add_str(errors, STR("Usage: celery-exporter [OPTIONS]\n"
                                "Try 'celery-exporter --help' for help.\n\n"));
    buf_add_str(errors, buf_str(&p->lines));
    return p->usage ? OPTIONS_USAGE : p->wrong ? OPTIONS_WRONG : OPTIONS_RUN;
}

enum options_verdict
options_parse_to(struct options *out, int argc, char **argv, char **env,
                 struct buf *print, struct buf *errors)
{
    *out = (struct options){.retry_interval_s = -1};
    struct option_problems p = {0};
    buf_init(&p.lines, 0);
    struct option_given *given = xcalloc(option_count(), sizeof(*given));
    const struct option_row *action;
    enum options_verdict verdict = OPTIONS_DONE;

    option_read_argv(given, argc, argv, &action, &p);
    if (action != NULL && !p.usage) {
        print_action(action, print);
    } else {
        option_read_env(given, env);
        settle_broker_url(given, &p);
        set_all(out, given, &p);
        warn_masked(out, given);
        verdict = judge(&p, errors);
    }
    option_given_free(given);
    buf_close(&p.lines);
    return verdict;
}

enum options_verdict
options_parse(struct options *out, int argc, char **argv, char **env)
{
    struct buf print;
    struct buf errors;
    buf_init(&print, 0);
    buf_init(&errors, 0);
    const enum options_verdict verdict =
        options_parse_to(out, argc, argv, env, &print, &errors);
    if (print.len > 0)
        fwrite(print.ptr, 1, print.len, stdout);
    fflush(stdout);
    if (errors.len > 0)
        fwrite(errors.ptr, 1, errors.len, stderr);
    buf_close(&print);
    buf_close(&errors);
    return verdict;
}

void
options_report(const struct options *o)
{
    for (size_t i = 0; i < o->warnings.n; i++)
        LOG(LOG_WARN, o->warnings.items[i], NULL);
    for (size_t i = 0; i < o->remarks.n; i++)
        LOG(LOG_DEBUG, o->remarks.items[i], NULL);
}

static void
free_field(const struct option_row *row, struct options *o)
{
    void *field = (char *)o + row->field;
    if (row->type == OPTION_TEXT)
        text_free(*(char **)field);
    else if (row->type == OPTION_TEXTS || row->type == OPTION_NAMES)
        texts_free(field);
    else if (row->type == OPTION_BOUNDS)
        free(((struct bounds *)field)->values);
}

void
options_free(struct options *o)
{
    for (size_t i = 0; i < option_count(); i++)
        free_field(option_at(i), o);
    for (size_t i = 0; i < o->nlisten; i++)
        free(o->listen[i].host);
    free(o->listen);
    free(o->global_keyprefix);
    free(o->fanout_prefix);
    free(o->master_name);
    texts_free(&o->master_hosts);
    text_free(o->sentinel_user);
    text_free(o->sentinel_password);
    free(o->sep);
    free(o->unacked_key);
    free(o->unacked_index_key);
    free(o->priority_steps);
    tls_options_close(&o->tls);
    tls_options_close(&o->sentinel_tls);
    texts_free(&o->warnings);
    texts_free(&o->remarks);
    *o = (struct options){0};
}
