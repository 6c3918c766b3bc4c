#pragma once

/* The option table as text for people. */

#include "app/option_table.h"

/* --help, 80 columns. */
void option_docs_help(struct buf *out);
/* docs/options.md. */
void option_docs_markdown(struct buf *out);
/* The part of README.md between its two markers. */
void option_docs_readme(struct buf *out);
/* docs/celery-exporter.1, mdoc(7). */
void option_docs_man(struct buf *out);

/* The pieces that the four have in common. */

/* What the program is, how the environment is read, how values are written:
 * paragraphs, ended by NULL. */
extern const char *const option_docs_intro[];
/* Adds "-Q, --queues LIST"; a flag that is on in `negatable` style as
 * --[no-]NAME. */
void option_docs_spelling(const struct option_row *row, struct buf *out);
/* Adds "1 to 65535" and gives true, or false for what is no number. */
bool option_docs_range(const struct option_row *row, struct buf *out);
/* The first sentence of the help text. */
struct str option_docs_summary(const struct option_row *row);
/* Takes the next word of *rest: what stands before a blank. */
bool option_docs_word(struct str *rest, struct str *word);
/* The part of a word that is to be typed as it stands (an option, a variable,
 * a path), without the punctuation behind it; empty when none. */
struct str option_docs_literal(struct str word);
