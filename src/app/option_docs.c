#include "app/option_docs.h"

#include "app/option_units.h"

enum { COLUMNS = 79, INDENT = 8 };

const char *const option_docs_intro[] = {
    "celery-exporter turns the events of Celery's tasks and workers into "
    "Prometheus metrics.",
    "Every option can also be set by an environment variable: CE_ and the "
    "option's name in capitals, with underscores for dots and dashes. The "
    "command line comes before the environment, and an empty variable counts "
    "as unset. Repeatable options take several values from their variable, "
    "separated by blanks. Flags take 1, true, yes or on, and 0, false, no or "
    "off.",
    "A DURATION is a number of seconds, or written as 500ms, 2s, 15m, 1h30m "
    "or 7d. A SIZE is a number of bytes, or written as 64KiB, 1MiB or 1GiB "
    "(KB, MB and GB are powers of ten).",
    NULL,
};

/* --- pieces --- */

void
option_docs_spelling(const struct option_row *row, struct buf *out)
{
    if (row->letter != '\0')
        buf_printf(out, "-%c, ", row->letter);
    buf_printf(out, option_is_switch(row) ? "--[no-]%s" : "--%s", row->name);
    if (row->alias != NULL)
        buf_printf(out, ", --%s", row->alias);
    if (row->type == OPTION_EVERY)
        buf_printf(out, "[=%s]", row->metavar);
    else if (row->metavar != NULL)
        buf_printf(out, " %s", row->metavar);
}

bool
option_docs_range(const struct option_row *row, struct buf *out)
{
    if (row->max == 0)
        return false;
    option_show_number(row, row->min, out);
    buf_add_str(out, STR(" to "));
    option_show_number(row, row->max, out);
    return true;
}

struct str
option_docs_summary(const struct option_row *row)
{
    const struct str help = str_from(row->help);
    for (size_t i = 0; i + 1 < help.len; i++)
        if (help.ptr[i] == '.' && help.ptr[i + 1] == ' ')
            return str_slice(help, 0, i + 1);
    return help;
}

bool
option_docs_word(struct str *rest, struct str *word)
{
    return str_split(rest, ' ', word);
}

struct str
option_docs_literal(struct str word)
{
    size_t len = word.len;
    while (len > 0 && str_find(STR(".,;:)"), word.ptr[len - 1]) < 5)
        len--;
    const struct str core = str_slice(word, 0, len);
    const bool literal =
        str_starts(core, STR("--")) || str_find(core, '_') < core.len ||
        str_find(core, ':') < core.len || str_find(core, '/') < core.len ||
        str_find(core, '*') < core.len || str_find(core, '\\') < core.len;
    return str_slice(core, 0, literal ? core.len : 0);
}

/* --- --help --- */

/* Where a word that is wider than the line may be broken: behind its last
 * comma that fits. */
static size_t
break_at(struct str word, size_t room)
{
    size_t at = word.len;
    for (size_t i = 0; word.len > room && i < room; i++)
        if (word.ptr[i] == ',')
            at = i + 1;
    return at;
}

static void
add_blanks(struct buf *out, size_t n)
{
    while (n-- > 0)
        buf_add_byte(out, ' ');
}

static void
add_wrapped(struct buf *out, struct str text, size_t indent)
{
    const size_t width = COLUMNS - indent;
    size_t column = 0;
    struct str word;
    while (option_docs_word(&text, &word)) {
        while (word.len > 0) {
            const size_t len = break_at(word, width);
            if (column > 0 && column + 1 + len > width) {
                buf_add_byte(out, '\n');
                column = 0;
            }
            add_blanks(out, column == 0 ? indent : 1);
            buf_add(out, word.ptr, len);
            column += len + (column > 0);
            word = str_slice(word, len, word.len);
        }
    }
    buf_add_byte(out, '\n');
}

/* [CE_PORT, 1 to 65535, default 9808] */
static void
add_facts(struct buf *out, const struct option_row *row)
{
    struct buf facts;
    buf_init(&facts, 0);
    buf_add_byte(&facts, '[');
    if (option_variable(row, &facts)) {
        buf_add_str(&facts, STR(", "));
        if (option_docs_range(row, &facts))
            buf_add_str(&facts, STR(", "));
        if (row->preset != NULL)
            buf_printf(&facts, "default %s, ", row->preset);
        facts.len -= 2;
        buf_add_byte(&facts, ']');
        add_wrapped(out, buf_str(&facts), INDENT);
    }
    buf_close(&facts);
}

