#pragma once

/* Log lines on stderr in the format of Prometheus's own programs: logfmt
 *   time=2026-11-22T09:56:31.494Z level=INFO source=main.c:77 msg="..." k=v
 * or the same keys as one JSON object. Used by io and app only. Values are
 * cleaned: what is not printable appears as \xNN (\n, \r and \t keep their
 * names), and long ones are cut, and so is a line at LOG_LINE_MAX.
 *
 * A line is one write(2), and logging never stops the program: what a full
 * pipe or a closed stderr does not take is counted and gone. */

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
};

enum log_format {
    LOG_LOGFMT,
    LOG_JSON,
};

/* Until this is called: INFO and worse, as logfmt. Ignores SIGPIPE. */
void log_setup(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

/* Pairs of key and value strings behind the message, ended by NULL:
 *   LOG(LOG_INFO, "Listening on", "address", addr, NULL); */
#define LOG(level, ...) log_line(level, __FILE_NAME__, __LINE__, __VA_ARGS__)
/* The same at most once in LOG_REPEAT_MS from one place and for one `what`
 * (a reason, a peer): a line that comes back says how many were left out. */
#define LOG_LIMITED(level, what, ...) \
    log_limited(level, what, __FILE_NAME__, __LINE__, __VA_ARGS__)

enum { LOG_REPEAT_MS = 10000 };

void log_line(enum log_level level, const char *file, int line, const char *msg,
              ...) __attribute__((sentinel));
void log_limited(enum log_level level, const char *what, const char *file,
                 int line, const char *msg, ...) __attribute__((sentinel));

/* Lines that stderr did not take. */
uint64_t log_ndropped(void);
/* Sends the lines elsewhere, and back with STDERR_FILENO: for tests. */
void log_redirect(int fd);
