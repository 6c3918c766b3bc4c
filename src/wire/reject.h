#pragma once

/* Why a message, an event or one field of it was refused. The names are the
 * values of celery_exporter_events_rejected_total{reason}, a fixed set. */

#include "base/str.h"

enum reject {
    REJECT_NONE = 0,
    REJECT_SIZE,         /* longer than --event-max-bytes */
    REJECT_ENVELOPE,     /* Redis payload that is no kombu envelope */
    REJECT_ENCODING,     /* body encoding or charset unknown, bad base64 */
    REJECT_COMPRESSION,  /* compressed body */
    REJECT_CONTENT_TYPE, /* pickle, yaml, anything but json and msgpack */
    REJECT_JSON,         /* body that is no JSON, or is cut short */
    REJECT_MSGPACK,      /* body that is no msgpack */
    REJECT_SHAPE,        /* neither an event nor a list of events */
    REJECT_TYPE,         /* event without a type */
    REJECT_HOSTNAME,     /* event without a sender */
    REJECT_UUID,         /* task event without a task id */
    /* The event counts, only this field is left out: */
    REJECT_RUNTIME,
    REJECT_TIMESTAMP,
    REJECT_COUNT
};

/* For 0 < reason < REJECT_COUNT. */
struct str reject_name(enum reject reason);
