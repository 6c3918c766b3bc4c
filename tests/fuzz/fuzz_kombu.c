/* kombu: any payload is refused or gives a body, and that can be decoded as
 * events; every byte handed out is there. */

#include <stdlib.h>

#include "wire/event.h"
#include "wire/kombu.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static unsigned
sum_bytes(struct str s)
{
    unsigned sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum += (unsigned char)s.ptr[i];
    return sum;
}

static void
on_event(void *ctx, const struct event *ev)
{
    unsigned *sum = ctx;
    *sum += sum_bytes(ev->hostname) + sum_bytes(ev->uuid);
}

static void
on_reject(void *ctx, enum reject reason)
{
    unsigned *sum = ctx;
    if (reason == REJECT_NONE || reason >= REJECT_COUNT)
        abort();
    *sum += (unsigned)reason;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    unsigned sum = 0;
    const struct event_handler handler = {on_event, on_reject, &sum};
    struct event_decoder *decoder = event_decoder_new();
    struct buf scratch;
    buf_init(&scratch, 0);
    struct message message;

    const enum reject reason = kombu_decode(
        (struct str){(const char *)bytes, len}, &scratch, &message);

    if (reason == REJECT_NONE) {
        sum += sum_bytes(message.body) + sum_bytes(message.ticket);
        event_decode(decoder, message.body, message.serializer, &handler);
    } else if (reason > REJECT_CONTENT_TYPE) {
        abort();
    }
    buf_close(&scratch);
    event_decoder_free(decoder);
    return sum == 0xffffffff; /* never: it keeps the reading alive */
}
