#pragma once

/* Every option in one row: the parser, the environment, --help, the pages
 * under docs/ and the README's list all come from this table. */

#include "app/option_problems.h"
#include "app/options.h"

/* How the text becomes a value, and the type of the field. */
enum option_type {
    OPTION_FLAG,       /* bool; also as --no-NAME */
    OPTION_TEXT,       /* char * */
    OPTION_TEXTS,      /* struct texts, repeatable, in the environment split
                          on blanks */
    OPTION_NAMES,      /* struct texts from one list with commas */
    OPTION_INT,        /* int64_t */
    OPTION_SECONDS,    /* int64_t, whole seconds */
    OPTION_EVERY,      /* int64_t, whole seconds, 0 = never; the value is
                          optional, and true and false will do */
    OPTION_MILLIS,     /* int64_t, milliseconds */
    OPTION_SIZE,       /* int64_t, bytes */
    OPTION_BOUNDS,     /* struct bounds */
    OPTION_LABEL_CAPS, /* the four max_... fields */
    OPTION_HOST_LABEL, /* bool, "worker" or "host" */
    OPTION_LEVEL,      /* enum log_level */
    OPTION_FORMAT,     /* enum log_format */
    /* These print something and end the program; they have no field. */
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_MAN,
    OPTION_MARKDOWN,
    OPTION_README,
    OPTION_METRICS_PAGE,
    OPTION_METRICS_README,
};

enum option_group {
    OPTION_BROKER,
    OPTION_WEB,
    OPTION_METRICS,
    OPTION_TIMES,
    OPTION_LIMITS,
    OPTION_LOG,
    OPTION_OTHER,
    OPTION_HIDDEN, /* for those who build the documents */
};

enum option_secrecy {
    OPTION_OPEN,
    OPTION_SECRET_URL,  /* never repeated; a password in argv is masked */
    OPTION_SECRET_PAIR, /* the same for KEY=VALUE */
};

struct option_row;
/* Looks at the value once all options are set. */
typedef void (*option_check_fn)(const struct option_row *row, struct options *o,
                                struct option_problems *problems);

struct option_row {
    const char *name;  /* without the dashes */
    const char *alias; /* a second spelling, or NULL */
    char letter;       /* as in -Q, or '\0' */
    bool common;       /* shown in the README */
    enum option_group group;
    enum option_type type;
    enum option_secrecy secrecy;
    size_t field; /* offset in struct options */
    const char *metavar;
    const char *preset;   /* default, as one would write it, or NULL */
    int64_t min, max;     /* of a number, in its field's unit */
    int64_t bare;         /* what an optional value is when it is not given */
    const char *fallback; /* variable to ask when ours is not set, or NULL */
    option_check_fn check;
    const char *help; /* the first sentence is the summary */
};

/* In the order of the documents; NULL past the last. */
const struct option_row *option_at(size_t i);
size_t option_count(void);
size_t option_number(const struct option_row *row);

/* Titles of the groups, by enum option_group. */
extern const char *const option_group_titles[];

/* Can be given alone, and as --no-NAME. */
bool option_is_switch(const struct option_row *row);
/* The next word is its value, if none stands behind an equals sign. */
bool option_takes_value(const struct option_row *row);
/* Adds the name of its variable, CE_...; false for those without one. */
bool option_variable(const struct option_row *row, struct buf *out);
