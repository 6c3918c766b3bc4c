#include "wire/event.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "wire/event_fields.h"
#include "wire/event_msgpack.h"
#include "wire/exception.h"
#include "wire/iso8601.h"

static const double MAX_RUNTIME = 1e9;
static const double MAX_LOAD = 1e6;
static const double MAX_TIMESTAMP = 4102444800; /* the year 2100 */

/* Bytes of the raw texts in which an exception's class is looked for: the
 * first ones of its repr, the last ones of the traceback. */
enum { MAX_REPR = 4096, MAX_TRACEBACK = 65536 };

struct event_decoder {
    struct buf scratch; /* decoded texts of one event */
    struct buf json;    /* a msgpack body rewritten */
    struct event_fields fields;
};

static const struct str names[EVENT_TYPE_COUNT] = {
    [EVENT_TASK_SENT] = STR_INIT("task-sent"),
    [EVENT_TASK_RECEIVED] = STR_INIT("task-received"),
    [EVENT_TASK_STARTED] = STR_INIT("task-started"),
    [EVENT_TASK_SUCCEEDED] = STR_INIT("task-succeeded"),
    [EVENT_TASK_FAILED] = STR_INIT("task-failed"),
    [EVENT_TASK_REJECTED] = STR_INIT("task-rejected"),
    [EVENT_TASK_REVOKED] = STR_INIT("task-revoked"),
    [EVENT_TASK_RETRIED] = STR_INIT("task-retried"),
    [EVENT_TASK_CANCELLED] = STR_INIT("task-cancelled"),
    [EVENT_WORKER_ONLINE] = STR_INIT("worker-online"),
    [EVENT_WORKER_HEARTBEAT] = STR_INIT("worker-heartbeat"),
    [EVENT_WORKER_OFFLINE] = STR_INIT("worker-offline"),
    [EVENT_OTHER] = STR_INIT("other"),
};

struct str
event_type_name(enum event_type type)
{
    return names[type];
}

static enum event_type
find_type(struct str name)
{
    enum event_type type = EVENT_TASK_SENT;
    while (type < EVENT_OTHER && !str_eq(names[type], name))
        type++;
    return type;
}

static bool
is_task(enum event_type type)
{
    return type <= EVENT_TASK_CANCELLED;
}

static bool
is_worker(enum event_type type)
{
    return type > EVENT_TASK_CANCELLED && type < EVENT_OTHER;
}

static struct str
text_of(struct event_decoder *d, enum event_field field)
{
    return json_text(event_fields_get(&d->fields, field), &d->scratch);
}

static bool
flag_of(const struct event_decoder *d, enum event_field field)
{
    return event_fields_get(&d->fields, field)->kind == JSON_KIND_TRUE;
}

static int64_t
int_of(const struct event_decoder *d, enum event_field field)
{
    return json_int(event_fields_get(&d->fields, field), -1);
}

static double
time_of(struct event_decoder *d, enum event_field field)
{
    const struct str text = text_of(d, field);
    return text.len == 0 ? (double)NAN : iso8601_parse(text);
}

/* Several texts of one event may have to be decoded, and none may move. */
static bool
reserve_texts(struct event_decoder *d)
{
    size_t raw = 0;
    for (enum event_field field = 0; field < FIELD_COUNT; field++) {
        const struct json_value *value = event_fields_get(&d->fields, field);
        if (value->kind == JSON_KIND_STRING && !value->plain)
            raw += field == FIELD_TRACEBACK && value->raw.len > MAX_TRACEBACK
                       ? MAX_TRACEBACK
                       : value->raw.len;
    }
    buf_clear(&d->scratch);
    return buf_reserve(&d->scratch, JSON_TEXT_GROWTH * raw);
}

/* At most max bytes of a raw text, no escape cut in two. */
static struct str
raw_head(struct str raw, size_t max)
{
    if (raw.len <= max)
        return raw;
    size_t at = 0;
    while (at + 6 <= max)
        at += raw.ptr[at] != '\\' ? 1 : raw.ptr[at + 1] != 'u' ? 2 : 6;
    return str_slice(raw, 0, at);
}

