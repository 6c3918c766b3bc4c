#pragma once

/* Date and time as Python's datetime.isoformat() writes them and Celery sends
 * them in eta and expires. */

#include "base/str.h"

/* Unix seconds of "2026-11-22T09:59:55.565023+00:00": the fraction and the
 * offset may be absent, the offset may be Z, +hh:mm, +hhmm, +hh or have
 * seconds; without one the time is UTC. NaN for anything else. */
double iso8601_parse(struct str text);
