#pragma once

/* Recognises events that were delivered twice. Celery sends a batch that
 * could not be published again, partly with events that had gone out; such a
 * repeat has the same sender (hostname, pid), clock, type and task id. The
 * last 1,024 events of a sender are remembered, for the senders that were
 * heard last. */

#include <stddef.h>

#include "model/arrival.h"

enum { SENDERS_REMEMBERED = 1024 };

struct senders;

/* max: senders kept, 8.3 KiB each once busy. */
struct senders *senders_new(size_t max);
void senders_free(struct senders *senders);
/* True for an exact repeat. Events without a clock never are one. A
 * worker-online whose clock has gone back begins a new process of the same
 * pid: what the last one sent is forgotten. */
bool senders_repeated(struct senders *senders, const struct arrival *arrival);
size_t senders_n(const struct senders *senders);
