/* Any bytes, fed whole, in pieces and byte by byte: the same replies, the same
 * verdict. The first byte chooses the pieces, equal ones or not. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "wire/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct seen {
    uint64_t digest;
    size_t nreplies;
    size_t wire_bytes;
};

enum { MAX_STRING = 64, MAX_ITEMS = 16 };

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct seen *seen = ctx;
    const struct hash_key key = {0};
    assert(reply->nitems <= MAX_ITEMS);
    assert(reply->array || reply->nitems == 1);
    uint64_t digest = hash_mix(key, seen->digest, reply->nitems);
    for (size_t i = 0; i < reply->nitems; i++) {
        const struct resp_item *item = &reply->items[i];
        assert(item->type != RESP_STRING || item->str.len <= MAX_STRING);
        digest = hash_mix(key, digest, (uint64_t)item->type);
        digest = hash_mix(key, digest, (uint64_t)item->integer);
        if (item->str.ptr != NULL)
            digest = hash_mix(key, digest, hash_bytes(key, item->str).low);
    }
    seen->digest = digest;
    seen->nreplies++;
    seen->wire_bytes += reply->wire_bytes;
}

struct pieces {
    size_t len;
    uint32_t random; /* not 0: any length up to len each */
};

static size_t
next_len(struct pieces *pieces)
{
    if (pieces->random == 0)
        return pieces->len;
    pieces->random = pieces->random * 1664525u + 1013904223u;
    return 1 + (pieces->random >> 16) % pieces->len;
}

static enum resp_status
feed(struct str bytes, struct pieces pieces, struct seen *seen, bool *pending)
{
    *seen = (struct seen){0};
    const struct resp_limits limits = {.max_string = MAX_STRING,
                                       .max_items = MAX_ITEMS};
    struct resp *resp = resp_new(&limits, on_reply, seen);
    enum resp_status status = RESP_OK;
    while (bytes.len > 0 && status == RESP_OK) {
        const size_t n = next_len(&pieces);
        status = resp_feed(resp, str_slice(bytes, 0, n));
        bytes = str_slice(bytes, n, bytes.len);
    }
    *pending = resp_pending(resp);
    resp_free(resp);
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    const struct str input = {(const char *)bytes + 1, len - 1};
    const struct pieces pieces[] = {
        {.len = 1},
        {.len = 1u + bytes[0] % 64, .random = bytes[0] / 64},
    };
    struct seen whole;
    bool whole_pending;
    const enum resp_status status =
        feed(input, (struct pieces){.len = len}, &whole, &whole_pending);
    assert(status != RESP_OK || whole_pending || whole.wire_bytes == input.len);

    for (size_t i = 0; i < 2; i++) {
        struct seen cut;
        bool cut_pending;
        const enum resp_status again =
            feed(input, pieces[i], &cut, &cut_pending);
        assert(status == again);
        assert(whole.digest == cut.digest);
        assert(whole.nreplies == cut.nreplies);
        assert(whole.wire_bytes == cut.wire_bytes);
        assert(status != RESP_OK || whole_pending == cut_pending);
    }
    return 0;
}
