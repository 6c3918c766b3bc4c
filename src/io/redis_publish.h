#pragma once

/* Publishes control commands to the workers. */

#include "io/redis_session.h"

struct redis_publish {
    const struct broker_config *config;
    bool warned; /* that it was refused */
};

/* command is a pidbox body, JSON. False when it could not be sent. */
bool redis_publish(struct redis_publish *publish, struct redis_session *session,
                   int db, struct str command);
