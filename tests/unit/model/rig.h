#pragma once

/* Events in, page out, on a clock that the test turns. Each page that a test
 * looks at is read by page_check in both formats. Series are written with
 * single quotes: "celery_worker_up{hostname='h'}". */

#include "base/buf.h"
#include "model/expose.h"
#include "model/metrics.h"
#include "model/values.h"

#include "../suite.h"
#include "page_check.h"

static const double rig_runtime_bounds[] = {0.1, 1, 10};
static const double rig_wait_bounds[] = {0.5, 5};

struct rig {
    struct metrics *metrics;
    struct now now;
    int64_t clock;
    struct buf page;
};

static inline struct metrics_config
rig_config(void)
{
    return (struct metrics_config){
        .registry =
            {
                .prefix = "celery_",
                .runtime_bounds = rig_runtime_bounds,
                .nruntime_bounds = COUNT_OF(rig_runtime_bounds),
                .queue_wait_bounds = rig_wait_bounds,
                .nqueue_wait_bounds = COUNT_OF(rig_wait_bounds),
                .max_samples = 500000,
                .max_names = 5000,
                .max_hostnames = 2000,
                .max_queue_names = 1000,
                .max_exceptions = 1000,
                .label_max_len = 256,
                .start_s = 1.7e9,
            },
        .default_queue_name = "celery",
        .worker_timeout_ms = 300 * 1000,
        .purge_offline_worker_ms = 600 * 1000,
        .purge_client_ms = INT64_C(7) * 24 * 3600 * 1000,
        .name_grace_ms = 0,
        .max_tracked_tasks = 1000,
    };
}

/* Begins at 1,000 s of our clock, connected. */
static inline void
rig_open(struct rig *rig, const struct metrics_config *config)
{
    *rig = (struct rig){.now = {.mono_ms = 1000 * 1000, .wall_s = 1.7e9}};
    struct buf err;
    buf_init(&err, 0);
    const struct hash_key key = {.seed = 42};
    rig->metrics = metrics_new(config, key, rig->now, &err);
    ck_assert_msg(rig->metrics != NULL, "%.*s", STR_FMT(buf_str(&err)));
    buf_close(&err);
    metrics_broker_up(rig->metrics, rig->now);
}

static inline void
rig_close(struct rig *rig)
{
    metrics_free(rig->metrics);
    buf_close(&rig->page);
}

/* Lets time pass, tick by tick. */
static inline void
rig_pass(struct rig *rig, double seconds)
{
    for (int64_t ms = (int64_t)(seconds * 1000); ms > 0; ms -= 1000) {
        rig->now.mono_ms += ms < 1000 ? ms : 1000;
        rig->now.wall_s += ms < 1000 ? (double)ms / 1000 : 1;
        metrics_tick(rig->metrics, rig->now);
    }
}

/* What a test leaves at zero becomes what such an event has: the next clock,
 * the time of now, no ETA, no figures. A value that must be zero or absent is
 * given as -0.0 or -1. */
static inline void
rig_send(struct rig *rig, const struct event *given)
{
    struct event ev = *given;
    if (ev.clock == 0)
        ev.clock = ++rig->clock;
    if (ev.timestamp == 0)
        ev.timestamp = rig->now.wall_s;
    if (ev.eta == 0)
        ev.eta = NAN;
    if (ev.expires == 0)
        ev.expires = NAN;
    if (ev.pid == 0)
        ev.pid = 1;
    if (ev.type != EVENT_TASK_SUCCEEDED)
        ev.runtime = NAN;
    if (ev.exception.ptr == NULL &&
        (ev.type == EVENT_TASK_FAILED || ev.type == EVENT_TASK_RETRIED))
        ev.exception = STR("UnknownException");
    if (ev.hostname.ptr == NULL)
        ev.hostname = STR("celery@h");
    if (ev.type < EVENT_WORKER_ONLINE && ev.uuid.ptr == NULL)
        ev.uuid = STR("u");
    for (size_t i = 0; i < 3; i++)
        if (ev.loadavg[i] == 0)
            ev.loadavg[i] = NAN;
    metrics_event(rig->metrics, &ev, rig->now);
}

/* SEND(rig, type, .field = value, ...) */
#define SEND(rig, ...) rig_send(rig, &(struct event){.type = __VA_ARGS__})

