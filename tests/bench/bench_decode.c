/* What decoding costs: bench_decode FILE [ROUNDS]
 *
 * FILE holds what a Redis subscriber reads from its socket: RESP2 arrays of
 * pmessage, pattern, channel and payload, as recorded or made by a generator.
 * Each payload goes through kombu_decode and event_decode, all of them ROUNDS
 * times; printed is the processor time of an event in the best round. Finding
 * the payloads in the file is done before and not counted. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/xalloc.h"
#include "cpu.h"
#include "wire/event.h"
#include "wire/kombu.h"

struct payloads {
    struct str *items;
    size_t n;
};

/* Read from every event, so that no field is decoded in vain. */
struct tally {
    size_t nevents;
    size_t nrejects;
    size_t text_bytes;
    double sum;
};

static void
count_event(void *ctx, const struct event *ev)
{
    struct tally *t = ctx;
    t->nevents++;
    t->text_bytes += ev->hostname.len + ev->uuid.len + ev->name.len +
                     ev->queue.len + ev->exception.len;
    t->sum += ev->timestamp;
}

static void
count_reject(void *ctx, enum reject reason)
{
    struct tally *t = ctx;
    (void)reason;
    t->nrejects++;
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
    if (fread(bytes, 1, len, file) != len) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return (struct str){bytes, len};
}

/* The number behind a type byte, and over its line end. */
static size_t
take_count(struct str *s)
{
    const size_t end = str_find(*s, '\n');
    int64_t count = 0;
    if (end < 2 || !number_parse_int(str_slice(*s, 1, end - 1), &count)) {
        fprintf(stderr, "not an array of strings\n");
        exit(EXIT_FAILURE);
    }
    *s = str_slice(*s, end + 1, s->len);
    return (size_t)count;
}

static struct payloads
find_payloads(struct str stream)
{
    struct payloads found = {0};
    size_t cap = 0;
    while (stream.len > 0) {
        const size_t nitems = take_count(&stream);
        struct str last = {0};
        for (size_t i = 0; i < nitems; i++) {
            const bool integer = stream.len > 0 && stream.ptr[0] == ':';
            const size_t len = take_count(&stream);
            if (integer)
                continue;
            last = str_slice(stream, 0, len);
            stream = str_slice(stream, len + 2, stream.len);
        }
        if (nitems != 4)
            continue;
        if (found.n == cap) {
            cap = cap == 0 ? 1024 : 2 * cap;
            found.items = xrealloc(found.items, cap, sizeof(*found.items));
        }
        found.items[found.n++] = last;
    }
    return found;
}

static struct tally
replay(struct event_decoder *decoder, struct buf *scratch,
       const struct payloads *payloads)
{
    struct tally tally = {0};
    const struct event_handler handler = {
        .event = count_event,
        .reject = count_reject,
        .ctx = &tally,
    };
    for (size_t i = 0; i < payloads->n; i++) {
        struct message message;
        if (kombu_decode(payloads->items[i], scratch, &message) == REJECT_NONE)
            event_decode(decoder, message.body, message.serializer, &handler);
        else
            tally.nrejects++;
    }
    return tally;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE [ROUNDS]\n", argv[0]);
        return EXIT_FAILURE;
    }
    const struct str stream = read_file(argv[1]);
    const struct payloads payloads = find_payloads(stream);
    const long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 10;
    struct event_decoder *decoder = event_decoder_new();
    struct buf scratch;
    buf_init(&scratch, 0);
    struct tally tally = {0};
    double best = 1e9;
    for (long round = 0; round < rounds; round++) {
        const double start = cpu_seconds();
        tally = replay(decoder, &scratch, &payloads);
        const double took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    printf("%zu messages, %zu events, %zu rejects: %.1f ns per event, %.1f ns "
           "per message\n",
           payloads.n, tally.nevents, tally.nrejects,
           best * 1e9 / (double)(tally.nevents + 1),
           best * 1e9 / (double)(payloads.n + 1));
    buf_close(&scratch);
    event_decoder_free(decoder);
    free(payloads.items);
    free((char *)(uintptr_t)stream.ptr);
    return EXIT_SUCCESS;
}
