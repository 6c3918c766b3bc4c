#pragma once

/* An event as the tables of senders, workers and tasks take it: beside it the
 * hashes that they know its process and its task by, each made once. */

#include "base/hash.h"
#include "base/now.h"
#include "wire/event.h"

struct arrival {
    const struct event *ev;
    struct hash128 process; /* of its nodename and pid */
    struct hash128 task;    /* of its uuid */
    struct now now;
};

/* The processes that were heard last, each in the place that its pid and the
 * end of its nodename lead to: those with a longer one are not remembered.
 * All zero at first. */
enum { ARRIVAL_PLACES = 64, ARRIVAL_NODENAME_MAX = 63 };

struct recent_processes {
    struct recent_process {
        struct hash128 hash;
        int64_t pid;
        size_t len;
        char nodename[ARRIVAL_NODENAME_MAX];
    } places[ARRIVAL_PLACES];
};

/* By which a process is known in the tables of one key. */
struct hash128 process_hash(struct hash_key key, struct str nodename,
                            int64_t pid);
struct arrival arrival_of(const struct event *ev, struct now now,
                          struct hash_key key, struct recent_processes *recent);
