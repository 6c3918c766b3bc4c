#pragma once

/* Publishes control commands to the workers; those that are given while the
 * connection is still being made wait for it. */

#include "io/redis_session.h"
#include "io/refusals.h"

enum { REDIS_MAX_WAITING = 8 };

struct redis_publish {
    const struct broker_config *config;
    struct refusals *refusals;
    bool warned; /* that it was refused */
    struct buf waiting[REDIS_MAX_WAITING];
    size_t nwaiting;
};

/* command is a pidbox body, JSON. False when it could not be sent. */
bool redis_publish(struct redis_publish *publish, struct redis_session *session,
                   int db, struct str command);
/* Keeps a copy until redis_publish_waiting, the same one only once; false when
 * too many wait. */
bool redis_publish_later(struct redis_publish *publish, struct str command);
void redis_publish_waiting(struct redis_publish *publish,
                           struct redis_session *session, int db);
void redis_publish_forget(struct redis_publish *publish);
