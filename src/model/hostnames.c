#include "model/hostnames.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "model/nodes.h"

struct hostnames {
    struct registry *registry;
};

struct hostnames *
hostnames_new(struct registry *registry, struct hash_key key, bool is_worker,
              const char *const *rewrites, size_t nrewrites)
{
    struct hostnames *hostnames = xcalloc(1, sizeof(*hostnames));
    hostnames->registry = registry;
    (void)key;
    (void)is_worker;
    (void)rewrites;
    (void)nrewrites;
    return hostnames;
}

void
hostnames_free(struct hostnames *hostnames)
{
    free(hostnames);
}

uint32_t
hostnames_of_worker(struct hostnames *hostnames, struct str nodename)
{
    return registry_value(hostnames->registry, LABEL_HOSTNAME,
                          nodes_host(nodename));
}

uint32_t
hostnames_of_client(struct hostnames *hostnames, struct str nodename)
{
    return hostnames_of_worker(hostnames, nodename);
}

void
hostnames_drop(struct hostnames *hostnames, const struct idset *ids)
{
    (void)hostnames;
    (void)ids;
}

bool
hostnames_check(const char *rewrite, struct buf *err)
{
    (void)rewrite;
    (void)err;
    return true;
}
