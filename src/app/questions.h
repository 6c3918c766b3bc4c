#pragma once

/* A round of questions to workers: each is broadcast with a ticket of its own,
 * and replies with that ticket change queues and metrics as they come. What
 * takes all processes of a nodename is summed up at the end.
 *
 * A reply counts only in the round that asked for it. A late one is left out:
 * the next poll asks again, and what a worker held seconds ago is no longer
 * true. So is what cannot be read; its worker has not answered then. */

#include <uv.h>

#include "app/options.h"
#include "app/roster.h"
#include "io/broker.h"
#include "model/metrics.h"
#include "model/queues.h"

struct questions;

/* All are borrowed. */
struct questions *questions_new(uv_loop_t *loop, const struct options *options,
                                struct broker *broker, struct metrics *metrics,
                                struct queues *queues, struct roster *roster);
void questions_free(struct questions *questions);

/* Forgets the last round, and lets replies come. */
void questions_begin(struct questions *questions);
/* To every worker. */
void questions_ask_all(struct questions *questions, enum question question);
/* To the nodenames of the roster that are wanted for it; nothing when there
 * are none. */
void questions_ask_wanted(struct questions *questions, enum question question);
/* Everything was asked, and everybody has answered: of those who were asked
 * alone each nodename, else as many as there are live workers, and as others
 * have answered the last time. Not while there is nobody. */
bool questions_answered(const struct questions *questions);
/* Sums up. */
void questions_end(struct questions *questions);
/* Drops the round unsummed: the broker is gone. */
void questions_drop(struct questions *questions);

/* Of this round, until the next begins: whether every command went out, and
 * how many replies to the question were good. */
bool questions_sent(const struct questions *questions);
size_t questions_nreplies(const struct questions *questions,
                          enum question question);

void questions_reply(struct questions *questions,
                     const struct message *message);
