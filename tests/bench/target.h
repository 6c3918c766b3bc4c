#pragma once

/* A connection of a publisher or consumer to a broker on this machine, as a
 * plain socket: for programs that want to know what the bytes alone cost. */

#include <stdbool.h>
#include <stdint.h>

struct target;

/* "redis:PORT" or "amqp:PORT". Says on stderr what went wrong; NULL then. */
struct target *target_open(const char *name);
void target_close(struct target *target);
bool target_is_redis(const struct target *target);
/* All events come from here on; nothing was read behind the answer. */
bool target_subscribe(struct target *target);
int target_fd(const struct target *target);
/* Until the broker has routed what was published; false when it is gone. For
 * RabbitMQ; Redis answers each command. */
bool target_settle(struct target *target);
