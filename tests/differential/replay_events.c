/* Replays streams of events through decoding and aggregation, on a clock that
 * the stream turns: replay_events FAMILY... <STREAMS
 *
 * A line of the input is a letter, blanks between fields, tabs within the
 * last one where it has parts:
 *
 *   R                      what was known is forgotten; the clock is at 0
 *   M MS BODY              a message arrives
 *   Q MS NODE\tQUEUE       a worker says which queues it consumes: just this
 *                          one, or several when it is empty
 *   L MS NODE\tID\tNAME\tQUEUE\tSTARTED  a worker holds this task
 *   P MS                   the page
 *
 * MS is our clock in milliseconds, never less than before. A page is the
 * samples of the families, behind them a line "P". */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/xalloc.h"
#include "model/expose.h"
#include "model/metrics.h"

enum {
    TICK_MS = 1000,
    /* Shorter than the defaults, so that streams need not be long. */
    WORKER_TIMEOUT_MS = 30 * 1000,
    PURGE_MS = 60 * 1000,
    NAME_GRACE_MS = 2000,
};

static const double WALL_AT_0 = 1.7e9;

struct replay {
    struct metrics *metrics;
    struct event_decoder *decoder;
    struct event_handler handler;
    struct str *families;
    size_t nfamilies;
    struct now now;
    int64_t next_tick_ms;
    struct buf page;
};

static void
on_event(void *ctx, const struct event *ev)
{
    struct replay *r = ctx;
    metrics_event(r->metrics, ev, r->now);
}

static void
on_reject(void *ctx, enum reject reason)
{
    struct replay *r = ctx;
    metrics_reject(r->metrics, reason);
}

static void
set_time(struct replay *r, int64_t mono_ms)
{
    r->now.mono_ms = mono_ms;
    r->now.wall_s = WALL_AT_0 + (double)mono_ms / 1000;
}

static void
reset(struct replay *r)
{
    static const double runtime_bounds[] = {0.1, 1, 10};
    static const double wait_bounds[] = {0.5, 5, 60};
    static const char *const collect[] = {"task_prefetch_time",
                                          "task_failure_runtime"};
    static const char *const exclude[] = {"secret.*"};
    const struct metrics_config config = {
        .registry =
            {
                .prefix = "celery_",
                .runtime_bounds = runtime_bounds,
                .nruntime_bounds = COUNT_OF(runtime_bounds),
                .queue_wait_bounds = wait_bounds,
                .nqueue_wait_bounds = COUNT_OF(wait_bounds),
                .collect = collect,
                .ncollect = COUNT_OF(collect),
                .max_samples = 500000,
                .max_names = 5000,
                .max_hostnames = 2000,
                .max_queue_names = 1000,
                .max_exceptions = 1000,
                .label_max_len = 256,
                .start_s = WALL_AT_0,
            },
        .default_queue_name = "celery",
        .task_exclude = exclude,
        .ntask_exclude = COUNT_OF(exclude),
        .worker_timeout_ms = WORKER_TIMEOUT_MS,
        .purge_offline_worker_ms = PURGE_MS,
        .purge_client_ms = INT64_C(7) * 24 * 3600 * 1000,
        .name_grace_ms = NAME_GRACE_MS,
        .max_tracked_tasks = 1000000,
    };
    struct buf err;
    buf_init(&err, 0);
    metrics_free(r->metrics);
    set_time(r, 0);
    r->next_tick_ms = TICK_MS;
    r->metrics =
        metrics_new(&config, (struct hash_key){.seed = 1}, r->now, &err);
    if (r->metrics == NULL) {
        fprintf(stderr, "%.*s\n", STR_FMT(buf_str(&err)));
        exit(EXIT_FAILURE);
    }
    buf_close(&err);
    metrics_broker_up(r->metrics, r->now);
}

