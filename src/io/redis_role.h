#pragma once

/* Behind Sentinels: whether the server still is the master. It may be demoted
 * while its connections stand, and events then go elsewhere. An account that
 * may not ask costs this watch and nothing else. */

#include "io/redis_session.h"

struct redis_role_watch {
    uv_timer_t timer;
    struct redis_session *session; /* NULL while there is none */
    bool warned;
    void (*demoted)(void *ctx);
    void (*closed)(void *ctx);
    void *ctx;
};

/* demoted may be called again for each session. */
void redis_role_init(struct redis_role_watch *watch, uv_loop_t *loop,
                     void (*demoted)(void *ctx), void *ctx);
/* A session of the same server is ready, or (NULL) is lost. */
void redis_role_attach(struct redis_role_watch *watch,
                       struct redis_session *session);
/* Calls closed when its memory may go. */
void redis_role_close(struct redis_role_watch *watch,
                      void (*closed)(void *ctx));
