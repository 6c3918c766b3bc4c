#include "model/arrival.h"

#include <string.h>

#include "base/attr.h"

struct hash128
process_hash(struct hash_key key, struct str nodename, int64_t pid)
{
    struct hash128 hash = hash_bytes(key, nodename);
    hash.low ^= hash_mix(key, (uint64_t)pid, hash.high);
    return hash;
}

static bool
is_last(const struct last_process *last, struct str nodename, int64_t pid)
{
    return last->len == nodename.len && last->pid == pid && nodename.len > 0 &&
           memcmp(last->nodename, nodename.ptr, nodename.len) == 0;
}

static void
remember(struct last_process *last, struct str nodename, int64_t pid,
         struct hash128 hash)
{
    if (nodename.len == 0 || nodename.len > ARRIVAL_NODENAME_MAX)
        return;
    memcpy(last->nodename, nodename.ptr, nodename.len);
    last->len = nodename.len;
    last->pid = pid;
    last->hash = hash;
}

struct arrival
arrival_of(const struct event *ev, struct now now, struct hash_key key,
           struct last_process *last)
{
    struct arrival arrival = {.ev = ev, .now = now};
    if (LIKELY(is_last(last, ev->hostname, ev->pid))) {
        arrival.process = last->hash;
    } else {
        arrival.process = process_hash(key, ev->hostname, ev->pid);
        remember(last, ev->hostname, ev->pid, arrival.process);
    }
    if (ev->uuid.ptr != NULL)
        arrival.task = hash_bytes(key, ev->uuid);
    return arrival;
}