/* The two timers that the program has, at their times. */
static void
advance(struct replay *r, int64_t mono_ms)
{
    for (;;) {
        const int64_t deadline_ms = metrics_deadline(r->metrics);
        const bool expire = deadline_ms < r->next_tick_ms;
        const int64_t next_ms = expire ? deadline_ms : r->next_tick_ms;
        if (next_ms > mono_ms)
            break;
        /* What is overdue is done now. */
        if (next_ms > r->now.mono_ms)
            set_time(r, next_ms);
        if (expire) {
            metrics_expire(r->metrics, r->now);
        } else {
            metrics_tick(r->metrics, r->now);
            r->next_tick_ms += TICK_MS;
        }
    }
    set_time(r, mono_ms);
}

static void
message(struct replay *r, struct str body)
{
    metrics_message(r->metrics, body.len);
    event_decode(r->decoder, body, SERIALIZER_JSON, &r->handler);
}

static struct str
take(struct str *rest)
{
    struct str part;
    return str_split(rest, '\t', &part) ? part : (struct str){0};
}

static void
worker_queue(struct replay *r, struct str rest)
{
    const struct str node = take(&rest);
    const struct str queue = take(&rest);
    metrics_worker_queue(r->metrics, node,
                         queue.len > 0 ? queue : (struct str){0}, r->now);
}

static void
learn(struct replay *r, struct str rest)
{
    const struct str node = take(&rest);
    struct pidbox_request request = {
        .id = take(&rest),
        .name = take(&rest),
        .queue = take(&rest),
        .eta_s = NAN,
    };
    if (!number_parse_double(take(&rest), &request.started_s))
        request.started_s = NAN;
    metrics_learn_task(r->metrics, node, &request, r->now);
}

static void
page(struct replay *r)
{
    struct expose expose;
    const struct expose_config config = {
        .format = FORMAT_TEXT,
        .names = r->families,
        .nnames = r->nfamilies,
    };
    buf_clear(&r->page);
    metrics_refresh(r->metrics, r->now);
    expose_init(&expose, metrics_registry(r->metrics), &config);
    while (!expose_step(&expose, &r->page, SIZE_MAX)) {}
    struct str rest = buf_str(&r->page);
    struct str line;
    while (str_split(&rest, '\n', &line))
        if (line.len > 0 && line.ptr[0] != '#')
            printf("%.*s\n", STR_FMT(line));
    puts("P");
}

static bool
replay_line(struct replay *r, struct str line)
{
    const struct str letter = str_slice(line, 0, 1);
    struct str rest = str_slice(line, line.len < 2 ? line.len : 2, line.len);
    if (str_eq(letter, STR("R"))) {
        reset(r);
        return true;
    }
    const size_t blank = str_find(rest, ' ');
    int64_t mono_ms;
    if (r->metrics == NULL ||
        !number_parse_int(str_slice(rest, 0, blank), &mono_ms) ||
        mono_ms < r->now.mono_ms)
        return false;
    rest = str_slice(rest, blank < rest.len ? blank + 1 : blank, rest.len);
    advance(r, mono_ms);
    if (str_eq(letter, STR("M")))
        message(r, rest);
    else if (str_eq(letter, STR("Q")))
        worker_queue(r, rest);
    else if (str_eq(letter, STR("L")))
        learn(r, rest);
    else if (str_eq(letter, STR("P")))
        page(r);
    else
        return false;
    return true;
}

int
main(int argc, char **argv)
{
    struct replay r = {
        .decoder = event_decoder_new(),
        .families = xcalloc((size_t)argc, sizeof(struct str)),
        .nfamilies = (size_t)argc - 1,
    };
    r.handler = (struct event_handler){
        .event = on_event, .reject = on_reject, .ctx = &r};
    for (size_t i = 0; i < r.nfamilies; i++)
        r.families[i] = str_from(argv[i + 1]);
    buf_init(&r.page, 0);
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&line, &cap, stdin)) > 0) {
        const size_t end = (size_t)len - (line[len - 1] == '\n');
        ok = replay_line(&r, (struct str){line, end});
        if (!ok)
            fprintf(stderr, "no such line: %s", line);
    }
    free(line);
    metrics_free(r.metrics);
    event_decoder_free(r.decoder);
    free(r.families);
    buf_close(&r.page);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