void
option_docs_help(struct buf *out)
{
    buf_add_str(out, STR("Usage: celery-exporter [OPTIONS]\n"));
    for (size_t i = 0; option_docs_intro[i] != NULL; i++) {
        buf_add_byte(out, '\n');
        add_wrapped(out, str_from(option_docs_intro[i]), 0);
    }
    enum option_group group = OPTION_HIDDEN;
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (row->group == OPTION_HIDDEN)
            continue;
        if (row->group != group)
            buf_printf(out, "\n%s:\n", option_group_titles[row->group]);
        group = row->group;
        buf_add_str(out, STR("  "));
        option_docs_spelling(row, out);
        buf_add_byte(out, '\n');
        add_wrapped(out, str_from(row->help), INDENT);
        add_facts(out, row);
    }
}

/* --- Markdown --- */

/* Literals in backquotes; nothing else in our texts means anything to
 * Markdown. */
static void
add_marked(struct buf *out, struct str text)
{
    struct str word;
    bool first = true;
    while (option_docs_word(&text, &word)) {
        const struct str literal = option_docs_literal(word);
        if (!first)
            buf_add_byte(out, ' ');
        first = false;
        if (literal.len > 0)
            buf_printf(out, "`%.*s`", STR_FMT(literal));
        buf_add_str(out, str_slice(word, literal.len, word.len));
    }
}

static void
add_default(struct buf *out, const struct option_row *row)
{
    if (row->preset == NULL)
        return;
    /* A list may be broken behind its commas, or the column is as wide. */
    struct str rest = str_from(row->preset);
    struct str part;
    bool first = true;
    buf_add_byte(out, '`');
    while (str_split(&rest, ',', &part)) {
        buf_add_str(out, first ? STR("") : STR(", "));
        buf_add_str(out, part);
        first = false;
    }
    buf_add_byte(out, '`');
}

static void
add_markdown_row(struct buf *out, const struct option_row *row)
{
    buf_add_str(out, STR("| `"));
    option_docs_spelling(row, out);
    buf_add_str(out, STR("` | "));
    const size_t start = out->len;
    buf_add_byte(out, '`');
    if (option_variable(row, out))
        buf_add_str(out, STR("` "));
    else
        out->len = start;
    buf_add_str(out, STR("| "));
    add_default(out, row);
    buf_add_str(out, row->preset != NULL ? STR(" | ") : STR("| "));
    add_marked(out, str_from(row->help));
    buf_add_byte(out, ' ');
    if (option_docs_range(row, out))
        buf_add_str(out, STR(". "));
    buf_add_str(out, STR("|\n"));
}

void
option_docs_markdown(struct buf *out)
{
    buf_add_str(out, STR("# Options\n\n"
                         "<!-- Made by scripts/docs from "
                         "src/app/option_rows_*.c; do not edit. -->\n"));
    for (size_t i = 0; option_docs_intro[i] != NULL; i++) {
        buf_add_byte(out, '\n');
        add_marked(out, str_from(option_docs_intro[i]));
        buf_add_byte(out, '\n');
    }
    buf_add_str(
        out, STR("\nWrong values are all reported at once, a line each, on "
                 "standard error. The exit\nstatus is 2 when the command line "
                 "cannot be understood (an unknown option, a\nmissing one, a "
                 "value of the wrong type or out of its range, a broker URL\n"
                 "that cannot be read), and 1 for any other value that cannot "
                 "work.\n"));
    enum option_group group = OPTION_HIDDEN;
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (row->group == OPTION_HIDDEN)
            continue;
        if (row->group != group)
            buf_printf(out,
                       "\n## %s\n\n| Option | Variable | Default | Meaning |\n"
                       "|---|---|---|---|\n",
                       option_group_titles[row->group]);
        group = row->group;
        add_markdown_row(out, row);
    }
}

void
option_docs_readme(struct buf *out)
{
    buf_add_str(out, STR("| Option | Variable | Default | Meaning |\n"
                         "|---|---|---|---|\n"));
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (!row->common)
            continue;
        buf_add_str(out, STR("| `"));
        option_docs_spelling(row, out);
        buf_add_str(out, STR("` | `"));
        if (option_variable(row, out))
            buf_add_str(out, STR("` | "));
        add_default(out, row);
        buf_add_str(out, row->preset != NULL ? STR(" | ") : STR("| "));
        add_marked(out, option_docs_summary(row));
        buf_add_str(out, STR(" |\n"));
    }
}
