#include "wire/event_fields.h"

#include <string.h>

/* With a constant length the compiler makes a load and a compare of this. */
#define IS(name) (memcmp(key.ptr, name, sizeof(name) - 1) == 0)

enum event_field
event_field_find(struct str key)
{
    switch (key.len) {
    case 3:
        return IS("pid") ? FIELD_PID : IS("eta") ? FIELD_ETA : FIELD_COUNT;
    case 4:
        return IS("uuid")   ? FIELD_UUID
               : IS("type") ? FIELD_TYPE
               : IS("name") ? FIELD_NAME
                            : FIELD_COUNT;
    case 5:
        return IS("clock")   ? FIELD_CLOCK
               : IS("queue") ? FIELD_QUEUE
                             : FIELD_COUNT;
    case 6:
        return IS("active")   ? FIELD_ACTIVE
               : IS("sw_ver") ? FIELD_SW_VER
               : IS("sw_sys") ? FIELD_SW_SYS
                              : FIELD_COUNT;
    case 7:
        return IS("runtime")   ? FIELD_RUNTIME
               : IS("expires") ? FIELD_EXPIRES
               : IS("loadavg") ? FIELD_LOADAVG
               : IS("expired") ? FIELD_EXPIRED
               : IS("requeue") ? FIELD_REQUEUE
               : IS("retries") ? FIELD_RETRIES
                               : FIELD_COUNT;
    case 8:
        return IS("hostname")   ? FIELD_HOSTNAME
               : IS("sw_ident") ? FIELD_SW_IDENT
                                : FIELD_COUNT;
    case 9:
        return IS("timestamp")   ? FIELD_TIMESTAMP
               : IS("exception") ? FIELD_EXCEPTION
               : IS("traceback") ? FIELD_TRACEBACK
               : IS("processed") ? FIELD_PROCESSED
                                 : FIELD_COUNT;
    case 10:
        return IS("terminated") ? FIELD_TERMINATED : FIELD_COUNT;
    default:
        return FIELD_COUNT;
    }
}

/* By number: fields, then what workers send and we do not use. Only looked up
 * when one of these is the guess, so that a longer key may well be missing. */
static const struct json_key keys[EVENT_KEYS] = {
    [FIELD_TYPE] = JSON_KEY("type"),
    [FIELD_HOSTNAME] = JSON_KEY("hostname"),
    [FIELD_UUID] = JSON_KEY("uuid"),
    [FIELD_NAME] = JSON_KEY("name"),
    [FIELD_QUEUE] = JSON_KEY("queue"),
    [FIELD_EXCEPTION] = JSON_KEY("exception"),
    [FIELD_TRACEBACK] = JSON_KEY("traceback"),
    [FIELD_TIMESTAMP] = JSON_KEY("timestamp"),
    [FIELD_ETA] = JSON_KEY("eta"),
    [FIELD_EXPIRES] = JSON_KEY("expires"),
    [FIELD_RUNTIME] = JSON_KEY("runtime"),
    [FIELD_PID] = JSON_KEY("pid"),
    [FIELD_CLOCK] = JSON_KEY("clock"),
    [FIELD_TERMINATED] = JSON_KEY("terminated"),
    [FIELD_EXPIRED] = JSON_KEY("expired"),
    [FIELD_REQUEUE] = JSON_KEY("requeue"),
    [FIELD_RETRIES] = JSON_KEY("retries"),
    [FIELD_ACTIVE] = JSON_KEY("active"),
    [FIELD_PROCESSED] = JSON_KEY("processed"),
    [FIELD_LOADAVG] = JSON_KEY("loadavg"),
    [FIELD_SW_IDENT] = JSON_KEY("sw_ident"),
    [FIELD_SW_VER] = JSON_KEY("sw_ver"),
    [FIELD_SW_SYS] = JSON_KEY("sw_sys"),
    [FIELD_COUNT] = JSON_KEY("utcoffset"),
    JSON_KEY("result"),
    JSON_KEY("args"),
    JSON_KEY("kwargs"),
    JSON_KEY("root_id"),
    JSON_KEY("parent_id"),
    JSON_KEY("freq"),
    JSON_KEY("signum"),
    JSON_KEY("exchange"),
};

static size_t
find_key(struct str key)
{
    size_t number = event_field_find(key);
    if (number < FIELD_COUNT)
        return number;
    while (number < EVENT_KEYS && !json_key_is(&keys[number], key))
        number++;
    return number;
}

static size_t
find_escaped(const struct json_value *key, struct buf *scratch)
{
    buf_clear(scratch);
    return find_key(json_text(key, scratch));
}

/* The number of the next member's key, EVENT_KEYS for a strange one; false
 * when there is no further member. First what came behind `last` in the event
 * before is looked for, which nearly always comes again. */
static inline bool
next_key(struct event_fields *fields, struct json *j, size_t last,
         struct buf *scratch, size_t *number)
{
    struct json_value key;
    *number = fields->after[last];
    if (LIKELY(json_take_key(j, &keys[*number])))
        return true;
    if (!json_next_key(j, &key))
        return false;
    *number =
        LIKELY(key.plain) ? find_key(key.raw) : find_escaped(&key, scratch);
    if (*number < EVENT_KEYS)
        fields->after[last] = (uint8_t)*number;
    return true;
}

bool
event_fields_read(struct event_fields *fields, struct json *j,
                  struct buf *scratch)
{
    struct json_value ignored;
    size_t number = EVENT_KEYS;
    fields->empty = true;
    fields->escaped = false;
    fields->seen = 0;
    json_enter_object(j);
    while (next_key(fields, j, number, scratch, &number)) {
        fields->empty = false;
        if (number >= FIELD_COUNT) {
            json_read(j, &ignored);
        } else {
            struct json_value *value = &fields->values[number];
            json_read(j, value);
            fields->seen |= UINT32_C(1) << number;
            fields->escaped |= value->kind == JSON_KIND_STRING && !value->plain;
        }
    }
    return !j->failed;
}
