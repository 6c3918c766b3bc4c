#include "model/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/values.h"

static const uint32_t NONE = UINT32_MAX;

struct nodes {
    struct registry *registry;
    struct hostnames *hostnames;
    struct hash_key key;
    struct node *items;
    uint32_t n;
    uint32_t cap;
    uint32_t first_free; /* through `hostname` */
    struct index index;
    struct idset leaving; /* label values, at the next tick */
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct nodes *)owner)->items[number].hash;
}

struct nodes *
nodes_new(struct registry *registry, struct hostnames *hostnames,
          struct hash_key key)
{
    struct nodes *nodes = xmalloc(sizeof(*nodes));
    *nodes = (struct nodes){.registry = registry,
                            .hostnames = hostnames,
                            .key = key,
                            .first_free = NONE};
    index_init(&nodes->index, hash_of, nodes);
    return nodes;
}

void
nodes_free(struct nodes *nodes)
{
    if (nodes == NULL)
        return;
    for (uint32_t i = 0; i < nodes->n; i++)
        free(nodes->items[i].name);
    index_close(&nodes->index);
    idset_close(&nodes->leaving);
    free(nodes->items);
    free(nodes);
}

struct str
nodes_host(struct str nodename)
{
    const size_t at = str_find(nodename, '@');
    return at == nodename.len ? nodename
                              : str_slice(nodename, at + 1, nodename.len);
}

static uint32_t
take_number(struct nodes *nodes)
{
    if (nodes->first_free != NONE) {
        const uint32_t number = nodes->first_free;
        nodes->first_free = nodes->items[number].hostname;
        return number;
    }
    if (nodes->n == nodes->cap) {
        nodes->cap = nodes->cap == 0 ? 16 : 2 * nodes->cap;
        nodes->items = xrealloc(nodes->items, nodes->cap, sizeof(struct node));
    }
    return nodes->n++;
}

static char *
copy_name(struct str nodename)
{
    if (nodename.len > NODES_NAME_MAX ||
        memchr(nodename.ptr, '\0', nodename.len))
        return NULL;
    char *name = xmalloc(nodename.len + 1);
    memcpy(name, nodename.ptr, nodename.len);
    name[nodename.len] = '\0';
    return name;
}

uint32_t
nodes_add_worker(struct nodes *nodes, struct str nodename)
{
    const struct hash128 hash = hash_bytes(nodes->key, nodename);
    uint32_t number = index_find(&nodes->index, hash);
    if (number == INDEX_NONE) {
        number = take_number(nodes);
        nodes->items[number] = (struct node){
            .hash = hash,
            .name = copy_name(nodename),
            .value = registry_value(nodes->registry, LABEL_WORKER, nodename),
            .hostname = hostnames_of_worker(nodes->hostnames, nodename),
            .latest = UINT32_MAX,
            .pool = registry_value(nodes->registry, LABEL_SOFTWARE, STR("")),
        };
        index_add(&nodes->index, hash, number);
    }
    nodes->items[number].nworkers++;
    return number;
}

void
nodes_remove_worker(struct nodes *nodes, uint32_t number, bool keep)
{
    struct node *node = &nodes->items[number];
    if (--node->nworkers > 0)
        return;
    if (!keep && node->value != VALUES_OTHER)
        idset_add(&nodes->leaving, node->value);
    index_remove(&nodes->index, node->hash);
    free(node->name);
    node->name = NULL;
    node->hostname = nodes->first_free;
    nodes->first_free = number;
}

struct node *
nodes_at(struct nodes *nodes, uint32_t number)
{
    return &nodes->items[number];
}

struct node *
nodes_find(const struct nodes *nodes, struct str nodename)
{
    const uint32_t number =
        index_find(&nodes->index, hash_bytes(nodes->key, nodename));
    return number == INDEX_NONE ? NULL : &nodes->items[number];
}

struct series *
node_series(const struct node *node, struct registry *registry, double wall_s)
{
    const uint32_t ids[SERIES_MAX_LABELS] = {node->hostname, node->value};
    return group_series(registry_group(registry, GROUP_WORKER), ids, wall_s);
}

void
nodes_tick(struct nodes *nodes)
{
    if (nodes->leaving.n == 0)
        return;
    /* Nodenames that look alike once they are cut have one value. */
    for (uint32_t i = 0; i < nodes->n; i++)
        if (nodes->items[i].nworkers > 0)
            idset_remove(&nodes->leaving, nodes->items[i].value);
    registry_drop(nodes->registry, LABEL_WORKER, &nodes->leaving);
    idset_clear(&nodes->leaving);
}
