#include "model/hostnames.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/host_rewrite.h"
#include "model/nodes.h"
#include "model/values.h"

/* Hosts whose value is remembered. With more, all are worked out anew: only a
 * flood of made-up hosts comes here. */
enum { MAX_KNOWN = 10000 };

struct known {
    struct hash128 hash;
    uint32_t value;
};

struct hostnames {
    struct registry *registry;
    struct hash_key key;
    bool is_worker;
    struct host_rewrite **rewrites;
    size_t nrewrites;
    struct known *known; /* only when there are rewrites */
    size_t nknown;
    struct index index;
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct hostnames *)owner)->known[number].hash;
}

struct hostnames *
hostnames_new(struct registry *registry, struct hash_key key, bool is_worker,
              const char *const *rewrites, size_t nrewrites)
{
    struct hostnames *hostnames = xmalloc(sizeof(*hostnames));
    *hostnames = (struct hostnames){
        .registry = registry, .key = key, .is_worker = is_worker};
    index_init(&hostnames->index, hash_of, hostnames);
    hostnames->rewrites = xcalloc(nrewrites + 1, sizeof(*hostnames->rewrites));
    struct buf err;
    buf_init(&err, 0);
    for (size_t i = 0; i < nrewrites; i++) {
        struct host_rewrite *rewrite = host_rewrite_new(rewrites[i], &err);
        if (rewrite != NULL)
            hostnames->rewrites[hostnames->nrewrites++] = rewrite;
    }
    buf_close(&err);
    if (nrewrites > 0)
        hostnames->known = xcalloc(MAX_KNOWN, sizeof(*hostnames->known));
    return hostnames;
}

void
hostnames_free(struct hostnames *hostnames)
{
    if (hostnames == NULL)
        return;
    for (size_t i = 0; i < hostnames->nrewrites; i++)
        host_rewrite_free(hostnames->rewrites[i]);
    free(hostnames->rewrites);
    free(hostnames->known);
    index_close(&hostnames->index);
    free(hostnames);
}

static uint32_t
rewrite(struct hostnames *hostnames, struct str host)
{
    struct buf text;
    buf_init(&text, 0);
    bool matches = false;
    for (size_t i = 0; i < hostnames->nrewrites && !matches; i++)
        matches = host_rewrite_apply(hostnames->rewrites[i], host, &text);
    /* To Prometheus an empty label is none. */
    const uint32_t value =
        registry_value(hostnames->registry, LABEL_HOSTNAME,
                       matches && text.len > 0 ? buf_str(&text) : host);
    buf_close(&text);
    return value;
}

static void
forget_all(struct hostnames *hostnames)
{
    index_close(&hostnames->index);
    index_init(&hostnames->index, hash_of, hostnames);
    hostnames->nknown = 0;
}

static void
remember(struct hostnames *hostnames, struct hash128 hash, uint32_t value)
{
    if (hostnames->nknown == MAX_KNOWN)
        forget_all(hostnames);
    const uint32_t number = (uint32_t)hostnames->nknown++;
    hostnames->known[number] = (struct known){.hash = hash, .value = value};
    index_add(&hostnames->index, hash, number);
}

static uint32_t
value_of(struct hostnames *hostnames, struct str host)
{
    if (hostnames->nrewrites == 0)
        return registry_value(hostnames->registry, LABEL_HOSTNAME, host);
    const struct hash128 hash = hash_bytes(hostnames->key, host);
    const uint32_t known = index_find(&hostnames->index, hash);
    if (known != INDEX_NONE)
        return hostnames->known[known].value;
    const uint32_t value = rewrite(hostnames, host);
    /* There may be room for it the next time, and until then each refusal
     * counts. */
    if (value != VALUES_OTHER)
        remember(hostnames, hash, value);
    return value;
}

uint32_t
hostnames_of_worker(struct hostnames *hostnames, struct str nodename)
{
    return value_of(hostnames,
                    hostnames->is_worker ? nodename : nodes_host(nodename));
}

uint32_t
hostnames_of_client(struct hostnames *hostnames, struct str nodename)
{
    return value_of(hostnames, nodes_host(nodename));
}

void
hostnames_drop(struct hostnames *hostnames, const struct idset *ids)
{
    const size_t n = hostnames->nknown;
    forget_all(hostnames);
    for (size_t i = 0; i < n; i++) {
        const struct known known = hostnames->known[i];
        if (!idset_has(ids, known.value))
            remember(hostnames, known.hash, known.value);
    }
}

bool
hostnames_check(const char *text, struct buf *err)
{
    struct host_rewrite *made = host_rewrite_new(text, err);
    host_rewrite_free(made);
    return made != NULL;
}
