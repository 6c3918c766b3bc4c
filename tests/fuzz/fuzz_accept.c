#include <stdlib.h>
#include <string.h>

#include "model/negotiate.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

/* The input serves as either header. Whatever they say, the
 * answer is one that we can give, and asking again gives the same. */
int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    const struct str header = {(const char *)bytes, len};
    enum escaping escaping, again;
    const enum format format = negotiate_format(header, &escaping);
    if (format != negotiate_format(header, &again) || escaping != again)
        abort();
    if (strstr(negotiate_content_type(format, escaping), "escaping=") == NULL)
        abort();
    if (negotiate_gzip(header) && len < strlen("*"))
        abort();
    return 0;
}
