#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "model/expose.h"
#include "model/metrics.h"
#include "model/queues.h"

#include "../unit/model/page_check.h"

/* The overflow records and what has no labels are beyond the budget. */
enum { MAX_SAMPLES = 2000, BEYOND = 250 };

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

/* The input is a sequence of steps, a byte each and what it takes behind. The
 * caps are small, so that a short input reaches all of them. */
struct input {
    const unsigned char *at;
    const unsigned char *end;
};

static unsigned
take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Raw bytes of the input, or one of a few that come again and again. */
static struct str
take_text(struct input *in)
{
    static const char few[] = "abcdefghijklmnop";
    const unsigned what = take(in);
    if (what < 128)
        return (struct str){few + what % 16, 1};
    size_t len = what % 64;
    if (len > (size_t)(in->end - in->at))
        len = (size_t)(in->end - in->at);
    const struct str text = {(const char *)in->at, len};
    in->at += len;
    return text;
}

static const double none = NAN;

static double
take_time(struct input *in, double now_s)
{
    const unsigned what = take(in);
    return what == 0     ? none
           : what == 1   ? 0
           : what == 255 ? 4102444800
                         : now_s + ((double)what - 128) / 8;
}

static int64_t
take_int(struct input *in)
{
    const unsigned what = take(in);
    return what == 255 ? INT64_MAX : (int64_t)what - 1;
}

static void
send_event(struct input *in, struct metrics *metrics, unsigned type,
           struct now now)
{
    const struct str name = take_text(in);
    const unsigned flags = take(in);
    metrics_event(metrics,
                  &(struct event){
                      .type = (enum event_type)type,
                      .hostname = take_text(in),
                      .uuid = take_text(in),
                      .name = flags & 1 ? name : (struct str){0},
                      .queue = flags & 2 ? take_text(in) : (struct str){0},
                      .exception = name,
                      .retries = take_int(in),
                      .timestamp = take_time(in, now.wall_s),
                      .eta = flags & 4 ? take_time(in, now.wall_s) : none,
                      .expires = none,
                      .runtime = flags & 8 ? (double)take(in) : none,
                      .pid = take(in) % 4,
                      .clock = flags & 16 ? take_int(in) : -1,
                      .terminated = flags & 32,
                      .expired = flags & 64,
                      .requeue = flags & 128,
                      .active = take_int(in),
                      .processed = take_int(in),
                      .loadavg = {take(in), none, 0.25},
                      .sw_ident = flags & 1 ? name : (struct str){0},
                      .sw_ver = flags & 2 ? name : (struct str){0},
                  },
                  now);
}

static bool
is_alive(void *ctx, struct str node)
{
    return metrics_worker_is_up(ctx, node);
}

static void
poll(struct input *in, struct queues *queues, struct metrics *metrics,
     struct now now)
{
    queues_poll_begin(queues);
    for (unsigned n = take(in) % 8; n > 0; n--) {
        const struct str node = take_text(in);
        queues_set_processes(queues, node, take_int(in));
        queues_set_consumed(queues, node, (struct str){0}, now);
        queues_set_consumed(queues, node, take_text(in), now);
        const int64_t steps[] = {0, take_int(in)};
        const int64_t lengths[] = {0, take_int(in)};
        queues_set_figures(queues, take_text(in),
                           &(struct queue_figures){
                               .length = take_int(in),
                               .consumers = take_int(in),
                               .missing = take(in) & 1,
                               .steps = steps,
                               .step_lengths = lengths,
                               .nsteps = COUNT_OF(steps),
                           },
                           now);
    }
    queues_poll_end(queues, is_alive, metrics, now);
    queues_forget(queues, now);
}

static void
let_pass(struct now *now, int64_t seconds)
{
    now->mono_ms += 1000 * seconds;
    now->wall_s += (double)seconds;
}

