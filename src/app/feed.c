#include "app/feed.h"

#include <stdlib.h>

#include "app/inspect.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "io/clock.h"
#include "wire/event.h"
#include "wire/pidbox.h"

struct feed {
    uv_loop_t *loop;
    const struct options *options;
    struct metrics *metrics;
    void (*lost)(void *ctx);
    void *lost_ctx;
    struct event_decoder *decoder;
    struct event_handler events;
    struct now now; /* when the message came whose events are counted */
    struct broker *broker;
    struct inspect *inspect; /* NULL once the feed is being closed */
    uv_timer_t deadline;     /* of events that wait for a name */
    struct series *connect_errors[BROKER_REASON_COUNT];
    struct series *disconnects[BROKER_REASON_COUNT];
    int nclosing; /* parts that have not yet closed their handles */
    void (*done)(void *ctx);
    void *done_ctx;
};

static void
on_event(void *ctx, const struct event *ev)
{
    struct feed *feed = ctx;
    const size_t nup = metrics_nworkers_up(feed->metrics);
    metrics_event(feed->metrics, ev, feed->now);
    /* Whatever it was that showed it; and one that comes online again may have
     * been started anew. */
    if (metrics_nworkers_up(feed->metrics) > nup ||
        ev->type == EVENT_WORKER_ONLINE)
        inspect_saw_worker(feed->inspect, ev->hostname);
    if (ev->type == EVENT_WORKER_OFFLINE)
        inspect_soon(feed->inspect);
    if (ev->type == EVENT_TASK_SENT && ev->queue.len > 0)
        inspect_add_queue(feed->inspect, ev->queue);
}

static void
on_reject(void *ctx, enum reject reason)
{
    struct feed *feed = ctx;
    metrics_reject(feed->metrics, reason);
    const struct str name = reject_name(reason);
    LOG_LIMITED(LOG_WARN, name.ptr, "Event stream: something was refused",
                "reason", name.ptr, NULL);
}

static void on_deadline(uv_timer_t *timer);

