#pragma once

/* Nodenames, name@host, and what the workers of one have in common. A
 * nodename may have several processes: two workers of one name, or a restarted
 * one beside what is left of it. */

#include "base/hash.h"
#include "model/hostnames.h"
#include "model/registry.h"

/* Figures of `stats` that add up over the processes of a node. */
enum node_stat {
    NODE_STAT_POOL_SIZE,
    NODE_STAT_PREFETCH,
    NODE_STAT_MAXRSS,
    NODE_STAT_COUNT
};

struct node_sum {
    uint32_t ntold; /* processes that told theirs */
    uint32_t nzero; /* and that it is 0 */
    int64_t sum;
};

/* What worker_info shows of a node: label values. */
struct node_software {
    uint64_t hash; /* of its texts; 0 = nothing yet */
    int64_t changed_ms;
    uint32_t ident;
    uint32_t sys;
    uint32_t ver;
};

struct node {
    struct hash128 hash;
    char *name;        /* NULL when it is too long to be asked by it */
    uint32_t value;    /* label values: the nodename, */
    uint32_t hostname; /* and its host part */
    uint32_t nworkers; /* processes that are known; 0 = the place is free */
    uint32_t nup;
    uint32_t latest;   /* number of the worker that was heard last */
    int64_t online_ms; /* when one of them last came online; 0 = never */
    struct node_software software;
    uint32_t pool; /* label value; that of "" while it is not known */
    struct node_sum stats[NODE_STAT_COUNT];
    double start_s;  /* of the latest process, Unix seconds; 0 = not known */
    bool told_queue; /* what its only queue is, or that there is none such */
    bool has_queue;  /* there is, */
    uint32_t queue;  /* and this is it: label value */
};

struct nodes;

/* Both are borrowed. */
struct nodes *nodes_new(struct registry *registry, struct hostnames *hostnames,
                        struct hash_key key);
void nodes_free(struct nodes *nodes);
/* The host part of a nodename: what follows the first @, or all of it. */
struct str nodes_host(struct str nodename);
/* Nodenames that can be asked are no longer. */
enum { NODES_NAME_MAX = 255 };

/* Finds or makes the node and adds a worker to it. */
uint32_t nodes_add_worker(struct nodes *nodes, struct str nodename);
/* Without a worker its series go at the next tick, unless they are to be
 * kept; its number is used again. */
void nodes_remove_worker(struct nodes *nodes, uint32_t number, bool keep);
/* Good until the next call of nodes_add_worker. */
struct node *nodes_at(struct nodes *nodes, uint32_t number);
/* NULL when no worker of that nodename is known. */
struct node *nodes_find(const struct nodes *nodes, struct str nodename);
/* Its series of GROUP_WORKER. */
struct series *node_series(const struct node *node, struct registry *registry,
                           double wall_s);
/* Drops the series of the nodes that have gone. */
void nodes_tick(struct nodes *nodes);
