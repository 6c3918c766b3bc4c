/* A stream of events taken through everything from bytes to counters, for
 * instructions to be counted: gate redis|amqp FILE
 *
 * The first half makes tables grow and series appear; the second one is
 * counted, within gate_ingest, and so is the page after it, within gate_page.
 * Printed is how many events and samples that was. Nothing here is left to
 * chance: the hash key is fixed, and no clock is read. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/expose.h"
#include "model/metrics.h"
#include "wire/amqp_content.h"
#include "wire/amqp_frame.h"
#include "wire/envelopes.h"
#include "wire/resp.h"

enum { PIECE = 65536, MESSAGE_MAX = 1 << 20 };

struct gate {
    struct metrics *metrics;
    struct envelopes *envelopes;
    struct event_decoder *decoder;
    struct event_handler handler;
    struct buf scratch;
    struct buf page;
    struct resp *resp;
    struct amqp_framer framer;
    struct amqp_content content;
    struct now now;
    size_t nevents;
    size_t nrejects;
};

/* Counted, never inlined, and known by these names. */
void gate_ingest(struct gate *gate, struct str bytes);
enum reject gate_envelope(struct gate *gate, struct str payload,
                          struct message *message);
void gate_message(struct gate *gate, enum reject reason,
                  const struct message *message);
void gate_event(void *ctx, const struct event *ev);
void gate_page(struct gate *gate);

__attribute__((noinline)) void
gate_event(void *ctx, const struct event *ev)
{
    struct gate *gate = ctx;
    metrics_event(gate->metrics, ev, gate->now);
    gate->nevents++;
}

static void
on_reject(void *ctx, enum reject reason)
{
    struct gate *gate = ctx;
    metrics_reject(gate->metrics, reason);
    gate->nrejects++;
}

__attribute__((noinline)) void
gate_message(struct gate *gate, enum reject reason,
             const struct message *message)
{
    metrics_message(gate->metrics, message->wire_bytes);
    if (reason == REJECT_NONE)
        event_decode(gate->decoder, message->body, message->serializer,
                     &gate->handler);
    else
        on_reject(gate, reason);
}

__attribute__((noinline)) enum reject
gate_envelope(struct gate *gate, struct str payload, struct message *message)
{
    return envelopes_decode(gate->envelopes, payload, &gate->scratch, message);
}

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct gate *gate = ctx;
    struct message message = {0};
    const enum reject reason =
        gate_envelope(gate, reply->items[3].str, &message);
    message.wire_bytes = reply->wire_bytes;
    gate_message(gate, reason, &message);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct gate *gate = ctx;
    const enum amqp_content_status status =
        amqp_content_add(&gate->content, frame);
    if (status == AMQP_CONTENT_DONE)
        gate_message(gate, gate->content.reject, &gate->content.message);
    return status != AMQP_CONTENT_BROKEN;
}

static void
feed(struct gate *gate, struct str bytes)
{
    bool ok = true;
    for (size_t at = 0; at < bytes.len && ok; at += PIECE) {
        const struct str piece = str_slice(bytes, at, at + PIECE);
        gate->now.mono_ms++;
        ok = gate->resp != NULL
                 ? resp_feed(gate->resp, piece) == RESP_OK
                 : amqp_framer_feed(&gate->framer, piece, on_frame, gate) ==
                       AMQP_FRAMING_OK;
    }
    if (!ok || gate->nrejects > 0) {
        fputs("gate: the stream is not what it should be\n", stderr);
        exit(EXIT_FAILURE);
    }
}

__attribute__((noinline)) void
gate_ingest(struct gate *gate, struct str bytes)
{
    feed(gate, bytes);
}

static void
render(struct gate *gate)
{
    struct expose expose;
    buf_clear(&gate->page);
    metrics_refresh(gate->metrics, gate->now);
    expose_init(&expose, metrics_registry(gate->metrics),
                &(struct expose_config){.format = FORMAT_TEXT});
    while (!expose_step(&expose, &gate->page, SIZE_MAX))
        ;
}

