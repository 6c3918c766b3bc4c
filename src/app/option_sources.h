#pragma once

/* What was given, before anybody looks at the values: the command line first,
 * the environment for the rest. */

#include "app/option_table.h"

/* The nearer, the smaller, save for the first. */
enum option_source {
    OPTION_ABSENT,
    OPTION_FROM_ARGV,
    OPTION_FROM_ENV,
    OPTION_FROM_FALLBACK,
};

struct option_given {
    enum option_source source;
    struct texts values; /* in order, at least one unless absent */
    bool masked;         /* a password in argv was overwritten */
};

/* given has a place for each row of the table, zeroed. The first option that
 * prints and ends the program comes back in *action, else NULL. Values that
 * hold a password are overwritten in argv, after they were copied. */
void option_read_argv(struct option_given *given, int argc, char **argv,
                      const struct option_row **action,
                      struct option_problems *p);
void option_read_env(struct option_given *given, char **env);
void option_given_free(struct option_given *given);
