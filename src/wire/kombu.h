#pragma once

/* kombu's envelope: the JSON object around every message on Redis, with keys
 * body, content-type, content-encoding, headers, properties. */

#include "base/buf.h"
#include "wire/message.h"

/* Decodes a Redis payload. out->body points into payload or scratch, which is
 * cleared first; both must outlive its use. wire_bytes is left to the caller.
 * The body may be base64 or, with properties.body_encoding null, absent or
 * utf-8, plain text. */
enum reject kombu_decode(struct str payload, struct buf *scratch,
                         struct message *out) MUST_CHECK;
/* What the content type, encoding and compression header of a message (NULL
 * ptr = absent) mean for us; every transport asks this. Parameters behind a
 * semicolon are not looked at. A raw message, without a content type, counts
 * as JSON when its encoding is absent or says text; what is not JSON then
 * fails as such. */
enum reject kombu_content(struct str content_type, struct str content_encoding,
                          struct str compression, enum serializer *out);

/* Adds an envelope around a JSON body, as a control command or any other
 * message is published on Redis: plain JSON, body in base64. Fails `out` when
 * one of the names is not UTF-8. */
void kombu_encode(struct buf *out, struct str body, struct str exchange,
                  struct str routing_key, struct str delivery_tag);
