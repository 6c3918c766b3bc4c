#pragma once

/* A broker message as a transport hands it up, envelope removed. */

#include "base/str.h"
#include "wire/event.h"

struct message {
    struct str body;            /* valid until the callback returns */
    enum serializer serializer; /* from the content type */
    struct str ticket;          /* control replies; empty otherwise */
    size_t wire_bytes;          /* what it took on the connection */
};
