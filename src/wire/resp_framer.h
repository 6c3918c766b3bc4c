#pragma once

/* Where a RESP2 reply ends: walks the bytes once, checks every header against
 * the limits before anything is made of it, and passes on what is kept. What
 * a reader behind it gets is sound and of bounded size. Part of wire/resp. */

#include "wire/resp.h"

enum {
    FRAMER_MAX_LINE = 64 * 1024, /* of a status or an error */
    FRAMER_MAX_NUMBER = 32,      /* of all other headers, CR LF included */
    FRAMER_MAX_DEPTH = 7,        /* hiredis 0.14 knows no more */
};

enum framer_status {
    FRAMER_MORE, /* the bytes are used up, the reply goes on */
    FRAMER_END,  /* the reply is complete */
    FRAMER_ERROR,
};

enum framer_state {
    FRAMER_HEADER, /* first byte of an item, or the rest of its number */
    FRAMER_LINE,   /* of a status or an error, up to LF */
    FRAMER_STRING, /* its bytes and its CR LF */
    FRAMER_SKIPPED,
};

/* Whether a string is kept, and not skipped, in a reply with `kept` bytes of
 * strings before it. One of the permitted length and some short ones are: many
 * long ones must not add up. */
static inline bool
resp_keeps(const struct resp_limits *limits, size_t kept, size_t len)
{
    return len <= limits->max_string &&
           kept + len <= limits->max_string + FRAMER_MAX_LINE;
}

/* False stops the framer with FRAMER_ERROR. */
typedef bool (*framer_fn)(void *ctx, const char *ptr, size_t len);

struct resp_framer {
    struct resp_limits limits;
    framer_fn keep;
    void *ctx;
    /* Of the reply just read, or being read: */
    bool array;
    size_t nitems; /* announced so far; a null or plain reply is one */
    size_t wire_bytes;
    bool *skipped; /* max_items: strings that went on as null */

    enum framer_state state;
    char header[FRAMER_MAX_NUMBER]; /* one that the input has cut */
    size_t header_len;
    size_t left;     /* bytes to come of a string, CR LF included */
    size_t line_len; /* bytes seen of a line */
    char last;       /* byte of a line */
    size_t todo[FRAMER_MAX_DEPTH]; /* elements to come of each open array */
    size_t depth;
    size_t nseen;  /* items begun */
    size_t kept;   /* bytes of strings */
    bool any_skip; /* skipped[] has to be cleared */
};

void framer_init(struct resp_framer *f, const struct resp_limits *limits,
                 framer_fn keep, void *ctx);
void framer_close(struct resp_framer *f);
/* Reads to the end of one reply or of *bytes, whichever comes first, and
 * steps over what it has read. */
enum framer_status framer_read(struct resp_framer *f, struct str *bytes);
/* Forgets the reply that has ended. */
void framer_next(struct resp_framer *f);
