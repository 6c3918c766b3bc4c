#include "app/option_docs.h"

enum { COLUMNS = 78 };

/* The page's date, to be moved when its text changes. */
#define PAGE_DATE "November 22, 2026"

/* One word as roff takes it: dashes that are typed stay dashes, and nothing
 * begins a line that roff would take as a command. */
static void
add_word(struct buf *out, struct str word, bool first)
{
    const bool typed = option_docs_literal(word).len > 0;
    if (first && (word.ptr[0] == '.' || word.ptr[0] == '\''))
        buf_add_str(out, STR("\\&"));
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '-' && typed)
            buf_add_str(out, STR("\\-"));
        else if (word.ptr[i] == '\\')
            buf_add_str(out, STR("\\e"));
        else
            buf_add_byte(out, word.ptr[i]);
    }
}

/* Wrapped, with each sentence on a line of its own, as mdoc wants it. */
static void
add_text(struct buf *out, struct str text)
{
    size_t start = out->len;
    bool first = true;
    struct str word;
    while (option_docs_word(&text, &word)) {
        if (!first && out->len - start + 1 + word.len + 4 > COLUMNS) {
            buf_add_byte(out, '\n');
            start = out->len;
            first = true;
        }
        if (!first)
            buf_add_byte(out, ' ');
        add_word(out, word, first);
        first = false;
        if (word.len > 1 && word.ptr[word.len - 1] == '.') {
            buf_add_byte(out, '\n');
            start = out->len;
            first = true;
        }
    }
    if (!first)
        buf_add_byte(out, '\n');
}

static void
add_item(struct buf *out, const struct option_row *row)
{
    buf_add_str(out, STR(".It "));
    if (row->letter != '\0')
        buf_printf(out, "Fl %c , ", row->letter);
    buf_printf(out, option_is_switch(row) ? "Fl -[no-]%s" : "Fl -%s",
               row->name);
    if (row->alias != NULL)
        buf_printf(out, " , Fl -%s", row->alias);
    if (row->type == OPTION_EVERY)
        buf_printf(out, " Ns Op = Ns Ar %s", row->metavar);
    else if (row->metavar != NULL)
        buf_printf(out, " Ar %s", row->metavar);
    buf_add_byte(out, '\n');
    add_text(out, str_from(row->help));

    struct buf fact;
    buf_init(&fact, 0);
    if (option_variable(row, &fact))
        buf_printf(out, "The variable is\n.Ev %.*s .\n",
                   STR_FMT(buf_str(&fact)));
    buf_clear(&fact);
    if (option_docs_range(row, &fact))
        buf_printf(out, "The range is %.*s.\n", STR_FMT(buf_str(&fact)));
    if (row->preset != NULL)
        buf_printf(out, "The default is\n.Ql %s .\n", row->preset);
    buf_close(&fact);
}

static void
add_options(struct buf *out)
{
    enum option_group group = OPTION_HIDDEN;
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (row->group == OPTION_HIDDEN)
            continue;
        if (row->group != group) {
            if (group != OPTION_HIDDEN)
                buf_add_str(out, STR(".El\n"));
            buf_printf(out, ".Ss %s\n.Bl -tag -width Ds\n",
                       option_group_titles[row->group]);
        }
        group = row->group;
        add_item(out, row);
    }
    buf_add_str(out, STR(".El\n"));
}

void
option_docs_man(struct buf *out)
{
    buf_add_str(out, STR(".\\\" Made by scripts/docs from "
                         "src/app/option_rows_*.c; do not edit.\n"
                         ".Dd " PAGE_DATE "\n"
                         ".Dt CELERY-EXPORTER 1\n"
                         ".Os\n"
                         ".Sh NAME\n"
                         ".Nm celery-exporter\n"
                         ".Nd Prometheus metrics from Celery events\n"
                         ".Sh SYNOPSIS\n"
                         ".Nm\n"
                         ".Op Ar options\n"
                         ".Sh DESCRIPTION\n"));
    for (size_t i = 0; option_docs_intro[i] != NULL; i++) {
        if (i > 0)
            buf_add_str(out, STR(".Pp\n"));
        add_text(out, str_from(option_docs_intro[i]));
    }
    add_options(out);
    buf_add_str(
        out,
        STR(".Sh EXIT STATUS\n"
            ".Bl -tag -width Ds\n"
            ".It 0\n"
            "Stopped by\n"
            ".Dv SIGTERM\n"
            "or\n"
            ".Dv SIGINT ,\n"
            "or what was asked for has been printed.\n"
            ".It 1\n"
            "A value cannot work, or the exporter could not start.\n"
            ".It 2\n"
            "The command line cannot be understood.\n"
            ".El\n"
            ".Sh EXAMPLES\n"
            "Metrics of the application whose broker is database 1 of a "
            "Redis:\n"
            ".Pp\n"
            ".Dl CE_BROKER_URL=redis://:secret@redis:6379/1 celery-exporter\n"
            ".Pp\n"
            "See them:\n"
            ".Pp\n"
            ".Dl curl http://localhost:9808/metrics\n"
            ".Sh SEE ALSO\n"
            ".Lk https://docs.celeryq.dev/ Celery ,\n"
            ".Lk https://prometheus.io/docs/ Prometheus\n"));
}
