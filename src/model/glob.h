#pragma once

/* A shell pattern, taken apart once: what fnmatch says without flags, byte by
 * byte, but in time that no name can make long. */

#include "base/str.h"

struct glob;

struct glob *glob_new(const char *pattern);
void glob_free(struct glob *glob);
bool glob_matches(const struct glob *glob, struct str text);
