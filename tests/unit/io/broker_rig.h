#pragma once

/* A broker under test against a fake server, on one loop, with all that it
 * reports. */

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "fake_redis.h"
#include "io/broker_redis.h"
#include "wire/kombu.h"

static const struct redis_deadlines short_deadlines = {
    .connect_ms = 1000,
    .login_ms = 100,
    .tick_ms = 10,
    .ping_ticks = 3,
    .dead_ticks = 8,
    .frame_ticks = 5,
    .poll_ms = 5,
    .probe_ms = 1000,
    .cleanup_ms = 60,
};

/* No watch over silence: for tests that are about something else, on a
 * machine of any speed. */
static const struct redis_deadlines long_deadlines = {
    .connect_ms = 10000,
    .login_ms = 10000,
    .tick_ms = 1000,
    .ping_ticks = 100,
    .dead_ticks = 100,
    .frame_ticks = 100,
    .poll_ms = 5,
    .probe_ms = 10000,
    .cleanup_ms = 60,
};

struct rig {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool late;
    struct fake fake;
    struct url_list urls;
    struct broker_config config;
    struct broker *broker;
    bool gone;
    unsigned nup, ndown, nfailed;
    enum broker_reason down, failed;
    int64_t unheard_ms;
    size_t nmessages;
    struct buf bodies; /* of messages, one a line */
    unsigned nrejects;
    enum reject reject;
    struct buf replies; /* "ticket body\n" */
    struct buf queues;  /* "name=length\n" */
    struct buf steps;   /* "name step=length step=length\n" */
    struct buf unacked; /* "n oldest\n" */
    struct buf bound;   /* "queue\n", at the end "." or "refused." */
    size_t nbound;
    struct buf refusals; /* "refused " and "allowed " */
    const char *broadcast_when_up;
    bool broadcast_ok;
    int stderr_fd; /* the real one; log lines go to a file in memory */
    int log_fd;
};

static void
on_up(void *ctx)
{
    struct rig *rig = ctx;
    rig->nup++;
    if (rig->broadcast_when_up != NULL)
        rig->broadcast_ok =
            broker_broadcast(rig->broker, str_from(rig->broadcast_when_up));
}

static void
on_down(void *ctx, enum broker_reason reason, int64_t unheard_ms)
{
    struct rig *rig = ctx;
    rig->ndown++;
    rig->down = reason;
    rig->unheard_ms = unheard_ms;
}

static void
on_failed(void *ctx, enum broker_reason reason)
{
    struct rig *rig = ctx;
    rig->nfailed++;
    rig->failed = reason;
}

static void
on_message(void *ctx, const struct message *message)
{
    struct rig *rig = ctx;
    rig->nmessages++;
    if (rig->nmessages <= 100)
        buf_printf(&rig->bodies, "%.*s\n", STR_FMT(message->body));
    ck_assert_uint_gt(message->wire_bytes, message->body.len);
}

static void
on_reject(void *ctx, enum reject reason, size_t wire_bytes)
{
    struct rig *rig = ctx;
    rig->nrejects++;
    rig->reject = reason;
    ck_assert_uint_gt(wire_bytes, 0);
}

static void
on_reply(void *ctx, const struct message *message)
{
    struct rig *rig = ctx;
    buf_printf(&rig->replies, "%.*s %.*s\n", STR_FMT(message->ticket),
               STR_FMT(message->body));
}

static void
on_queue(void *ctx, struct str name, const struct queue_state *state)
{
    struct rig *rig = ctx;
    ck_assert_int_eq(state->consumers, -1); /* Redis does not count them */
    buf_printf(&rig->queues, "%.*s=%lld\n", STR_FMT(name),
               (long long)state->length);
    buf_printf(&rig->steps, "%.*s", STR_FMT(name));
    for (size_t i = 0; i < state->nsteps; i++)
        buf_printf(&rig->steps, " %lld=%lld", (long long)state->steps[i],
                   (long long)state->step_lengths[i]);
    buf_add_byte(&rig->steps, '\n');
}

static void
on_unacked(void *ctx, int64_t n, double oldest_s)
{
    struct rig *rig = ctx;
    buf_printf(&rig->unacked, "%lld %.3f\n", (long long)n, oldest_s);
}

static void
on_binding(void *ctx, struct str queue, bool ok)
{
    struct rig *rig = ctx;
    rig->nbound += queue.ptr != NULL;
    if (queue.ptr == NULL)
        buf_add_str(&rig->bound, ok ? STR(".") : STR("refused."));
    else if (rig->nbound < 100)
        buf_printf(&rig->bound, "%.*s\n", STR_FMT(queue));
}

static void
on_refused(void *ctx, bool refused)
{
    struct rig *rig = ctx;
    buf_add_str(&rig->refusals, refused ? STR("refused ") : STR("allowed "));
}

static void
on_gone(void *ctx)
{
    ((struct rig *)ctx)->gone = true;
}

static void
on_late(uv_timer_t *timer)
{
    ((struct rig *)timer->data)->late = true;
}

static void
capture_log(struct rig *rig)
{
    rig->stderr_fd = dup(STDERR_FILENO);
    rig->log_fd = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(rig->log_fd, 0);
    dup2(rig->log_fd, STDERR_FILENO);
}

