#pragma once

/* Which server of the failover list is tried when: the policy that io/broker.h
 * promises, for every transport, and what the log says about it. */

#include "io/backoff.h"
#include "io/broker.h"

struct reconnect {
    uv_loop_t *loop;
    struct broker_config *config;
    struct url_list urls; /* what config->urls points to */
    size_t url_index;
    struct buf redacted; /* the URL in use, for the log, NUL-terminated */
    struct backoff backoff;
    size_t nrefused; /* URLs in a row that refused the credentials */
    bool up;
    uint64_t up_since;
    uv_timer_t timer;
    void (*attempt)(void *ctx); /* connect to reconnect_url */
    void (*closed)(void *ctx);
    void *ctx;
};

/* The first attempt comes on the loop's next turn. The configuration is the
 * broker's own, and borrowed for its life: its URLs are replaced, by a copy
 * and before each attempt by what load_urls gives. */
void reconnect_init(struct reconnect *reconnect, uv_loop_t *loop,
                    struct broker_config *config, void (*attempt)(void *ctx),
                    void *ctx);
const struct url *reconnect_url(const struct reconnect *reconnect);
/* The log may name this server instead of the URL: what Sentinels say. */
void reconnect_name(struct reconnect *reconnect, const struct url *url);
/* That attempt has become a subscription. */
void reconnect_up(struct reconnect *reconnect);
/* The attempt has failed, or the subscription has ended; why is for people.
 * Says which of both: true after an up. */
bool reconnect_later(struct reconnect *reconnect, enum broker_reason reason,
                     const char *why);
/* No more attempts; calls closed when nothing is pending any more. */
void reconnect_close(struct reconnect *reconnect, void (*closed)(void *ctx));
/* After that, when nobody needs the URLs of the configuration any more. */
void reconnect_free(struct reconnect *reconnect);
