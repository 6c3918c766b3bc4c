#pragma once

/* From text to values. */

#include "app/option_table.h"

/* Sets the row's field from the texts, in order; what it held is freed. A
 * text that does not fit is a problem and leaves the field. */
void option_set(const struct option_row *row, struct options *o,
                const struct texts *values, struct option_problems *p);

void texts_add(struct texts *t, struct str text);
/* Wiped: it may be a secret. */
void texts_free(struct texts *t);
void text_free(char *text);
