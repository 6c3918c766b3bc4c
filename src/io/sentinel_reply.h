#pragma once

/* What Sentinels and servers answer to the questions for the master. */

#include "wire/resp.h"

enum sentinel_verdict {
    SENTINEL_FOUND,
    SENTINEL_UNKNOWN, /* no master of that name */
    SENTINEL_FEW,     /* the Sentinel sees too few others */
    SENTINEL_ERROR,   /* an error reply */
    SENTINEL_STRANGE, /* not what a Sentinel says */
};

/* A host name has at most 253 characters, an address fewer. */
enum { SENTINEL_HOST_MAX = 256 };

struct sentinel_master {
    char host[SENTINEL_HOST_MAX];
    uint16_t port;
};

/* Of SENTINEL GET-MASTER-ADDR-BY-NAME. */
enum sentinel_verdict sentinel_read_address(const struct resp_reply *reply,
                                            struct sentinel_master *out);
/* Of SENTINEL MASTER: whether it sees at least so many other Sentinels. */
enum sentinel_verdict sentinel_read_others(const struct resp_reply *reply,
                                           int64_t least);

/* Items of the answer to ROLE: three and four for each replica. */
enum { REDIS_ROLE_ITEMS = 3 + 4 * 64 };

enum redis_role {
    REDIS_ROLE_MASTER,
    REDIS_ROLE_OTHER,
    REDIS_ROLE_HIDDEN, /* the account may not ask, or the command is gone */
    REDIS_ROLE_ERROR,  /* any other error reply */
};

/* Of ROLE. */
enum redis_role redis_read_role(const struct resp_reply *reply);
