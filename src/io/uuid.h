#pragma once

/* Random UUIDs (RFC 4122 version 4) as text, for message ids and names that
 * must be nobody else's. */

enum { UUID_LEN = 36 };

/* NUL-terminated. */
void uuid_random(char out[UUID_LEN + 1]);