/* All that was logged, NUL-terminated. */
static struct buf
logged(const struct rig *rig)
{
    struct buf b;
    buf_init(&b, 0);
    const off_t len = lseek(rig->log_fd, 0, SEEK_END);
    buf_reserve(&b, (size_t)len + 1);
    ck_assert_int_eq(pread(rig->log_fd, b.ptr, (size_t)len, 0), len);
    b.len = (size_t)len;
    buf_add_byte(&b, '\0');
    return b;
}

static void
rig_open(struct rig *rig)
{
    *rig = (struct rig){.config = {
                            .event_exchange = "celeryev",
                            .control_exchange = "celery",
                            .global_keyprefix = "",
                            .fanout_prefix = "/{db}.",
                            .fanout_patterns = true,
                            .event_max_bytes = 4096,
                            .burst_buffer = 1 << 20,
                        }};
    log_setup(LOG_DEBUG, LOG_LOGFMT);
    capture_log(rig);
    ck_assert_int_eq(uv_loop_init(&rig->loop), 0);
    uv_timer_init(&rig->loop, &rig->deadline);
    rig->deadline.data = rig;
    fake_open(&rig->fake, &rig->loop);
}

/* %u in text is the port of the fake server, each time. */
static void
rig_connect_with(struct rig *rig, const char *text,
                 const struct redis_deadlines *deadlines)
{
    struct buf url, err;
    buf_init(&url, 0);
    buf_init(&err, 0);
    for (; *text != '\0'; text++)
        if (*text == '%' && text[1] == 'u') {
            buf_add_u64(&url, rig->fake.port);
            text++;
        } else {
            buf_add_byte(&url, *text);
        }
    ck_assert_msg(url_list_parse(&rig->urls, buf_str(&url), &err), "%.*s",
                  STR_FMT(buf_str(&err)));
    buf_close(&url);
    buf_close(&err);
    rig->config.urls = rig->urls;
    rig->broker = broker_redis_new(&rig->loop, &rig->config,
                                   &(struct broker_handler){
                                       .up = on_up,
                                       .down = on_down,
                                       .failed = on_failed,
                                       .message = on_message,
                                       .reject = on_reject,
                                       .reply = on_reply,
                                       .refused = on_refused,
                                       .queue = on_queue,
                                       .unacked = on_unacked,
                                       .binding = on_binding,
                                       .ctx = rig,
                                   },
                                   deadlines);
}

static void
rig_connect(struct rig *rig, const char *text)
{
    rig_connect_with(rig, text, &long_deadlines);
}

/* Turns the loop until the condition holds. */
#define WAIT_FOR(rig, condition)                                        \
    do {                                                                \
        (rig)->late = false;                                            \
        uv_timer_start(&(rig)->deadline, on_late, 20000, 0);            \
        while (!(condition) && !(rig)->late)                            \
            uv_run(&(rig)->loop, UV_RUN_ONCE);                          \
        uv_timer_stop(&(rig)->deadline);                                \
        if (!(condition)) {                                             \
            const struct buf log_ = logged(rig);                        \
            ck_abort_msg("waited in vain for " #condition "\n%.*s\n%s", \
                         STR_FMT(buf_str(&(rig)->fake.log)), log_.ptr); \
        }                                                               \
    } while (0)

static bool
contains(const struct buf *b, const char *text)
{
    return b->len > 0 && memmem(b->ptr, b->len, text, strlen(text)) != NULL;
}

static bool
text_is(const struct buf *b, const char *text)
{
    return str_eq(buf_str(b), str_from(text));
}

/* Frees the broker, and fails when anything of it is left on the loop. */
static void
rig_close(struct rig *rig)
{
    if (rig->broker != NULL)
        broker_free(rig->broker, on_gone, rig);
    WAIT_FOR(rig, rig->broker == NULL || rig->gone);
    fake_close(&rig->fake);
    uv_close((uv_handle_t *)&rig->deadline, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&rig->loop), 0);
    dup2(rig->stderr_fd, STDERR_FILENO);
    close(rig->stderr_fd);
    close(rig->log_fd);
    fake_free(&rig->fake);
    url_list_free(&rig->urls);
    buf_close(&rig->bodies);
    buf_close(&rig->replies);
    buf_close(&rig->queues);
    buf_close(&rig->steps);
    buf_close(&rig->unacked);
    buf_close(&rig->bound);
    buf_close(&rig->refusals);
}

/* What a server pushes to a subscriber: kombu's envelope around the body. */
static void
add_event(struct buf *out, struct str body)
{
    struct buf payload;
    buf_init(&payload, 0);
    kombu_encode(&payload, body, STR("celeryev"), STR("task.multi"), STR("t"));
    buf_printf(out,
               "*4\r\n$8\r\npmessage\r\n$13\r\n/0.celeryev/*\r\n"
               "$22\r\n/0.celeryev/task.multi\r\n$%zu\r\n",
               payload.len);
    buf_add_str(out, buf_str(&payload));
    buf_add_str(out, STR("\r\n"));
    buf_close(&payload);
}

static inline void
send_event(struct fake_conn *conn, const char *body)
{
    struct buf bytes;
    buf_init(&bytes, 0);
    add_event(&bytes, str_from(body));
    fake_send(conn, buf_str(&bytes));
    buf_close(&bytes);
}
