/* What an event costs on the whole path, without a server:
 * bench_ingest [redis:|amqp:]FILE [PIECE]
 *
 * FILE holds what a subscriber of Redis or a consumer of RabbitMQ reads from
 * its socket, as recorded or made by storm. It is fed to the codec in pieces
 * of PIECE bytes (65536), and everything up to the counters is done; printed
 * is the processor time of an event, and of rendering the page that comes of
 * it. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cpu.h"
#include "model/expose.h"
#include "model/metrics.h"
#include "wire/amqp_content.h"
#include "wire/envelopes.h"
#include "wire/resp.h"

enum { MESSAGE_MAX = 1 << 20 };

struct bench {
    struct metrics *metrics;
    struct envelopes *envelopes;
    struct event_decoder *decoder;
    struct event_handler handler;
    struct buf scratch;
    struct amqp_content content;
    struct now now;
    size_t nevents;
    size_t nrejects;
};

static void
on_event(void *ctx, const struct event *ev)
{
    struct bench *b = ctx;
    metrics_event(b->metrics, ev, b->now);
    b->nevents++;
}

static void
on_reject(void *ctx, enum reject reason)
{
    struct bench *b = ctx;
    metrics_reject(b->metrics, reason);
    b->nrejects++;
}

static void
on_message(struct bench *b, enum reject reason, const struct message *message)
{
    metrics_message(b->metrics, message->wire_bytes);
    if (reason != REJECT_NONE)
        on_reject(b, reason);
    else
        event_decode(b->decoder, message->body, message->serializer,
                     &b->handler);
}

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct bench *b = ctx;
    if (reply->nitems != 4)
        return;
    struct message message = {0};
    buf_clear(&b->scratch);
    const enum reject reason = envelopes_decode(
        b->envelopes, reply->items[3].str, &b->scratch, &message);
    message.wire_bytes = reply->wire_bytes;
    on_message(b, reason, &message);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct bench *b = ctx;
    const enum amqp_content_status status =
        amqp_content_add(&b->content, frame);
    if (status == AMQP_CONTENT_DONE)
        on_message(b, b->content.reject, &b->content.message);
    return status != AMQP_CONTENT_BROKEN;
}

static struct str
read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    const size_t len = (size_t)ftell(file);
    rewind(file);
    char *bytes = xmalloc(len + 1);
    if (len > 0 && fread(bytes, len, 1, file) != 1) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return (struct str){bytes, len};
}

static void
feed(struct bench *b, struct str stream, size_t piece, bool redis)
{
    const struct resp_limits limits = {.max_string = MESSAGE_MAX,
                                       .max_items = 16};
    struct resp *resp = resp_new(&limits, on_reply, b);
    struct amqp_framer framer;
    amqp_framer_init(&framer, AMQP_FRAME_MOST);
    for (size_t at = 0; at < stream.len; at += piece) {
        const struct str bytes = str_slice(stream, at, at + piece);
        b->now.mono_ms++;
        const bool ok = redis ? resp_feed(resp, bytes) == RESP_OK
                              : amqp_framer_feed(&framer, bytes, on_frame, b) ==
                                    AMQP_FRAMING_OK;
        if (!ok) {
            fputs("the file is not what a broker sends\n", stderr);
            exit(EXIT_FAILURE);
        }
    }
    amqp_framer_close(&framer);
    resp_free(resp);
}

static void
print_page(struct bench *b)
{
    struct buf page;
    struct expose expose;
    buf_init(&page, 0);
    double best = INFINITY;
    for (int i = 0; i < 5; i++) {
        buf_clear(&page);
        const double begun = cpu_seconds();
        metrics_refresh(b->metrics, b->now);
        expose_init(&expose, metrics_registry(b->metrics),
                    &(struct expose_config){.format = FORMAT_TEXT});
        while (!expose_step(&expose, &page, SIZE_MAX))
            ;
        best = fmin(best, cpu_seconds() - begun);
    }
    size_t nsamples = 0;
    for (size_t i = 0; i + 1 < page.len; i++)
        nsamples += page.ptr[i] == '\n' && page.ptr[i + 1] != '#';
    printf("page: %zu samples, %zu bytes, %.3f ms CPU\n", nsamples, page.len,
           best * 1e3);
    buf_close(&page);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_ingest [redis:|amqp:]FILE [PIECE]\n", stderr);
        return EXIT_FAILURE;
    }
    static const double runtime[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                     0.5,   0.75, 1,     2.5,  5,     7.5, 10};
    static const double wait[] = {0.05, 0.1, 0.25, 0.5, 1,   2.5, 5,
                                  10,   30,  60,   120, 300, 600, 1800};
    const struct metrics_config config = {
        .registry = {.prefix = "celery_",
                     .runtime_bounds = runtime,
                     .nruntime_bounds = 14,
                     .queue_wait_bounds = wait,
                     .nqueue_wait_bounds = 14,
                     .max_samples = 10000000,
                     .max_names = 100000,
                     .max_hostnames = 100000,
                     .max_queue_names = 1000,
                     .max_exceptions = 1000,
                     .label_max_len = 256},
        .default_queue_name = "celery",
        .worker_timeout_ms = 300000,
        .purge_offline_worker_ms = 600000,
        .name_grace_ms = 0, /* nobody answers for these workers */
        .max_tracked_tasks = 1000000,
    };
    struct bench b = {.now = {.mono_ms = 1000, .wall_s = 1.7e9}};
    struct buf err;
    buf_init(&err, 0);
    b.metrics = metrics_new(&config, hash_key_random(), b.now, &err);
    b.envelopes = envelopes_new();
    b.decoder = event_decoder_new();
    b.handler = (struct event_handler){on_event, on_reject, &b};
    buf_init(&b.scratch, 0);
    amqp_content_init(&b.content, MESSAGE_MAX);
    const bool amqp = strncmp(argv[1], "amqp:", 5) == 0;
    const bool redis = strncmp(argv[1], "redis:", 6) == 0;
    const struct str stream =
        read_file(argv[1] + (amqp ? 5 : 0) + (redis ? 6 : 0));
    const size_t piece = argc > 2 ? strtoul(argv[2], NULL, 10) : 65536;

    const double begun = cpu_seconds();
    feed(&b, stream, piece == 0 ? 65536 : piece, !amqp);
    const double cpu = cpu_seconds() - begun;

    printf("ingest: %zu events, %zu rejected, %.0f ns CPU an event\n",
           b.nevents, b.nrejects, cpu * 1e9 / (double)b.nevents);
    print_page(&b);
    free((char *)(uintptr_t)stream.ptr);
    amqp_content_close(&b.content);
    buf_close(&b.scratch);
    buf_close(&err);
    event_decoder_free(b.decoder);
    envelopes_free(b.envelopes);
    metrics_free(b.metrics);
    return EXIT_SUCCESS;
}
