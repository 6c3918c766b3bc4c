/* envelopes: whatever was read before, a payload gives what kombu_decode makes
 * of it. The input is a sequence of payloads, each with a line feed behind. */

#include <stdlib.h>

#include "wire/envelopes.h"
#include "wire/kombu.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct decoded {
    struct buf scratch;
    struct message message;
};

static void
compare(struct envelopes *envelopes, struct str payload, struct decoded *known,
        struct decoded *read)
{
    const enum reject got =
        envelopes_decode(envelopes, payload, &known->scratch, &known->message);
    const enum reject want =
        kombu_decode(payload, &read->scratch, &read->message);
    if (got != want)
        abort();
    if (want != REJECT_NONE)
        return;
    if (known->message.serializer != read->message.serializer ||
        !str_eq(known->message.body, read->message.body) ||
        !str_eq(known->message.ticket, read->message.ticket))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct envelopes *envelopes = envelopes_new();
    struct decoded known;
    struct decoded read;
    struct str rest = {(const char *)bytes, len};
    struct str payload;
    buf_init(&known.scratch, 0);
    buf_init(&read.scratch, 0);
    while (rest.ptr != NULL && str_split(&rest, '\n', &payload))
        compare(envelopes, payload, &known, &read);
    buf_close(&known.scratch);
    buf_close(&read.scratch);
    envelopes_free(envelopes);
    return 0;
}
