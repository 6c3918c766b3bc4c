#include "model/idset.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void
idset_close(struct idset *set)
{
    free(set->has);
    *set = (struct idset){0};
}

void
idset_add(struct idset *set, uint32_t id)
{
    if (idset_has(set, id))
        return;
    if (id >= set->len) {
        const size_t len = 2 * (size_t)id + 64;
        set->has = xrealloc(set->has, len, sizeof(bool));
        memset(set->has + set->len, 0, len - set->len);
        set->len = len;
    }
    set->has[id] = true;
    set->n++;
}

void
idset_remove(struct idset *set, uint32_t id)
{
    if (!idset_has(set, id))
        return;
    set->has[id] = false;
    set->n--;
}

void
idset_clear(struct idset *set)
{
    if (set->n > 0)
        memset(set->has, 0, set->len);
    set->n = 0;
}