/* -1 is absent, as in the heartbeat that another monitor forced. */
static inline void
rig_heartbeat(struct rig *rig, const char *node, int64_t pid, int64_t active,
              int64_t processed)
{
    SEND(rig, EVENT_WORKER_HEARTBEAT, .hostname = str_from(node), .pid = pid,
         .active = active, .processed = processed);
}

static inline void
rig_offline(struct rig *rig, const char *node, int64_t pid)
{
    SEND(rig, EVENT_WORKER_OFFLINE, .hostname = str_from(node), .pid = pid);
}

static inline void
rig_online(struct rig *rig, const char *node, int64_t pid)
{
    SEND(rig, EVENT_WORKER_ONLINE, .hostname = str_from(node), .pid = pid);
}

/* The usual way of a task, at the time of now. */
static inline void
rig_run_task(struct rig *rig, struct str node, struct str uuid, struct str name)
{
    SEND(rig, EVENT_TASK_RECEIVED, .hostname = node, .uuid = uuid,
         .name = name);
    SEND(rig, EVENT_TASK_STARTED, .hostname = node, .uuid = uuid);
    SEND(rig, EVENT_TASK_SUCCEEDED, .hostname = node, .uuid = uuid,
         .runtime = 0.5);
}

static inline void
rig_render(struct rig *rig, const struct expose_config *config)
{
    struct expose expose;
    metrics_refresh(rig->metrics, rig->now);
    buf_clear(&rig->page);
    expose_init(&expose, metrics_registry(rig->metrics), config);
    while (!expose_step(&expose, &rig->page, 4096))
        continue;
    ck_assert(buf_ok(&rig->page));
}

/* The page as text 0.0.4, after both formats have been checked. */
static inline struct str
rig_page(struct rig *rig)
{
    static const enum format formats[] = {FORMAT_OPENMETRICS, FORMAT_TEXT};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        const struct expose_config config = {.format = formats[i]};
        rig_render(rig, &config);
        const char *error = page_check(buf_str(&rig->page), formats[i], NULL);
        ck_assert_msg(error == NULL, "the page is broken: %s", error);
    }
    return buf_str(&rig->page);
}

/* Finds "\n" + the series, with single quotes doubled, + " ". */
static inline bool
rig_find(struct str page, const char *series, double *value)
{
    struct buf line;
    buf_init(&line, 0);
    for (const char *c = series; *c != '\0'; c++)
        buf_add_byte(&line, *c == '\'' ? '"' : *c);
    buf_add_byte(&line, ' ');
    struct str rest = page;
    struct str part;
    bool found = false;
    while (!found && str_split(&rest, '\n', &part))
        if (str_starts(part, buf_str(&line)))
            found =
                number_parse_double(str_slice(part, line.len, part.len), value);
    buf_close(&line);
    return found;
}

/* NaN when the page has no such series. */
static inline double
rig_value(struct rig *rig, const char *series)
{
    double value = NAN;
    return rig_find(rig_page(rig), series, &value) ? value : (double)NAN;
}

/* The sum over all series whose line begins so, and their number. */
static inline double
rig_sum(struct rig *rig, const char *start, size_t *n)
{
    struct str rest = rig_page(rig);
    struct str line;
    double sum = 0;
    size_t nfound = 0;
    while (str_split(&rest, '\n', &line)) {
        if (!str_starts(line, str_from(start)))
            continue;
        size_t at = line.len;
        while (line.ptr[at - 1] != ' ')
            at--;
        double value;
        ck_assert(number_parse_double(str_slice(line, at, line.len), &value));
        sum += value;
        nfound++;
    }
    if (n != NULL)
        *n = nfound;
    return sum;
}

static inline size_t
rig_n(struct rig *rig, const char *start)
{
    size_t n;
    rig_sum(rig, start, &n);
    return n;
}

#define ASSERT_VALUE(rig, series, want)                                   \
    do {                                                                  \
        const double have_ = rig_value(rig, series);                      \
        ck_assert_msg(fabs(have_ - (want)) < 1e-6, "%s is %g and not %g", \
                      series, have_, (double)(want));                     \
    } while (0)
#define ASSERT_ABSENT(rig, series) \
    ck_assert_msg(isnan(rig_value(rig, series)), "%s is there", series)
