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

/* NULL when the nodename is too long, or empty. */
static struct recent_process *
place_of(struct recent_processes *recent, struct str nodename, int64_t pid)
{
    if (nodename.len < 2 || nodename.len > ARRIVAL_NODENAME_MAX)
        return NULL;
    const unsigned char *end =
        (const unsigned char *)nodename.ptr + nodename.len;
    const uint64_t mixed = (uint64_t)pid + end[-1] + 10 * (uint64_t)end[-2];
    return &recent->places[mixed % ARRIVAL_PLACES];
}

static bool
is_of(const struct recent_process *place, struct str nodename, int64_t pid)
{
    return place->len == nodename.len && place->pid == pid &&
           memcmp(place->nodename, nodename.ptr, nodename.len) == 0;
}

static struct hash128
find_hash(struct recent_processes *recent, struct hash_key key,
          struct str nodename, int64_t pid)
{
    struct recent_process *place = place_of(recent, nodename, pid);
    if (UNLIKELY(place == NULL))
        return process_hash(key, nodename, pid);
    if (LIKELY(is_of(place, nodename, pid)))
        return place->hash;
    place->hash = process_hash(key, nodename, pid);
    place->pid = pid;
    place->len = nodename.len;
    memcpy(place->nodename, nodename.ptr, nodename.len);
    return place->hash;
}

struct arrival
arrival_of(const struct event *ev, struct now now, struct hash_key key,
           struct recent_processes *recent)
{
    return (struct arrival){
        .ev = ev,
        .process = find_hash(recent, key, ev->hostname, ev->pid),
        .task = ev->uuid.ptr == NULL ? (struct hash128){0}
                                     : hash_bytes(key, ev->uuid),
        .now = now,
    };
}
