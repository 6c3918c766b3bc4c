#pragma once

/* The least that reading events takes: no validation, no escapes, no odd
 * numbers, keys only where Celery and kombu have them. Nothing here is fit for
 * more than a measure of what is. */

#include "base/str.h"

struct floor_event {
    struct str type;
    struct str uuid;
    struct str name;
    struct str hostname;
    struct str exception;
    double timestamp;
    double runtime; /* negative: none */
};

enum { FLOOR_PADDING = 64 }; /* readable bytes behind what is scanned */

typedef void (*floor_event_fn)(void *ctx, const struct floor_event *ev);

/* Decodes base64 up to a quote; room for three quarters of it and padding. */
size_t floor_base64(char *out, const char *text, size_t len);
/* One event or a list. */
void floor_scan(const char *body, floor_event_fn fn, void *ctx);
