/* event: whatever the body, what is delivered keeps the promises of event.h.
 * The first byte chooses the serializer. */

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "wire/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static bool
is_within(double value, double low, double high)
{
    return isnan(value) || (value >= low && value <= high);
}

static void
on_event(void *ctx, const struct event *ev)
{
    const struct str texts[] = {
        ev->hostname,  ev->uuid,     ev->name,   ev->queue,
        ev->exception, ev->sw_ident, ev->sw_ver, ev->sw_sys,
    };
    (void)ctx;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        require(utf8_valid(texts[i]));
    require(ev->type < EVENT_TYPE_COUNT);
    require(ev->hostname.ptr != NULL);
    require(ev->uuid.ptr != NULL || ev->type > EVENT_TASK_CANCELLED);
    require(is_within(ev->timestamp, 0, 4102444800));
    require(is_within(ev->runtime, 0, 1e9));
    require(!isinf(ev->eta) && !isinf(ev->expires));
    require((ev->exception.ptr != NULL) ==
            (ev->type == EVENT_TASK_FAILED || ev->type == EVENT_TASK_RETRIED));
    require(ev->exception.ptr == NULL ||
            (ev->exception.len > 0 && ev->exception.len <= 128));
}

static void
on_reject(void *ctx, enum reject reason)
{
    (void)ctx;
    require(reason >= REJECT_JSON && reason < REJECT_COUNT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    const struct event_handler handler = {on_event, on_reject, NULL};
    struct event_decoder *decoder = event_decoder_new();
    event_decode(decoder, (struct str){(const char *)bytes + 1, len - 1},
                 bytes[0] == 'm' ? SERIALIZER_MSGPACK : SERIALIZER_JSON,
                 &handler);
    event_decoder_free(decoder);
    return 0;
}