__attribute__((noinline)) void
gate_page(struct gate *gate)
{
    render(gate);
}

static size_t
count_samples(struct str page)
{
    size_t n = 0;
    bool line_begins = true;
    for (size_t i = 0; i < page.len; i++) {
        n += line_begins && page.ptr[i] != '#';
        line_begins = page.ptr[i] == '\n';
    }
    return n;
}

static struct metrics *
new_metrics(struct now now)
{
    static const double runtime[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                     0.5,   0.75, 1,     2.5,  5,     7.5, 10};
    static const double wait[] = {0.05, 0.1, 0.25, 0.5, 1,   2.5, 5,
                                  10,   30,  60,   120, 300, 600, 1800};
    const struct metrics_config config = {
        .registry = {.prefix = "celery_",
                     .runtime_bounds = runtime,
                     .nruntime_bounds = COUNT_OF(runtime),
                     .queue_wait_bounds = wait,
                     .nqueue_wait_bounds = COUNT_OF(wait),
                     .max_samples = 1000000,
                     .max_names = 1000,
                     .max_hostnames = 1000,
                     .max_queue_names = 1000,
                     .max_exceptions = 1000,
                     .label_max_len = 256},
        .default_queue_name = "celery",
        .worker_timeout_ms = 300000,
        .purge_offline_worker_ms = 600000,
        .name_grace_ms = 0, /* nobody answers for these workers */
        .max_tracked_tasks = 1000000,
    };
    struct buf err;
    buf_init(&err, 0);
    struct metrics *metrics =
        metrics_new(&config, (struct hash_key){20}, now, &err);
    buf_close(&err);
    return metrics;
}

static void
gate_init(struct gate *gate, bool redis)
{
    const struct resp_limits limits = {.max_string = MESSAGE_MAX,
                                       .max_items = 16};
    *gate = (struct gate){.now = {.mono_ms = 1000, .wall_s = 1.7e9}};
    gate->metrics = new_metrics(gate->now);
    gate->envelopes = envelopes_new();
    gate->decoder = event_decoder_new();
    gate->handler = (struct event_handler){gate_event, on_reject, gate};
    gate->resp = redis ? resp_new(&limits, on_reply, gate) : NULL;
    amqp_framer_init(&gate->framer, AMQP_FRAME_MOST);
    amqp_content_init(&gate->content, MESSAGE_MAX);
    buf_init(&gate->scratch, 0);
    buf_init(&gate->page, 0);
}

static void
gate_close(struct gate *gate)
{
    buf_close(&gate->page);
    buf_close(&gate->scratch);
    amqp_content_close(&gate->content);
    amqp_framer_close(&gate->framer);
    resp_free(gate->resp);
    event_decoder_free(gate->decoder);
    envelopes_free(gate->envelopes);
    metrics_free(gate->metrics);
}

static void
read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t n = 0;
    while (file != NULL && (n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(out, piece, n);
    if (file == NULL || ferror(file)) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: gate redis|amqp FILE\n", stderr);
        return EXIT_FAILURE;
    }
    struct gate gate;
    struct buf stream;
    gate_init(&gate, strcmp(argv[1], "redis") == 0);
    buf_init(&stream, 0);
    read_file(argv[2], &stream);
    const size_t half = stream.len / 2;

    feed(&gate, str_slice(buf_str(&stream), 0, half));
    render(&gate);
    const size_t before = gate.nevents;
    gate_ingest(&gate, str_slice(buf_str(&stream), half, stream.len));
    gate_page(&gate);

    printf("%zu events, %zu samples\n", gate.nevents - before,
           count_samples(buf_str(&gate.page)));
    buf_close(&stream);
    gate_close(&gate);
    return EXIT_SUCCESS;
}
