#pragma once

/* The members of an event that we use, as they stand in its JSON object. */

#include "wire/json.h"

enum event_field {
    FIELD_TYPE,
    FIELD_HOSTNAME,
    FIELD_UUID,
    FIELD_NAME,
    FIELD_QUEUE,
    FIELD_EXCEPTION,
    FIELD_TRACEBACK,
    FIELD_TIMESTAMP,
    FIELD_ETA,
    FIELD_EXPIRES,
    FIELD_RUNTIME,
    FIELD_PID,
    FIELD_CLOCK,
    FIELD_TERMINATED,
    FIELD_EXPIRED,
    FIELD_REQUEUE,
    FIELD_RETRIES,
    FIELD_ACTIVE,
    FIELD_PROCESSED,
    FIELD_LOADAVG,
    FIELD_SW_IDENT,
    FIELD_SW_VER,
    FIELD_SW_SYS,
    FIELD_COUNT /* also: none of them */
};

/* Fields first, then the keys that workers send and we do not use. */
enum { EVENT_KEYS = FIELD_COUNT + 9 };

/* One for the life of a decoder, at first all zeros: from event to event it
 * remembers which key comes after which, as workers keep to one order. */
struct event_fields {
    bool empty;    /* {}: not an event at all */
    bool escaped;  /* some text is not plain */
    uint32_t seen; /* a bit for each of `values` that is set */
    struct json_value values[FIELD_COUNT];
    uint8_t after[EVENT_KEYS + 1]; /* the key that followed this one last */
};

enum event_field event_field_find(struct str key);
/* Reads one object, which json_peek announced. Of a repeated key the last
 * value counts. False when it breaks off. */
bool event_fields_read(struct event_fields *fields, struct json *j,
                       struct buf *scratch) MUST_CHECK;
/* A value of kind JSON_KIND_ERROR when it is absent. */
static inline const struct json_value *
event_fields_get(const struct event_fields *fields, enum event_field field)
{
    static const struct json_value absent = {.kind = JSON_KIND_ERROR};
    const bool seen = (fields->seen & UINT32_C(1) << field) != 0;
    return seen ? &fields->values[field] : &absent;
}