/* Of an escape or a character that is cut in two, what is left must not begin
 * another one. An odd number of backslashes before the cut means that it went
 * through an escape. */
static struct str
raw_tail(struct str raw, size_t max)
{
    if (raw.len <= max)
        return raw;
    size_t at = raw.len - max;
    size_t nbackslashes = 0;
    while (nbackslashes < at && raw.ptr[at - nbackslashes - 1] == '\\')
        nbackslashes++;
    at += nbackslashes % 2;
    while (at < raw.len && ((unsigned char)raw.ptr[at] & 0xc0) == 0x80)
        at++;
    return str_slice(raw, at, raw.len);
}

/* Only decodes as much of the two texts as is needed. */
static struct str
class_of(struct event_decoder *d)
{
    struct json_value exception =
        *event_fields_get(&d->fields, FIELD_EXCEPTION);
    struct json_value traceback =
        *event_fields_get(&d->fields, FIELD_TRACEBACK);
    if (!exception.plain)
        exception.raw = raw_head(exception.raw, MAX_REPR);
    const struct str repr = json_text(&exception, &d->scratch);
    const struct str class = exception_class(repr, (struct str){0});
    if (traceback.kind != JSON_KIND_STRING ||
        !str_eq(class, STR("UnknownException")))
        return class;
    traceback.raw = raw_tail(traceback.raw, MAX_TRACEBACK);
    return exception_class(repr, json_text(&traceback, &d->scratch));
}

static double
runtime_of(const struct event_decoder *d)
{
    const double runtime =
        json_double(event_fields_get(&d->fields, FIELD_RUNTIME));
    return runtime >= 0 && runtime <= MAX_RUNTIME ? runtime : (double)NAN;
}

static double
timestamp_of(const struct event_decoder *d)
{
    const double timestamp =
        json_double(event_fields_get(&d->fields, FIELD_TIMESTAMP));
    return timestamp >= 0 && timestamp <= MAX_TIMESTAMP ? timestamp
                                                        : (double)NAN;
}

static void
read_task(struct event_decoder *d, struct event *ev)
{
    ev->name = text_of(d, FIELD_NAME);
    ev->queue = text_of(d, FIELD_QUEUE);
    ev->eta = time_of(d, FIELD_ETA);
    ev->expires = time_of(d, FIELD_EXPIRES);
    ev->terminated = flag_of(d, FIELD_TERMINATED);
    ev->expired = flag_of(d, FIELD_EXPIRED);
    ev->requeue = flag_of(d, FIELD_REQUEUE);
    ev->retries = int_of(d, FIELD_RETRIES);
    if (ev->type == EVENT_TASK_SUCCEEDED)
        ev->runtime = runtime_of(d);
    if (ev->type == EVENT_TASK_FAILED || ev->type == EVENT_TASK_RETRIED)
        ev->exception = class_of(d);
}

/* A load average that no machine has would only spoil graphs. */
static double
load_of(const struct json_value *value)
{
    const double load = json_double(value);
    return load >= 0 && load <= MAX_LOAD ? load : (double)NAN;
}

static void
read_worker(struct event_decoder *d, struct event *ev)
{
    ev->active = int_of(d, FIELD_ACTIVE);
    ev->processed = int_of(d, FIELD_PROCESSED);
    ev->sw_ident = text_of(d, FIELD_SW_IDENT);
    ev->sw_ver = text_of(d, FIELD_SW_VER);
    ev->sw_sys = text_of(d, FIELD_SW_SYS);
    const struct json_value *loadavg =
        event_fields_get(&d->fields, FIELD_LOADAVG);
    if (loadavg->kind != JSON_KIND_ARRAY)
        return;
    struct json j;
    struct json_value value;
    json_init(&j, loadavg->raw);
    json_enter_array(&j);
    for (size_t i = 0; i < COUNT_OF(ev->loadavg) && json_next_element(&j); i++)
        if (json_read(&j, &value))
            ev->loadavg[i] = load_of(&value);
}

