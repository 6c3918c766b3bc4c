/* base64: accepted exactly when a plain decoder accepts it, with the same
 * bytes, and encoding them gives a text that means the same; so is the run at
 * the beginning of anything. */

#include <stdlib.h>
#include <string.h>

#include "wire/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bit by bit. */
static bool
decode_plainly(struct buf *out, struct str text)
{
    uint32_t bits = 0;
    int nbits = 0;
    size_t npad = 0;
    if (text.len % 4 != 0)
        return false;
    while (npad < 2 && npad < text.len && text.ptr[text.len - 1 - npad] == '=')
        npad++;
    for (size_t i = 0; i < text.len - npad; i++) {
        const char *at = memchr(alphabet, text.ptr[i], 64);
        if (at == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        nbits += 6;
        if (nbits >= 8) {
            nbits -= 8;
            buf_add_byte(out, (char)(unsigned char)(bits >> nbits));
        }
    }
    return true;
}

/* The run that the text begins with is decoded as it would be alone. */
static void
check_run(struct str text)
{
    size_t len = 0;
    while (len < text.len &&
           (text.ptr[len] == '=' || memchr(alphabet, text.ptr[len], 64)))
        len++;
    struct buf got;
    struct buf want;
    buf_init(&got, 0);
    buf_init(&want, 0);

    size_t used = SIZE_MAX;
    const bool ok = base64_decode_run(&got, text, &used);

    require(ok == decode_plainly(&want, str_slice(text, 0, len)));
    require(used == (ok ? len : 0));
    require(ok ? str_eq(buf_str(&got), buf_str(&want)) : got.len == 0);
    buf_close(&want);
    buf_close(&got);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct str text = {(const char *)bytes, len};
    struct buf got;
    struct buf want;
    struct buf again;
    buf_init(&got, 0);
    buf_init(&want, 0);
    buf_init(&again, 0);

    const bool ok = base64_decode(&got, text);

    require(ok == decode_plainly(&want, text));
    require(ok ? str_eq(buf_str(&got), buf_str(&want)) : got.len == 0);
    base64_encode(&again, buf_str(&got));
    require(!ok || again.len == text.len);
    buf_clear(&want);
    require(base64_decode(&want, buf_str(&again)));
    require(str_eq(buf_str(&got), buf_str(&want)));
    buf_close(&again);
    buf_close(&want);
    buf_close(&got);
    check_run(text);
    return 0;
}
