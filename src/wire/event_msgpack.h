#pragma once

/* Event bodies in msgpack. They are rare, so they are rewritten as JSON and
 * follow the same rules from there. */

#include "base/buf.h"

/* Appends the events of a msgpack body as JSON, with the members and values
 * that we use; false for anything that is no msgpack, is cut short or goes
 * on behind its end, when out cannot grow, and always when this build has no
 * msgpack. */
bool event_msgpack_rewrite(struct buf *out, struct str body) MUST_CHECK;
