#pragma once

/* The second connection to a Redis broker, for commands: control broadcasts,
 * queue lengths and the replies of workers. It lives in the shadow of the
 * subscription: it connects while that is up, by its own backoff, and its
 * troubles cost only what it is for. */

#include "io/redis_session.h"

struct redis_control;

/* All arguments are borrowed for its life. */
struct redis_control *redis_control_new(uv_loop_t *loop,
                                        const struct broker_config *config,
                                        const struct redis_deadlines *deadlines,
                                        const struct broker_handler *handler);
/* The subscription is up on that server: be connected to the same. */
void redis_control_follow(struct redis_control *control, const struct url *url);
/* The subscription is down: no new attempts. */
void redis_control_rest(struct redis_control *control);
/* The same, and away from that server. */
void redis_control_leave(struct redis_control *control);
/* From now on: asks each server it is connected to whether it is the master,
 * and calls demoted when it is not. */
void redis_control_watch(struct redis_control *control,
                         void (*demoted)(void *ctx), void *ctx);
/* As the functions of broker.h without that word. */
bool redis_control_broadcast(struct redis_control *control, struct str command);
struct str redis_control_reply_key(const struct redis_control *control);
void redis_control_collect(struct redis_control *control, bool on);
bool redis_control_ask_queue(struct redis_control *control, struct str name);
bool redis_control_ask_unacked(struct redis_control *control);
bool redis_control_ask_bindings(struct redis_control *control);
/* Takes back what is on the broker, closes, calls done, is gone. */
void redis_control_free(struct redis_control *control, void (*done)(void *ctx),
                        void *ctx);
