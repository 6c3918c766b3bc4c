/* utf8: what is repaired is valid and stays as it is, what was valid is not
 * touched, and jansson agrees on what is valid. */

#include <jansson.h>
#include <stdlib.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct str text = {(const char *)bytes, len};
    struct buf once;
    struct buf twice;
    buf_init(&once, 0);
    buf_init(&twice, 0);

    utf8_repair(&once, text);
    utf8_repair(&twice, buf_str(&once));

    require(utf8_valid(buf_str(&once)));
    require(str_eq(buf_str(&once), buf_str(&twice)));
    require(utf8_valid(text) == str_eq(text, buf_str(&once)));
    json_t *string = json_stringn(len == 0 ? "" : text.ptr, len);
    require((string != NULL) == utf8_valid(text));
    json_decref(string);
    for (size_t max = 0; max < 8; max++) {
        const struct str cut = utf8_cut(buf_str(&once), max);
        require(cut.len <= max && utf8_valid(cut));
        require(cut.len + 3 >= max || cut.len == once.len);
    }
    buf_close(&twice);
    buf_close(&once);
    return 0;
}