static void
arm_deadline(struct feed *feed)
{
    const int64_t at_ms = metrics_deadline(feed->metrics);
    if (at_ms == INT64_MAX || uv_is_active((uv_handle_t *)&feed->deadline))
        return;
    const int64_t left_ms = at_ms - (int64_t)uv_now(feed->loop);
    uv_timer_start(&feed->deadline, on_deadline,
                   left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

static void
on_deadline(uv_timer_t *timer)
{
    struct feed *feed = timer->data;
    metrics_expire(feed->metrics, clock_now(feed->loop));
    arm_deadline(feed);
}

static void
on_message(void *ctx, const struct message *message)
{
    struct feed *feed = ctx;
    metrics_message(feed->metrics, message->wire_bytes);
    feed->now = clock_now(feed->loop);
    event_decode(feed->decoder, message->body, message->serializer,
                 &feed->events);
    arm_deadline(feed);
}

static void
on_broker_reject(void *ctx, enum reject reason, size_t wire_bytes)
{
    struct feed *feed = ctx;
    metrics_message(feed->metrics, wire_bytes);
    on_reject(feed, reason);
}

/* ---- the broker ---- */

static void
ask_for_heartbeats(struct feed *feed)
{
    struct buf command;
    buf_init(&command, 0);
    pidbox_encode(&command, &(struct pidbox_command){.method = "heartbeat"});
    broker_broadcast(feed->broker, buf_str(&command));
    buf_close(&command);
}

static void
on_up(void *ctx)
{
    struct feed *feed = ctx;
    metrics_broker_up(feed->metrics, clock_now(feed->loop));
    ask_for_heartbeats(feed);
    inspect_broker_up(feed->inspect, true);
}

static void
count_reason(struct feed *feed, enum group_id group,
             struct series *const *series, enum broker_reason reason)
{
    group_count(registry_group(metrics_registry(feed->metrics), group),
                series[reason], REASON_COL, 1);
}

static void
give_up(struct feed *feed)
{
    if (feed->options->retry_interval_s == 0 && feed->inspect != NULL)
        feed->lost(feed->lost_ctx);
}

static void
on_down(void *ctx, enum broker_reason reason, int64_t unheard_ms)
{
    struct feed *feed = ctx;
    metrics_broker_down(feed->metrics, unheard_ms, clock_now(feed->loop));
    inspect_broker_up(feed->inspect, false);
    count_reason(feed, GROUP_DISCONNECT, feed->disconnects, reason);
    give_up(feed);
}

static void
on_failed(void *ctx, enum broker_reason reason)
{
    struct feed *feed = ctx;
    count_reason(feed, GROUP_CONNECT_ERROR, feed->connect_errors, reason);
    give_up(feed);
}

static void
on_certificate(void *ctx, int64_t not_after_s)
{
    struct feed *feed = ctx;
    struct registry *registry = metrics_registry(feed->metrics);
    group_set(registry_group(registry, GROUP_EXPORTER),
              registry_fixed(registry, GROUP_EXPORTER, NULL),
              SELF_TLS_NOT_AFTER_COL, (double)not_after_s);
}

static void
on_reply(void *ctx, const struct message *message)
{
    struct feed *feed = ctx;
    inspect_reply(feed->inspect, message);
}

static void
on_refused(void *ctx, bool refused)
{
    struct feed *feed = ctx;
    inspect_refused(feed->inspect, refused);
}

static void
on_queue(void *ctx, struct str name, const struct queue_state *state)
{
    struct feed *feed = ctx;
    inspect_queue(feed->inspect, name, state);
}

static void
on_unacked(void *ctx, int64_t n, double oldest_s)
{
    struct feed *feed = ctx;
    inspect_unacked(feed->inspect, n, oldest_s);
}

static void
on_binding(void *ctx, struct str queue, bool ok)
{
    struct feed *feed = ctx;
    inspect_binding(feed->inspect, queue, ok);
}

/* ---- life ---- */

/* Fixed sets are there at 0 from the start, so that a first one shows. */
static void
make_reasons(struct feed *feed)
{
    struct registry *registry = metrics_registry(feed->metrics);
    for (size_t i = 0; i < BROKER_REASON_COUNT; i++) {
        const struct str name = broker_reason_name((enum broker_reason)i);
        feed->connect_errors[i] =
            registry_fixed(registry, GROUP_CONNECT_ERROR, &name);
        feed->disconnects[i] =
            registry_fixed(registry, GROUP_DISCONNECT, &name);
        group_touch(registry_group(registry, GROUP_CONNECT_ERROR),
                    feed->connect_errors[i], REASON_COL);
        group_touch(registry_group(registry, GROUP_DISCONNECT),
                    feed->disconnects[i], REASON_COL);
    }
}

struct feed *
feed_new(uv_loop_t *loop, const struct feed_config *config)
{
    struct feed *feed = xcalloc(1, sizeof(*feed));
    feed->loop = loop;
    feed->options = config->options;
    feed->metrics = config->metrics;
    feed->lost = config->lost;
    feed->lost_ctx = config->ctx;
    make_reasons(feed);
    uv_timer_init(loop, &feed->deadline);
    feed->deadline.data = feed;
    feed->decoder = event_decoder_new();
    feed->events = (struct event_handler){
        .event = on_event, .reject = on_reject, .ctx = feed};
    feed->broker = broker_new(loop, config->broker,
                              &(struct broker_handler){
                                  .up = on_up,
                                  .down = on_down,
                                  .failed = on_failed,
                                  .message = on_message,
                                  .reject = on_broker_reject,
                                  .reply = on_reply,
                                  .refused = on_refused,
                                  .queue = on_queue,
                                  .unacked = on_unacked,
                                  .binding = on_binding,
                                  .certificate = on_certificate,
                                  .ctx = feed,
                              });
    feed->inspect =
        inspect_new(loop, feed->options, feed->broker, feed->metrics);
    return feed;
}

static void
on_part_closed(void *ctx)
{
    struct feed *feed = ctx;
    if (--feed->nclosing > 0)
        return;
    void (*done)(void *) = feed->done;
    void *done_ctx = feed->done_ctx;
    event_decoder_free(feed->decoder);
    free(feed);
    done(done_ctx);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void
feed_free(struct feed *feed, void (*done)(void *ctx), void *ctx)
{
    feed->done = done;
    feed->done_ctx = ctx;
    feed->nclosing = 3;
    inspect_free(feed->inspect, on_part_closed, feed);
    feed->inspect = NULL;
    broker_free(feed->broker, on_part_closed, feed);
    uv_close((uv_handle_t *)&feed->deadline, on_timer_closed);
}

bool
feed_queue_workers(const struct feed *feed, struct str queue, size_t *nworkers)
{
    return inspect_queue_workers(feed->inspect, queue, nworkers);
}
