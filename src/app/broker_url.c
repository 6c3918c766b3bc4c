#include "app/broker_url.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/option_values.h"

enum { MAX_FILE = 8192 };

static char *
fail(struct buf *err, const char *what, int errnum)
{
    buf_add_str(err, str_from(what));
    if (errnum != 0)
        buf_printf(err, ": %s", strerror(errnum));
    return NULL;
}

/* One read is enough for a regular file; nothing else is asked for. */
static char *
read_file(const char *path, struct buf *err)
{
    char text[MAX_FILE];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(err, "the file with the broker URL cannot be opened",
                    errno);
    const ssize_t n = read(fd, text, sizeof(text));
    const int errnum = errno;
    close(fd);
    if (n < 0)
        return fail(err, "the file with the broker URL cannot be read", errnum);
    char *out = NULL;
    const struct str trimmed =
        str_trim((struct str){.ptr = text, .len = (size_t)n});
    if (n == sizeof(text))
        fail(err, "the file with the broker URL is too long", 0);
    else if (trimmed.len == 0)
        fail(err, "the file with the broker URL is empty", 0);
    else if (str_find(trimmed, '\0') < trimmed.len)
        fail(err, "the file with the broker URL is not text", 0);
    else
        out = str_dup(trimmed);
    explicit_bzero(text, sizeof(text));
    return out;
}

char *
broker_url_text(const struct options *o, struct buf *err)
{
    if (o->broker_url_file != NULL)
        return read_file(o->broker_url_file, err);
    return str_dup(str_from(o->broker_url));
}

static bool
add_tls(const struct options *o, struct url_list *urls, struct buf *err)
{
    for (size_t i = 0; i < urls->n; i++) {
        if (o->tls.on && urls->urls[i].path != NULL) {
            fail(err,
                 "TLS (--broker-ssl-option) is for networks, and the broker's "
                 "URL is of a socket",
                 0);
            return false;
        }
        url_add_tls(&urls->urls[i], &o->tls);
    }
    return true;
}

bool
broker_url_list(const struct options *o, struct url_list *out, struct buf *err)
{
    char *text = broker_url_text(o, err);
    const bool ok = text != NULL && url_list_parse(out, str_from(text), err);
    text_free(text);
    if (!ok)
        return false;
    if (!add_tls(o, out, err)) {
        url_list_free(out);
        return false;
    }
    if (out->urls[0].scheme != URL_SENTINEL || o->master_name != NULL)
        return true;
    url_list_free(out);
    fail(err,
         "sentinel:// needs the name of the master: "
         "--broker-transport-option master_name=NAME "
         "(CE_BROKER_TRANSPORT_OPTION)",
         0);
    return false;
}
