#include "base/log_repeat.h"

static bool
fresh(const struct log_repeat_slot *slot, int64_t now_ms, int64_t window_ms)
{
    return slot->used && now_ms - slot->said_ms < window_ms;
}

/* The slot of this id, or the one to give up for it: unused, else the one
 * said longest ago. */
static struct log_repeat_slot *
slot_for(struct log_repeat *r, struct hash128 id)
{
    struct log_repeat_slot *best = &r->slots[0];
    for (size_t i = 0; i < LOG_REPEAT_SLOTS; i++) {
        struct log_repeat_slot *slot = &r->slots[i];
        if (!slot->used) {
            best = slot;
            break; /* slots fill in order: the id is not behind it */
        }
        if (slot->id.low == id.low && slot->id.high == id.high)
            return slot;
        if (slot->said_ms < best->said_ms)
            best = slot;
    }
    return best;
}

bool
log_repeat_pass(struct log_repeat *r, struct hash128 id, int64_t now_ms,
                int64_t window_ms, uint64_t *nleft_out)
{
    struct log_repeat_slot *slot = slot_for(r, id);
    const bool same =
        slot->used && slot->id.low == id.low && slot->id.high == id.high;
    if (fresh(slot, now_ms, window_ms)) {
        uint64_t *count = same ? &slot->nleft_out : &r->nleft_out;
        ++*count;
        return false;
    }
    *nleft_out = same ? slot->nleft_out : r->nleft_out;
    if (!same)
        r->nleft_out = 0;
    *slot = (struct log_repeat_slot){.id = id, .said_ms = now_ms, .used = true};
    return true;
}
