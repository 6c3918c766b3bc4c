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

static enum event_field
find_escaped(const struct json_value *key, struct buf *scratch)
{
    buf_clear(scratch);
    return event_field_find(json_text(key, scratch));
}

bool
event_fields_read(struct event_fields *fields, struct json *j,
                  struct buf *scratch)
{
    struct json_value key;
    struct json_value ignored;
    fields->empty = true;
    fields->escaped = false;
    fields->seen = 0;
    json_enter_object(j);
    while (json_next_key(j, &key)) {
        const enum event_field field = LIKELY(key.plain)
                                           ? event_field_find(key.raw)
                                           : find_escaped(&key, scratch);
        fields->empty = false;
        if (field == FIELD_COUNT) {
            json_read(j, &ignored);
        } else {
            struct json_value *value = &fields->values[field];
            json_read(j, value);
            fields->seen |= UINT32_C(1) << field;
            fields->escaped |= value->kind == JSON_KIND_STRING && !value->plain;
        }
    }
    return !j->failed;
}
