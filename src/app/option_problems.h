#pragma once

/* What is wrong with a command line, gathered so that all of it is said at
 * once. Nothing secret gets in: see option_problem_value. */

#include "base/buf.h"

struct option_row;

struct option_problems {
    struct buf lines;
    bool usage; /* something that --help would have told: exit 2 */
    bool wrong; /* a value that cannot work: exit 1 */
};

/* About the command line as such. */
void option_problem(struct option_problems *p, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
/* About the value of one option: names it and its variable. */
void option_misused(struct option_problems *p, const struct option_row *row,
                    const char *fmt, ...) PRINTF_LIKE(3, 4);
void option_wrong(struct option_problems *p, const struct option_row *row,
                  const char *fmt, ...) PRINTF_LIKE(3, 4);

enum { OPTION_QUOTE_MAX = 128 };

/* A value in quotes, cleaned and cut, to be shown in a problem; "the value"
 * when it may be a secret, or a URL that strayed into the wrong option. */
const char *option_quote(char quoted[OPTION_QUOTE_MAX],
                         const struct option_row *row, struct str value);
