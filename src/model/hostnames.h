#pragma once

/* The hostname label of a sender: the host part of its nodename, or the
 * nodename of a worker when --hostname-label says so, rewritten by the first
 * --hostname-rewrite that matches. Worked out once for each distinct one. */

#include "base/hash.h"
#include "model/registry.h"

struct hostnames;

/* rewrites: see host_rewrite.h, checked before; copied. registry is
 * borrowed. */
struct hostnames *hostnames_new(struct registry *registry, struct hash_key key,
                                bool is_worker, const char *const *rewrites,
                                size_t nrewrites);
void hostnames_free(struct hostnames *hostnames);
/* The number of the label value. Only workers are shown by nodename: those of
 * clients contain a pid, and there is no end to them. */
uint32_t hostnames_of_worker(struct hostnames *hostnames, struct str nodename);
uint32_t hostnames_of_client(struct hostnames *hostnames, struct str nodename);
/* Forgets those that are shown under one of the values, which are dropped. */
void hostnames_drop(struct hostnames *hostnames, const struct idset *ids);
/* Whether a rewrite can work; else why not, appended to err. */
bool hostnames_check(const char *rewrite, struct buf *err);
