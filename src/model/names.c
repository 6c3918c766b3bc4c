#include "model/names.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/xalloc.h"
#include "model/tasks.h"
#include "model/values.h"

enum {
    MAX_SEEN = 65536,
    NVERDICTS = 4096, /* a power of two */
};

struct names {
    struct registry *registry;
    const struct task_filter *filter;
    /* Of the last name with that hash: its hash, the lowest bit replaced by
     * whether it counts. Patterns are slow, and names few. */
    uint64_t *verdicts;
    struct idset seen_ids;
    struct hash128 *seen; /* hashes of names */
    size_t nseen;
    struct index seen_index;
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct names *)owner)->seen[number];
}

struct names *
names_new(struct registry *registry, const struct task_filter *filter)
{
    struct names *names = xmalloc(sizeof(*names));
    *names = (struct names){.registry = registry, .filter = filter};
    if (filter != NULL)
        names->verdicts = xcalloc(NVERDICTS, sizeof(*names->verdicts));
    index_init(&names->seen_index, hash_of, names);
    return names;
}

void
names_free(struct names *names)
{
    if (names == NULL)
        return;
    free(names->verdicts);
    idset_close(&names->seen_ids);
    free(names->seen);
    index_close(&names->seen_index);
    free(names);
}

static struct hash128
hash_name(const struct names *names, struct str name)
{
    return hash_bytes(registry_hash_key(names->registry), name);
}

static bool
is_counted(struct names *names, struct str name)
{
    const struct hash128 hash = hash_name(names, name);
    uint64_t *verdict = &names->verdicts[hash.high & (NVERDICTS - 1)];
    if (UNLIKELY(*verdict >> 1 != hash.low >> 1))
        *verdict =
            (hash.low & ~UINT64_C(1)) | task_filter_counts(names->filter, name);
    return *verdict & 1;
}

uint32_t
names_id(struct names *names, struct str name)
{
    if (name.len == 0)
        return TASK_NO_VALUE;
    if (UNLIKELY(names->filter != NULL) && !is_counted(names, name))
        return TASK_EXCLUDED;
    return registry_value(names->registry, LABEL_NAME, name) & TASK_NO_VALUE;
}

static void
add_seen(struct names *names, struct str name)
{
    const struct hash128 hash = hash_name(names, name);
    if (names->nseen == MAX_SEEN ||
        index_find(&names->seen_index, hash) != INDEX_NONE)
        return;
    if ((names->nseen & (names->nseen - 1)) == 0)
        names->seen =
            xrealloc(names->seen, names->nseen == 0 ? 1 : 2 * names->nseen,
                     sizeof(*names->seen));
    names->seen[names->nseen] = hash;
    index_add(&names->seen_index, hash, (uint32_t)names->nseen++);
}

void
names_saw_event(struct names *names, uint32_t id, struct str name)
{
    if (LIKELY(idset_has(&names->seen_ids, id)))
        return;
    if (id == TASK_NO_VALUE)
        return;
    /* Several names share these two. */
    if (id == TASK_EXCLUDED || id == VALUES_OTHER) {
        if (name.len > 0)
            add_seen(names, name);
        return;
    }
    if (name.len > 0) {
        idset_add(&names->seen_ids, id);
        add_seen(names, name);
        return;
    }
    /* Its label value will do: they differ only when a name is very long or
     * has odd characters. */
    add_seen(names,
             values_text(registry_values(names->registry, LABEL_NAME), id));
}

bool
names_has_events(const struct names *names, struct str name)
{
    return names->nseen == MAX_SEEN ||
           index_find(&names->seen_index, hash_name(names, name)) != INDEX_NONE;
}
