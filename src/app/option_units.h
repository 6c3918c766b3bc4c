#pragma once

/* Numbers with units, and addresses, as people write them. */

#include "app/option_table.h"

/* 90, 500ms, 2s, 1h30m, 0.5: milliseconds, or false. */
bool option_parse_duration(struct str text, int64_t *ms) MUST_CHECK;
/* 4096, 64KiB, 1MB: bytes, or false. KiB is 1024 bytes, KB is 1000. */
bool option_parse_size(struct str text, int64_t *bytes) MUST_CHECK;
/* host:port, [::1]:port or :port. */
bool option_parse_address(struct str text,
                          struct listen_address *out) MUST_CHECK;
/* A number of the row's type as people write it: 64KiB, 15m. */
void option_show_number(const struct option_row *row, int64_t value,
                        struct buf *out);
