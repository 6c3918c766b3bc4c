#pragma once

/* Tasks that a worker process runs without saying so (send_events=False): it
 * counts them, in `stats` by name, but no event of them ever comes. */

#include "base/hash.h"
#include "wire/pidbox.h"

/* Names whose total at the base is kept. Silent tasks beyond count as if they
 * had events. */
enum { SILENT_TASKS_MAX = 64 };

struct silent_base {
    uint64_t name; /* hash */
    int64_t n;
};

struct silent_names {
    struct hash_key key;
    /* Whether a task of that name ever sent a worker's event. */
    bool (*has_events)(void *ctx, struct str name);
    void *ctx;
};

struct silent_tasks {
    bool has_base;
    bool any;       /* the process has run some, before the base or since */
    bool partial;   /* some of the base were not kept */
    int64_t done;   /* of earlier bases, or where the base came late */
    int64_t growth; /* since the base, as of the last reply */
    struct silent_base *base;
    size_t nbase;
};

/* In place: all zero. */
void silent_tasks_close(struct silent_tasks *silent);
/* Nothing has run so far. */
void silent_tasks_begin(struct silent_tasks *silent);
/* Nothing is known of what has run so far: the next reply is the base. */
void silent_tasks_forget(struct silent_tasks *silent);
/* A reply, the base where there is none. So many tasks that are unaccounted
 * for may have run silently before the base. */
void silent_tasks_update(struct silent_tasks *silent,
                         const struct silent_names *names,
                         const struct pidbox_stats *stats, int64_t unaccounted);
/* How many have run since it began. */
int64_t silent_tasks_n(const struct silent_tasks *silent);
/* The sum of all totals of a reply. */
int64_t silent_tasks_total(const struct pidbox_stats *stats);
