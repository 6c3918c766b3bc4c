#pragma once

/* The channels and keys that kombu uses on Redis, as its transport options
 * make them. Each appends to out. */

#include "base/buf.h"
#include "io/broker.h"

/* As the number of the database: kombu before 5.4 leaves "{db}" as it stands
 * when it is given the URLs of Sentinels. */
enum { REDIS_DB_LITERAL = -1 };

/* What to subscribe to for events: a pattern, or without fanout_patterns a
 * channel. */
void redis_event_channel(struct buf *out, const struct broker_config *config,
                         int db);
/* Whether channels have two forms, by number and literally: behind Sentinels
 * nobody can know which kombu the workers have. */
bool redis_two_forms(const struct broker_config *config);
/* Where control commands are published. */
void redis_control_channel(struct buf *out, const struct broker_config *config,
                           int db);
/* One priority's list of a queue; step 0 has the plain name. */
void redis_queue_key(struct buf *out, const struct broker_config *config,
                     struct str queue, int64_t step);
/* Between the name of a queue and its step, and in members of bindings. */
const char *redis_sep(const struct broker_config *config);
/* What workers hold and have not acknowledged: by tag, and by time. */
void redis_unacked_hash(struct buf *out, const struct broker_config *config);
void redis_unacked_index(struct buf *out, const struct broker_config *config);
/* Matches the sets of bindings, one for each exchange. */
void redis_binding_pattern(struct buf *out, const struct broker_config *config);
/* The exchange of commands: "celery.pidbox". */
void redis_control_exchange(struct buf *out,
                            const struct broker_config *config);
/* The set in which workers look up where replies go, our member of it, and
 * the list they go to; key is the routing key of the replies. */
void redis_reply_set(struct buf *out, const struct broker_config *config);
void redis_reply_member(struct buf *out, const struct broker_config *config,
                        struct str key);
void redis_reply_list(struct buf *out, const struct broker_config *config,
                      struct str key);