/* What is missing for the event to count. */
static enum reject
read_event(struct event_decoder *d, struct event *ev)
{
    if (d->fields.empty)
        return REJECT_SHAPE;
    if (d->fields.escaped && !reserve_texts(d))
        return REJECT_SIZE;
    const struct str type = text_of(d, FIELD_TYPE);
    if (type.ptr == NULL)
        return REJECT_TYPE;
    ev->type = find_type(type);
    ev->hostname = text_of(d, FIELD_HOSTNAME);
    ev->uuid = text_of(d, FIELD_UUID);
    if (ev->hostname.ptr == NULL) {
        /* Whoever sends custom events need not say who it is. */
        if (ev->type != EVENT_OTHER)
            return REJECT_HOSTNAME;
        ev->hostname = STR("");
    }
    if (ev->uuid.ptr == NULL && is_task(ev->type))
        return REJECT_UUID;
    ev->timestamp = timestamp_of(d);
    ev->pid = int_of(d, FIELD_PID);
    ev->clock = int_of(d, FIELD_CLOCK);
    if (is_task(ev->type))
        read_task(d, ev);
    else if (is_worker(ev->type))
        read_worker(d, ev);
    return REJECT_NONE;
}

static void
reject(const struct event_handler *handler, enum reject reason)
{
    handler->reject(handler->ctx, reason);
}

static void
deliver(struct event_decoder *d, const struct event_handler *handler)
{
    struct event ev = {
        .timestamp = NAN,
        .eta = NAN,
        .expires = NAN,
        .runtime = NAN,
        .retries = -1,
        .active = -1,
        .processed = -1,
        .loadavg = {NAN, NAN, NAN},
    };
    const enum reject reason = read_event(d, &ev);
    if (reason != REJECT_NONE) {
        reject(handler, reason);
        return;
    }
    if (isnan(ev.timestamp))
        reject(handler, REJECT_TIMESTAMP);
    if (ev.type == EVENT_TASK_SUCCEEDED && isnan(ev.runtime))
        reject(handler, REJECT_RUNTIME);
    handler->event(handler->ctx, &ev);
}

/* One event, or what stands in the place of one. */
static void
decode_element(struct event_decoder *d, struct json *j,
               const struct event_handler *handler)
{
    struct json_value other;
    if (json_peek(j) == JSON_KIND_OBJECT) {
        if (event_fields_read(&d->fields, j, &d->scratch))
            deliver(d, handler);
    } else if (json_read(j, &other)) {
        reject(handler, REJECT_SHAPE);
    }
}

static void
decode_json(struct event_decoder *d, struct str body,
            const struct event_handler *handler)
{
    struct json j;
    json_init(&j, body);
    if (json_peek(&j) == JSON_KIND_ARRAY) {
        json_enter_array(&j);
        while (json_next_element(&j))
            decode_element(d, &j, handler);
    } else {
        decode_element(d, &j, handler);
    }
    if (!json_finished(&j))
        reject(handler, REJECT_JSON);
}

void
event_decode(struct event_decoder *decoder, struct str body,
             enum serializer serializer, const struct event_handler *handler)
{
    switch (serializer) {
    case SERIALIZER_JSON:
        decode_json(decoder, body, handler);
        break;
    case SERIALIZER_MSGPACK:
        buf_clear(&decoder->json);
        if (event_msgpack_rewrite(&decoder->json, body))
            decode_json(decoder, buf_str(&decoder->json), handler);
        else
            reject(handler, REJECT_MSGPACK);
        break;
    }
}

struct event_decoder *
event_decoder_new(void)
{
    struct event_decoder *decoder = xcalloc(1, sizeof(*decoder));
    buf_init(&decoder->scratch, 0);
    buf_init(&decoder->json, 0);
    return decoder;
}

void
event_decoder_free(struct event_decoder *decoder)
{
    if (decoder == NULL)
        return;
    buf_close(&decoder->scratch);
    buf_close(&decoder->json);
    free(decoder);
}
