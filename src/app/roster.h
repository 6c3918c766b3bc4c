#pragma once

/* The nodenames that are asked, or have answered: what each is to be asked,
 * and what it has said in this round of questions. Several processes of one
 * nodename answer as many times, and add up. */

#include "base/index.h"

/* Celery's names are in app/questions.c. */
enum question {
    ASK_STATS,
    ASK_QUEUES,
    ASK_ACTIVE,
    ASK_RESERVED,
    ASK_SCHEDULED,
    ASK_REGISTERED,
    ASK_ENABLE_EVENTS,
    QUESTION_COUNT
};

enum { ROSTER_MAX = 10000 };

struct roster_node {
    struct hash128 hash;
    char *name;
    size_t name_len;
    unsigned wanted;   /* in a round for some workers: 1 << question */
    unsigned answered; /* the same, since the worker was seen to be new */
    unsigned ntries;   /* left, to reach it while it is new */
    /* Not to be asked, apart from the polls, before: */
    int64_t stats_due_ms, events_due_ms;
    bool events_told; /* what it said to enable_events is in the log */
    bool quiet;       /* it answered the last poll, and no event tells of it */

    /* Of this round; see roster_in_round. */
    uint64_t round;
    size_t nreplies[QUESTION_COUNT];
    size_t nreserved, nscheduled;
    bool several; /* lists of queues name more than one, or one is empty */
    bool naming;  /* the present list names one */
    char *queue;  /* the first one named; NULL = none yet */
    size_t queue_len;
};

struct roster {
    struct hash_key key;
    struct roster_node *items;
    size_t n;
    size_t cap;
    struct index index;
    uint64_t round;
};

void roster_init(struct roster *roster, struct hash_key key);
void roster_close(struct roster *roster);
/* Begins a round: nobody has said anything, nobody is wanted. */
void roster_begin(struct roster *roster);
/* NULL when there are too many. Good until the next call for another name;
 * the name itself stays where it is until roster_forget. */
struct roster_node *roster_find_or_add(struct roster *roster, struct str name);
struct str roster_name(const struct roster_node *node);
/* Whether it has said anything in this round. */
bool roster_in_round(const struct roster *roster,
                     const struct roster_node *node);
/* Counts a reply; its other figures in this round are 0 before the first. */
void roster_count(struct roster *roster, struct roster_node *node,
                  enum question question);
/* A list of queues begins (after roster_count), and goes on. */
void roster_begin_list(struct roster_node *node);
void roster_add_queue(struct roster_node *node, struct str queue);
/* The only queue that every list of this round has, or NULL. */
struct str roster_only_queue(const struct roster_node *node);
/* Drops those that are not alive, not quiet, and not asked because they are
 * new. */
void roster_forget(struct roster *roster,
                   bool (*alive)(void *ctx, struct str name), void *ctx);
