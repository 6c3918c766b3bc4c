#pragma once

/* Envelopes that are known: what kombu writes behind a body is the same in
 * nearly all messages of one sender, but for the delivery tag at its end. Once
 * such a tail was read it is recognised by its bytes, and not read again. */

#include "base/buf.h"
#include "wire/message.h"

struct envelopes;

struct envelopes *envelopes_new(void);
void envelopes_free(struct envelopes *envelopes);
/* As kombu_decode, with the same result for every payload. */
enum reject envelopes_decode(struct envelopes *envelopes, struct str payload,
                             struct buf *scratch,
                             struct message *out) MUST_CHECK;
