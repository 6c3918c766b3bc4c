#pragma once

/* Asks Redis Sentinels where the master is: each in turn, beginning with any,
 * until one knows.
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/ */

#include "io/broker.h"

/* Exactly one of found and failed is called, from the loop, unless
 * sentinel_close was first. Closing from within them is fine. */
struct sentinel_handler {
    /* The host is good until the callback returns. `sentinel` is the index of
     * the URL that knew. */
    void (*found)(void *ctx, const char *host, uint16_t port, size_t sentinel);
    void (*failed)(void *ctx, enum broker_reason reason, const char *why);
    /* The last handle is closed, the query is gone: after found and failed,
     * too. */
    void (*closed)(void *ctx);
    void *ctx;
};

struct sentinel;

/* The configuration is borrowed; its URLs are those of Sentinels. */
struct sentinel *sentinel_ask(uv_loop_t *loop,
                              const struct broker_config *config, size_t first,
                              const struct sentinel_handler *handler);
/* Stops asking; fine with NULL, and after the answer. */
void sentinel_close(struct sentinel *sentinel);

/* The master as a URL: the host is a copy on the heap, account, database and
 * TLS are those of the configuration's first URL, borrowed. */
struct url sentinel_master_url(const struct broker_config *config,
                               const char *host, uint16_t port);

/* Whether a configuration is one of Sentinels. */
bool sentinel_wanted(const struct broker_config *config);
