/* event against jansson: wherever jansson accepts a body, the events and the
 * refusals are those that a straightforward reading of its tree gives. */

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "wire/event.h"
#include "wire/exception.h"
#include "wire/iso8601.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Longer bodies may go past the bounds within which numbers are read and
 * exceptions looked for, which the tree knows nothing of. */
enum { MAX_BODY = 4096, MAX_NUMBER = 64, MAX_STEPS = 4096 };

/* One refusal, or one event. */
struct step {
    enum reject reason;
    const json_t *event;
};

struct expected {
    struct step steps[MAX_STEPS];
    size_t n;
    size_t at;
};

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static struct str
text_of(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    if (!json_is_string(value))
        return (struct str){0};
    return (struct str){json_string_value(value), json_string_length(value)};
}

static double
number_within(const json_t *value, double max)
{
    const double number = json_number_value(value);
    const bool ok = json_is_number(value) && number >= 0 && number <= max;
    return ok ? number : (double)NAN;
}

static double
number_of(const json_t *event, const char *key, double max)
{
    return number_within(json_object_get(event, key), max);
}

static int64_t
count_of(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static bool
flag_of(const json_t *event, const char *key)
{
    return json_is_true(json_object_get(event, key));
}

static enum event_type
type_of(const json_t *event)
{
    enum event_type type = 0;
    while (type < EVENT_OTHER &&
           !str_eq(event_type_name(type), text_of(event, "type")))
        type++;
    return type;
}

static void
expect(struct expected *e, enum reject reason, const json_t *event)
{
    require(e->n < MAX_STEPS);
    e->steps[e->n++] = (struct step){reason, event};
}

static void
expect_event(struct expected *e, const json_t *event)
{
    const enum event_type type = type_of(event);
    if (!json_is_object(event) || json_object_size(event) == 0) {
        expect(e, REJECT_SHAPE, NULL);
    } else if (text_of(event, "type").ptr == NULL) {
        expect(e, REJECT_TYPE, NULL);
    } else if (type != EVENT_OTHER && text_of(event, "hostname").ptr == NULL) {
        expect(e, REJECT_HOSTNAME, NULL);
    } else if (type <= EVENT_TASK_CANCELLED &&
               text_of(event, "uuid").ptr == NULL) {
        expect(e, REJECT_UUID, NULL);
    } else {
        if (isnan(number_of(event, "timestamp", 4102444800)))
            expect(e, REJECT_TIMESTAMP, NULL);
        if (type == EVENT_TASK_SUCCEEDED &&
            isnan(number_of(event, "runtime", 1e9)))
            expect(e, REJECT_RUNTIME, NULL);
        expect(e, REJECT_NONE, event);
    }
}

static void
same_text(struct str got, struct str want)
{
    require(str_eq(got, want) && (got.ptr == NULL) == (want.ptr == NULL));
}

static void
same_number(double got, double want)
{
    require(got == want || (isnan(got) && isnan(want)));
}

static void
compare_task(const struct event *ev, const json_t *want)
{
    same_text(ev->name, text_of(want, "name"));
    same_text(ev->queue, text_of(want, "queue"));
    same_number(ev->eta, iso8601_parse(text_of(want, "eta")));
    same_number(ev->expires, iso8601_parse(text_of(want, "expires")));
    require(ev->retries == count_of(want, "retries"));
    require(ev->terminated == flag_of(want, "terminated"));
    require(ev->expired == flag_of(want, "expired"));
    require(ev->requeue == flag_of(want, "requeue"));
    if (ev->type == EVENT_TASK_SUCCEEDED)
        same_number(ev->runtime, number_of(want, "runtime", 1e9));
    if (ev->type == EVENT_TASK_FAILED || ev->type == EVENT_TASK_RETRIED)
        same_text(ev->exception, exception_class(text_of(want, "exception"),
                                                 text_of(want, "traceback")));
}

static void
compare_worker(const struct event *ev, const json_t *want)
{
    const json_t *loadavg = json_object_get(want, "loadavg");
    require(ev->active == count_of(want, "active"));
    require(ev->processed == count_of(want, "processed"));
    same_text(ev->sw_ident, text_of(want, "sw_ident"));
    same_text(ev->sw_ver, text_of(want, "sw_ver"));
    same_text(ev->sw_sys, text_of(want, "sw_sys"));
    for (size_t i = 0; i < COUNT_OF(ev->loadavg); i++)
        same_number(ev->loadavg[i],
                    number_within(json_array_get(loadavg, i), 1e6));
}

static void
on_event(void *ctx, const struct event *ev)
{
    struct expected *e = ctx;
    require(e->at < e->n);
    const struct step *step = &e->steps[e->at++];
    require(step->reason == REJECT_NONE && ev->type == type_of(step->event));
    const struct str hostname = text_of(step->event, "hostname");
    same_text(ev->hostname, hostname.ptr == NULL ? STR("") : hostname);
    same_text(ev->uuid, text_of(step->event, "uuid"));
    same_number(ev->timestamp, number_of(step->event, "timestamp", 4102444800));
    require(ev->pid == count_of(step->event, "pid"));
    require(ev->clock == count_of(step->event, "clock"));
    if (ev->type <= EVENT_TASK_CANCELLED)
        compare_task(ev, step->event);
    else if (ev->type < EVENT_OTHER)
        compare_worker(ev, step->event);
}

static void
on_reject(void *ctx, enum reject reason)
{
    struct expected *e = ctx;
    require(e->at < e->n);
    require(e->steps[e->at++].reason == reason);
}

static bool
has_long_number(const uint8_t *bytes, size_t len)
{
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        run =
            bytes[i] != 0 && strchr("0123456789.eE+-", bytes[i]) ? run + 1 : 0;
        if (run > MAX_NUMBER)
            return true;
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    /* A NUL is never JSON, but jansson takes one for the end of the text. */
    if (len == 0 || len > MAX_BODY || memchr(bytes, 0, len) != NULL ||
        has_long_number(bytes, len))
        return 0;
    json_t *body = json_loadb((const char *)bytes, len, JSON_DECODE_ANY, NULL);
    if (body == NULL)
        return 0;
    static struct expected expected;
    struct expected *e = &expected;
    e->n = e->at = 0;
    if (json_is_array(body))
        for (size_t i = 0; i < json_array_size(body); i++)
            expect_event(e, json_array_get(body, i));
    else
        expect_event(e, body);

    const struct event_handler handler = {on_event, on_reject, e};
    struct event_decoder *decoder = event_decoder_new();
    event_decode(decoder, (struct str){(const char *)bytes, len},
                 SERIALIZER_JSON, &handler);

    require(e->at == e->n);
    event_decoder_free(decoder);
    json_decref(body);
    return 0;
}
