#include "wire/envelopes.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/kombu.h"

enum {
    NTAILS = 1024, /* a power of two: several kinds of message a worker */
    MAX_TAIL = 1024,
    ALIKE_LEN = 64,
    TAG_LEN = 36, /* of a UUID */
};

/* What was read behind a body, of an envelope that was accepted. */
struct tail {
    char *text;
    size_t len;
    enum serializer serializer;
};

struct envelopes {
    struct tail tails[NTAILS]; /* by hash; a new one takes the place */
};

/* {"body": "...", ..., "delivery_tag": "..."}}, cut where it changes. */
struct parts {
    struct str body;
    struct str tail; /* from the quote behind the body to the tag */
    struct str tag;
};

/* Where the body ends is found by decoding it, into scratch. */
static bool
take_apart(struct str payload, struct buf *scratch, struct parts *out)
{
    const struct str start = STR("{\"body\": \"");
    const struct str key = STR(", \"delivery_tag\": \"");
    const struct str end = STR("\"}}");
    if (!str_starts(payload, start))
        return false;
    const struct str rest = str_slice(payload, start.len, payload.len);
    size_t quote;
    buf_clear(scratch);
    if (!base64_decode_run(scratch, rest, &quote) ||
        rest.len - quote < key.len + TAG_LEN + end.len ||
        rest.ptr[quote] != '"')
        return false;
    const size_t tag_at = rest.len - end.len - TAG_LEN;
    out->body = str_slice(rest, 0, quote);
    out->tail = str_slice(rest, quote, tag_at);
    out->tag = str_slice(rest, tag_at, tag_at + TAG_LEN);
    return memcmp(rest.ptr + tag_at - key.len, key.ptr, key.len) == 0 &&
           memcmp(rest.ptr + tag_at + TAG_LEN, end.ptr, end.len) == 0;
}

/* The first bytes, content encoding and type, hardly ever differ. Whose hashes
 * collide take each other's place, no more: no secret is needed. */
static struct tail *
slot(struct envelopes *envelopes, struct str tail)
{
    const struct hash128 hash =
        hash_bytes((struct hash_key){0}, str_slice(tail, ALIKE_LEN, tail.len));
    return &envelopes->tails[hash.low & (NTAILS - 1)];
}

/* A tail that was read behind one body means the same behind every other that
 * is base64 up to its quote. */
static bool
decode_known(const struct tail *known, const struct parts *parts,
             const struct buf *scratch, struct message *out)
{
    if (!str_eq((struct str){known->text, known->len}, parts->tail) ||
        json_plain_len(parts->tag) < TAG_LEN)
        return false;
    *out = (struct message){
        .body = buf_str(scratch),
        .serializer = known->serializer,
    };
    return true;
}

static bool
contains(struct str text, struct str part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

/* Only where nothing but the body and the tag could change what was found: no
 * second body, however it is written, no ticket, and no more members in what
 * stands where the tag does. A plain text that became shorter was base64. */
static bool
is_worth_keeping(const struct parts *parts, const struct message *message)
{
    const bool base64 = message->body.len < parts->body.len;
    return base64 && message->ticket.len == 0 && parts->tail.len <= MAX_TAIL &&
           json_plain_len(parts->tag) == TAG_LEN &&
           !contains(parts->tail, STR("\"body\"")) &&
           str_find(parts->tail, '\\') == parts->tail.len;
}

static void
keep(struct tail *slot, struct str tail, enum serializer serializer)
{
    slot->text = xrealloc(slot->text, tail.len, 1);
    memcpy(slot->text, tail.ptr, tail.len);
    slot->len = tail.len;
    slot->serializer = serializer;
}

enum reject
envelopes_decode(struct envelopes *envelopes, struct str payload,
                 struct buf *scratch, struct message *out)
{
    struct parts parts;
    if (!take_apart(payload, scratch, &parts))
        return kombu_decode(payload, scratch, out);
    struct tail *tail = slot(envelopes, parts.tail);
    if (LIKELY(decode_known(tail, &parts, scratch, out)))
        return REJECT_NONE;
    const enum reject reason = kombu_decode(payload, scratch, out);
    if (reason == REJECT_NONE && is_worth_keeping(&parts, out))
        keep(tail, parts.tail, out->serializer);
    return reason;
}

struct envelopes *
envelopes_new(void)
{
    return xcalloc(1, sizeof(struct envelopes));
}

void
envelopes_free(struct envelopes *envelopes)
{
    if (envelopes == NULL)
        return;
    for (size_t i = 0; i < NTAILS; i++)
        free(envelopes->tails[i].text);
    free(envelopes);
}
