#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "wire/url.h"
#include "wire/url_text.h"

static char *
copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

void
url_copy(struct url *to, const struct url *from)
{
    *to = *from;
    to->host = copy_text(from->host);
    to->path = copy_text(from->path);
    to->user = copy_text(from->user);
    to->password = copy_text(from->password);
    to->vhost = copy_text(from->vhost);
    to->tls = (struct tls_options){0};
    tls_options_inherit(&to->tls, &from->tls);
}

void
url_close(struct url *url)
{
    free(url->host);
    free(url->path);
    free(url->vhost);
    url_wipe(url->user);
    url_wipe(url->password);
    tls_options_close(&url->tls);
    *url = (struct url){0};
}

static bool
text_eq(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
url_eq(const struct url *a, const struct url *b)
{
    return a->scheme == b->scheme && a->port == b->port && a->db == b->db &&
           a->external == b->external && a->heartbeat_s == b->heartbeat_s &&
           a->connect_timeout_s == b->connect_timeout_s &&
           text_eq(a->host, b->host) && text_eq(a->path, b->path) &&
           text_eq(a->user, b->user) && text_eq(a->password, b->password) &&
           text_eq(a->vhost, b->vhost) && tls_options_eq(&a->tls, &b->tls);
}

void
url_list_copy(struct url_list *to, const struct url_list *from)
{
    *to = (struct url_list){.urls = xcalloc(from->n, sizeof(to->urls[0])),
                            .n = from->n};
    for (size_t i = 0; i < from->n; i++)
        url_copy(&to->urls[i], &from->urls[i]);
}

bool
url_list_eq(const struct url_list *a, const struct url_list *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = url_eq(&a->urls[i], &b->urls[i]);
    return same;
}

void
url_list_free(struct url_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        url_close(&list->urls[i]);
    free(list->urls);
    *list = (struct url_list){0};
}