static void
check_pages(struct metrics *metrics, struct now now, bool created)
{
    static const enum format formats[] = {FORMAT_TEXT, FORMAT_OPENMETRICS};
    metrics_refresh(metrics, now);
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        const struct expose_config config = {.format = formats[i],
                                             .created_series = created};
        struct expose expose;
        struct buf page;
        buf_init(&page, 0);
        expose_init(&expose, metrics_registry(metrics), &config);
        while (!expose_step(&expose, &page, 100))
            continue;
        size_t nsamples;
        if (!buf_ok(&page) ||
            page_check(buf_str(&page), formats[i], &nsamples) != NULL ||
            (!created && nsamples > MAX_SAMPLES + BEYOND))
            abort();
        buf_close(&page);
    }
}

static struct metrics *
open_metrics(struct input *in, struct now now)
{
    static const double bounds[] = {0.1, 1, 1e6};
    static const char *const labels[] = {"le_x=\"\\\n", "a=1"};
    static const char *const off[] = {"task_started", "task_retried",
                                      "task_failed", "worker_up"};
    static const char *const on[] = {"task_prefetch_time"};
    const unsigned flags = take(in);
    const struct metrics_config config = {
        .registry =
            {
                .prefix = flags & 1 ? "" : "celery_",
                .runtime_bounds = bounds,
                .nruntime_bounds = COUNT_OF(bounds),
                .queue_wait_bounds = bounds,
                .nqueue_wait_bounds = flags & 2 ? 0 : 1,
                .static_labels = labels,
                .nstatic_labels = flags >> 2 & 1 ? COUNT_OF(labels) : 0,
                .no_collect = off,
                .nno_collect = flags & 8 ? COUNT_OF(off) : 0,
                .collect = on,
                .ncollect = flags & 16 ? COUNT_OF(on) : 0,
                .max_samples = flags & 32 ? 200 : MAX_SAMPLES,
                .max_names = 5,
                .max_hostnames = 6,
                .max_queue_names = 4,
                .max_exceptions = 4,
                .label_max_len = 32,
                .start_s = now.wall_s,
            },
        .default_queue_name = "celery",
        .generic_hostname_task_sent = flags & 64,
        .generic_hostname_worker_task = flags & 128,
        .worker_timeout_ms = 60000,
        .purge_offline_worker_ms = flags & 4 ? 90000 : 0,
        .purge_client_ms = 120000,
        .name_grace_ms = flags & 8 ? 0 : 2000,
        .max_tracked_tasks = 5,
    };
    struct buf err;
    buf_init(&err, 0);
    struct metrics *metrics =
        metrics_new(&config, (struct hash_key){7}, now, &err);
    buf_close(&err);
    if (metrics == NULL)
        abort();
    return metrics;
}

static void
step(struct input *in, struct metrics *metrics, struct queues *queues,
     struct now *now)
{
    const unsigned what = take(in);
    switch (what % 32) {
    case 0:
        let_pass(now, take(in));
        metrics_tick(metrics, *now);
        break;
    case 1:
        let_pass(now, 2);
        metrics_expire(metrics, *now);
        break;
    case 2:
        if (what & 32)
            metrics_broker_up(metrics, *now);
        else
            metrics_broker_down(metrics, 0, *now);
        break;
    case 3:
        poll(in, queues, metrics, *now);
        break;
    case 4:
        for (unsigned n = take(in); n > 0; n--) {
            let_pass(now, 1);
            metrics_tick(metrics, *now);
        }
        break;
    default:
        send_event(in, metrics, what % EVENT_TYPE_COUNT, *now);
    }
}

/* Whatever the events are, both pages can be read, and within the budget. */
int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct input in = {bytes, bytes + len};
    struct now now = {.mono_ms = 1000000, .wall_s = 1.7e9};
    struct metrics *metrics = open_metrics(&in, now);
    struct queues *queues = queues_new(metrics_registry(metrics), 60000);
    metrics_broker_up(metrics, now);
    while (in.at < in.end)
        step(&in, metrics, queues, &now);
    check_pages(metrics, now, len % 2 == 0);
    queues_free(queues);
    metrics_free(metrics);
    return 0;
}
