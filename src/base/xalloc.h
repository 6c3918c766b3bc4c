#pragma once

/* Allocators for small memory of our own: they never return NULL. When the
 * system has none left they print one line and exit with status 1, since
 * nothing could be saved. Sizes that come from outside go through buf_* or
 * malloc and are checked instead. */

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
/* Grows or shrinks an array of n elements; overflow counts as exhaustion. */
void *xrealloc(void *ptr, size_t n, size_t size);
char *xstrdup(const char *cstr);
