#pragma once

/* One log line as text, and the memory of what was said lately. Pure: the
 * time is an argument. log.c is the part that writes. */

#include "base/log.h"

enum {
    /* Up to PIPE_BUF a pipe takes a line whole or not at all. */
    LOG_LINE_MAX = 4096,
    LOG_VALUE_MAX = 512,
};

/* Begins a line, "time" to "msg". epoch_ms is shown in the local zone. */
void log_record_begin(struct buf *out, enum log_format format,
                      enum log_level level, int64_t epoch_ms, const char *file,
                      int line, struct str msg);
/* Left out, whole, when the line would grow past LOG_LINE_MAX. A key that
 * begin uses itself gets the prefix "logged_". */
void log_record_pair(struct buf *out, enum log_format format, const char *key,
                     struct str value);
void log_record_end(struct buf *out, enum log_format format);
