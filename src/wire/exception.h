#pragma once

/* The class name in the `exception` and `traceback` texts of task-failed and
 * task-retried events. */

#include "base/str.h"

/* exception is repr() of what was raised, traceback may be empty; the result
 * points into one of the two or is "UnknownException". */
struct str exception_class(struct str exception, struct str traceback);
