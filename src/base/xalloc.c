#include "base/xalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn static void
out_of_memory(void)
{
    static const char line[] = "celery-exporter: out of memory\n";
    (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
    _exit(1);
}

void *
xmalloc(size_t size)
{
    void *ptr = malloc(size == 0 ? 1 : size);
    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void *
xcalloc(size_t n, size_t size)
{
    void *ptr = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);
    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void *
xrealloc(void *ptr, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        out_of_memory();
    void *grown = realloc(ptr, bytes == 0 ? 1 : bytes);
    if (grown == NULL)
        out_of_memory();
    return grown;
}

char *
xstrdup(const char *cstr)
{
    const size_t size = strlen(cstr) + 1;
    return memcpy(xmalloc(size), cstr, size);
}
