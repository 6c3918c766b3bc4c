#include "base/log.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log_record.h"
#include "base/log_repeat.h"

/* The one module with state of its own below io: a log that had to be handed
 * to every function would not be written to. */
static struct {
    enum log_level level;
    enum log_format format;
    int fd;
    uint64_t ndropped;
    struct log_repeat repeat;
    struct hash_key key;
    bool keyed;
} logger = {.level = LOG_INFO, .format = LOG_LOGFMT, .fd = STDERR_FILENO};

void
log_setup(enum log_level level, enum log_format format)
{
    logger.level = level;
    logger.format = format;
    signal(SIGPIPE, SIG_IGN);
    tzset();
}

bool
log_enabled(enum log_level level)
{
    return level >= logger.level;
}

uint64_t
log_ndropped(void)
{
    return logger.ndropped;
}

void
log_redirect(int fd)
{
    logger.fd = fd;
}

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* stderr is shared with whoever started us, so it cannot be made
 * non-blocking; a pipe that polls as writable takes PIPE_BUF bytes at once. */
static void
put(struct str line)
{
    struct pollfd pfd = {.fd = logger.fd, .events = POLLOUT};
    if (poll(&pfd, 1, 0) != 1 || pfd.revents != POLLOUT ||
        write(logger.fd, line.ptr, line.len) < 0)
        logger.ndropped++;
}

static void
say(enum log_level level, const char *file, int line, const char *msg,
    va_list pairs, uint64_t nleft_out)
{
    struct buf out;
    buf_init(&out, LOG_LINE_MAX);
    log_record_begin(&out, logger.format, level, clock_ms(CLOCK_REALTIME), file,
                     line, str_from(msg));
    const char *key;
    while ((key = va_arg(pairs, const char *)) != NULL)
        log_record_pair(&out, logger.format, key,
                        str_from(va_arg(pairs, const char *)));
    if (nleft_out > 0) {
        char count[24];
        snprintf(count, sizeof(count), "%llu", (unsigned long long)nleft_out);
        log_record_pair(&out, logger.format, "suppressed", str_from(count));
    }
    log_record_end(&out, logger.format);
    if (buf_ok(&out))
        put(buf_str(&out));
    else
        logger.ndropped++;
    buf_close(&out);
}

void
log_line(enum log_level level, const char *file, int line, const char *msg, ...)
{
    if (!log_enabled(level))
        return;
    va_list pairs;
    va_start(pairs, msg);
    say(level, file, line, msg, pairs, 0);
    va_end(pairs);
}

/* Strangers choose `what`, so its hash is keyed as all others are. */
static struct hash128
place_id(const char *what, const char *file, int line)
{
    if (!logger.keyed) {
        logger.key = hash_key_random();
        logger.keyed = true;
    }
    const struct hash128 id = hash_bytes(logger.key, str_from(what));
    const struct hash128 place = hash_bytes(logger.key, str_from(file));
    return (struct hash128){
        .low = hash_mix(logger.key, id.low, place.low),
        .high = hash_mix(logger.key, id.high, (uint64_t)line),
    };
}

void
log_limited(enum log_level level, const char *what, const char *file, int line,
            const char *msg, ...)
{
    if (!log_enabled(level))
        return;
    uint64_t nleft_out = 0;
    if (!log_repeat_pass(&logger.repeat, place_id(what, file, line),
                         clock_ms(CLOCK_MONOTONIC), LOG_REPEAT_MS, &nleft_out))
        return;
    va_list pairs;
    va_start(pairs, msg);
    say(level, file, line, msg, pairs, nleft_out);
    va_end(pairs);
}
