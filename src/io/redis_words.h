#pragma once

/* What went wrong with a Redis server, as a reason and in words that help
 * whoever reads the log. Never a word of the credentials. */

#include "io/broker.h"
#include "io/stream.h"

enum broker_reason redis_reason_of_end(enum stream_end end, bool connected);
/* login: the connection ended before the login was answered. */
void redis_words_of_end(char *out, size_t cap, enum stream_end end, int error,
                        bool login);
const char *redis_words_of_auth(struct str error, const struct url *url);
/* Logs that a command was refused, once for each flag. A server that is busy
 * or loading says so of every command: that passes, and is no refusal. */
void redis_warn_refused(bool *warned, const char *what, struct str error);
/* A peer that does not speak RESP2, by its first bytes. */
const char *redis_words_of_stranger(struct str bytes);
