#pragma once

/* Nodenames, name@host, and what the workers of one have in common. A
 * nodename may have several processes: two workers of one name, or a restarted
 * one beside what is left of it. */

#include "base/hash.h"
#include "model/hostnames.h"
#include "model/registry.h"

struct node {
    struct hash128 hash;
    uint32_t value;    /* label values: the nodename, */
    uint32_t hostname; /* and its host part */
    uint32_t nworkers; /* processes that are known; 0 = the place is free */
    uint32_t nup;
    uint32_t latest;   /* number of the worker that was heard last */
    int64_t online_ms; /* when one of them last came online; 0 = never */
    uint64_t software; /* hash of what worker_info shows; 0 = nothing yet */
    int64_t software_ms;
};

struct nodes;

/* Both are borrowed. */
struct nodes *nodes_new(struct registry *registry, struct hostnames *hostnames,
                        struct hash_key key);
void nodes_free(struct nodes *nodes);
/* The host part of a nodename: what follows the first @, or all of it. */
struct str nodes_host(struct str nodename);
/* Finds or makes the node and adds a worker to it. */
uint32_t nodes_add_worker(struct nodes *nodes, struct str nodename);
/* Without a worker its series go at the next tick, unless they are to be
 * kept; its number is used again. */
void nodes_remove_worker(struct nodes *nodes, uint32_t number, bool keep);
/* Good until the next call of nodes_add_worker. */
struct node *nodes_at(struct nodes *nodes, uint32_t number);
/* NULL when no worker of that nodename is known. */
const struct node *nodes_find(const struct nodes *nodes, struct str nodename);
/* Drops the series of the nodes that have gone. */
void nodes_tick(struct nodes *nodes);
