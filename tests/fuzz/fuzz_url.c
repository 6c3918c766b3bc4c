/* Any text: a list whose URLs are complete, or a printable message. What is
 * printed of an accepted URL is accepted again, and the same. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "wire/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_url(const struct url *url)
{
    assert((url->scheme != URL_REDIS_UNIX) == (url->host != NULL));
    assert((url->scheme == URL_REDIS_UNIX) == (url->path != NULL));
    assert(url->db >= 0 && url->port > 0);
    assert((url->scheme == URL_AMQP) == (url->vhost != NULL));
    struct buf text, again, err;
    buf_init(&text, 0);
    buf_init(&again, 0);
    buf_init(&err, 0);
    url_redacted(url, &text);
    struct url_list list;
    const bool ok = url_list_parse(&list, buf_str(&text), &err);
    assert(ok && list.n == 1);
    assert(list.urls[0].scheme == url->scheme && list.urls[0].db == url->db);
    assert(url->scheme == URL_REDIS_UNIX || list.urls[0].port == url->port);
    url_redacted(&list.urls[0], &again);
    assert(str_eq(buf_str(&text), buf_str(&again)));
    url_list_free(&list);
    buf_close(&err);
    buf_close(&again);
    buf_close(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct buf err;
    buf_init(&err, 0);
    struct url_list list;
    if (url_list_parse(&list, (struct str){(const char *)bytes, len}, &err)) {
        assert(list.n > 0 && err.len == 0);
        for (size_t i = 0; i < list.n; i++)
            check_url(&list.urls[i]);
        url_list_free(&list);
    } else {
        assert(list.n == 0 && err.len > 0);
        for (size_t i = 0; i < err.len; i++)
            assert(err.ptr[i] >= ' ' && err.ptr[i] < 127);
    }
    buf_close(&err);
    return 0;
}
