#pragma once

/* What the rules of events (task_rules.c) and of replies (task_replies.c)
 * share. */

#include "model/backlog.h"
#include "model/grace.h"
#include "model/names.h"
#include "model/task_rules.h"
#include "model/tasks.h"

enum revocation {
    REVOKED_EXPIRED,
    REVOKED_TERMINATED,
    REVOKED_PLAIN,
    REVOCATION_COUNT
};

struct task_rules {
    struct registry *registry;
    struct hostnames *hostnames;
    struct workers *workers;
    struct tasks *tasks;
    struct grace *grace;
    struct names *names;
    struct backlog *backlog;
    /* Label values; VALUES_OTHER when hostnames are not made generic. */
    uint32_t generic_sent;
    uint32_t generic_worker;
    uint32_t revocations[REVOCATION_COUNT];
};
