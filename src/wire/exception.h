#pragma once

/* The class name in the `exception` and `traceback` texts of task-failed and
 * task-retried events. */

#include "base/str.h"

/* Longer names are cut at a character. */
enum { EXCEPTION_MAX_BYTES = 128 };

/* exception is repr() of what was raised, traceback may be empty; both are
 * valid UTF-8. The result points into one of the two or is
 * "UnknownException". traceback is only looked at when exception does not
 * name the class, so that it can be left out at first. */
struct str exception_class(struct str exception, struct str traceback);
