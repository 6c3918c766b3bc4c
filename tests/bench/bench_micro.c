/* What each of the functions costs that every event or scrape goes through:
 * bench_micro [--json] [MS]
 *
 * Each runs for MS milliseconds (50) several times; printed is the processor
 * time of a call in the best of them, and how many megabytes a second that is
 * where bytes are what counts. The input is what a storm sends. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/index.h"
#include "base/number.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "cpu.h"
#include "micro_input.h"
#include "wire/amqp_content.h"
#include "wire/base64.h"
#include "wire/envelopes.h"
#include "wire/gzip.h"
#include "wire/json.h"
#include "wire/kombu.h"
#include "wire/resp.h"

enum {
    ROUNDS = 5,
    NHASHES = 100000,
    MESSAGE_MAX = 1 << 20,
};

struct micro {
    struct micro_input in;
    struct buf scratch;
    struct envelopes *envelopes;
    struct event_decoder *decoder;
    struct resp *resp;
    struct amqp_framer framer;
    struct amqp_content content;
    struct gzip *gzip;
    struct hash_key key;
    struct hash128 *hashes;
    struct index index;
    size_t next;
    volatile uint64_t sink; /* what is worked out is wanted */
};

/* One call, and how many bytes it read; 0: that is not what counts. */
typedef size_t (*micro_fn)(struct micro *m);

static void
must(bool ok)
{
    if (ok)
        return;
    fputs("bench_micro: the input is not what it should be\n", stderr);
    exit(EXIT_FAILURE);
}

static size_t
run_base64(struct micro *m)
{
    buf_clear(&m->scratch);
    must(base64_decode(&m->scratch, buf_str(&m->in.text64)));
    return m->in.text64.len;
}

static size_t
run_json(struct micro *m)
{
    struct json json;
    struct json_value key;
    struct json_value value;
    json_init(&json, buf_str(&m->in.single));
    must(json_enter_object(&json));
    while (json_next_key(&json, &key))
        must(json_read(&json, &value));
    must(json_finished(&json));
    return m->in.single.len;
}

static size_t
run_kombu(struct micro *m)
{
    struct message message;
    must(kombu_decode(buf_str(&m->in.single_payload), &m->scratch, &message) ==
         REJECT_NONE);
    return m->in.single_payload.len;
}

static size_t
decode_envelope(struct micro *m, const struct buf *payload)
{
    struct message message;
    buf_clear(&m->scratch);
    must(envelopes_decode(m->envelopes, buf_str(payload), &m->scratch,
                          &message) == REJECT_NONE);
    return payload->len;
}

static size_t
run_envelope(struct micro *m)
{
    return decode_envelope(m, &m->in.single_payload);
}

static size_t
run_envelope_of_list(struct micro *m)
{
    return decode_envelope(m, &m->in.list_payload);
}

static void
on_event(void *ctx, const struct event *ev)
{
    struct micro *m = ctx;
    m->sink += ev->uuid.len;
}

static void
on_reject(void *ctx, enum reject reason)
{
    (void)ctx;
    (void)reason;
    must(false);
}

static size_t
decode_body(struct micro *m, const struct buf *body)
{
    const struct event_handler handler = {on_event, on_reject, m};
    event_decode(m->decoder, buf_str(body), SERIALIZER_JSON, &handler);
    return body->len;
}

static size_t
run_event(struct micro *m)
{
    return decode_body(m, &m->in.single);
}

static size_t
run_event_list(struct micro *m)
{
    return decode_body(m, &m->in.list);
}

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct micro *m = ctx;
    m->sink += reply->nitems;
}

static size_t
run_resp(struct micro *m)
{
    must(resp_feed(m->resp, buf_str(&m->in.pushes.bytes)) == RESP_OK);
    return m->in.pushes.bytes.len;
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct micro *m = ctx;
    m->sink += frame->payload.len;
    return true;
}

static size_t
run_frames(struct micro *m)
{
    must(amqp_framer_feed(&m->framer, buf_str(&m->in.frames.bytes), on_frame,
                          m) == AMQP_FRAMING_OK);
    return m->in.frames.bytes.len;
}

static bool
on_content(void *ctx, const struct amqp_frame *frame)
{
    struct micro *m = ctx;
    return amqp_content_add(&m->content, frame) != AMQP_CONTENT_BROKEN;
}

static size_t
run_contents(struct micro *m)
{
    must(amqp_framer_feed(&m->framer, buf_str(&m->in.frames.bytes), on_content,
                          m) == AMQP_FRAMING_OK);
    return m->in.frames.bytes.len;
}

static size_t
run_parse_double(struct micro *m)
{
    double value = 0;
    must(number_parse_double(STR("1795361456.1246939"), &value));
    m->sink += (uint64_t)value;
    return 0;
}

static size_t
run_decimal(struct micro *m)
{
    m->sink += (uint64_t)number_decimal(17953614561246939, 7);
    return 0;
}

static size_t
run_add_double(struct micro *m)
{
    buf_clear(&m->scratch);
    number_add_double(&m->scratch, 4823.0487291937);
    return 0;
}

static size_t
run_add_u64(struct micro *m)
{
    buf_clear(&m->scratch);
    buf_add_u64(&m->scratch, 1234567);
    return 0;
}

static size_t
run_hash(struct micro *m)
{
    const struct str uuid = STR("d95bafc8-f2a4-427b-dcf4-bb99f4bea973");
    m->sink += hash_bytes(m->key, uuid).low;
    return 0;
}

static size_t
run_find(struct micro *m)
{
    m->next = (m->next + 7919) % NHASHES;
    must(index_find(&m->index, m->hashes[m->next]) == m->next);
    return 0;
}

static size_t
run_utf8(struct micro *m)
{
    must(utf8_valid(buf_str(&m->in.list)));
    return m->in.list.len;
}

static size_t
run_repair(struct micro *m)
{
    buf_clear(&m->scratch);
    utf8_repair(&m->scratch, buf_str(&m->in.list));
    return m->in.list.len;
}

static size_t
run_gzip(struct micro *m)
{
    buf_clear(&m->scratch);
    must(gzip_add(m->gzip, &m->scratch, buf_str(&m->in.page)));
    return m->in.page.len;
}

static const struct {
    const char *name;
    micro_fn run;
    size_t nitems; /* of one call */
} benches[] = {
    {"base64_decode, a list", run_base64, 1},
    {"json, an event", run_json, 1},
    {"kombu_decode, single", run_kombu, 1},
    {"envelopes_decode, single", run_envelope, 1},
    {"envelopes_decode, a list", run_envelope_of_list, 1},
    {"event_decode, single", run_event, 1},
    {"event_decode, a list", run_event_list, 1},
    {"resp_feed, a message", run_resp, MICRO_NMESSAGES},
    {"amqp_framer_feed, a message", run_frames, MICRO_NMESSAGES},
    {"the same with amqp_content_add", run_contents, MICRO_NMESSAGES},
    {"number_parse_double", run_parse_double, 1},
    {"number_decimal", run_decimal, 1},
    {"number_add_double", run_add_double, 1},
    {"buf_add_u64", run_add_u64, 1},
    {"hash_bytes, 36 bytes", run_hash, 1},
    {"index_find, of 100,000", run_find, 1},
    {"utf8_valid, a list", run_utf8, 1},
    {"utf8_repair, a list", run_repair, 1},
    {"gzip_add, 4 MiB of a page", run_gzip, 1},
};

static struct hash128
hash_of(const void *owner, uint32_t number)
{
    return ((const struct hash128 *)owner)[number];
}

static void
make_index(struct micro *m)
{
    m->hashes = xcalloc(NHASHES, sizeof(*m->hashes));
    index_init(&m->index, hash_of, m->hashes);
    for (uint32_t i = 0; i < NHASHES; i++) {
        m->hashes[i] = hash_bytes(m->key, (struct str){(const char *)&i, 4});
        index_add(&m->index, m->hashes[i], i);
    }
}

static void
micro_init(struct micro *m)
{
    const struct resp_limits limits = {.max_string = MESSAGE_MAX,
                                       .max_items = 16};
    *m = (struct micro){.key = {.seed = 20}};
    micro_input_init(&m->in);
    make_index(m);
    m->envelopes = envelopes_new();
    m->decoder = event_decoder_new();
    m->resp = resp_new(&limits, on_reply, m);
    m->gzip = gzip_new();
    amqp_framer_init(&m->framer, AMQP_FRAME_MOST);
    amqp_content_init(&m->content, MESSAGE_MAX);
}

static void
micro_close(struct micro *m)
{
    amqp_content_close(&m->content);
    amqp_framer_close(&m->framer);
    gzip_free(m->gzip);
    resp_free(m->resp);
    event_decoder_free(m->decoder);
    envelopes_free(m->envelopes);
    index_close(&m->index);
    free(m->hashes);
    buf_close(&m->scratch);
    micro_input_close(&m->in);
}

/* Seconds of a call. *bytes: how many it read. */
static double
time_calls(struct micro *m, micro_fn run, double least_s, size_t *bytes)
{
    double best = 1e9;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t ncalls = 0;
        double took = 0;
        const double began = cpu_seconds();
        /* The clock takes as long as some of the calls. */
        for (size_t share = 1; ncalls == 0 || took < least_s; share *= 2) {
            for (size_t i = 0; i < share; i++)
                *bytes = run(m);
            ncalls += share;
            took = cpu_seconds() - began;
        }
        best = took / (double)ncalls < best ? took / (double)ncalls : best;
    }
    return best;
}

int
main(int argc, char **argv)
{
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    const char *ms = argc > 1 + json ? argv[1 + json] : "50";
    struct micro m;
    micro_init(&m);
    if (json)
        fputs("{\"bench\": \"micro\", \"rows\": [", stdout);
    for (size_t i = 0; i < COUNT_OF(benches); i++) {
        size_t bytes = 0;
        const double call_s =
            time_calls(&m, benches[i].run, strtod(ms, NULL) / 1e3, &bytes);
        const double ns = call_s * 1e9 / (double)benches[i].nitems;
        const double mb_per_s = (double)bytes / call_s / 1e6;
        if (json)
            printf("%s{\"name\": \"%s\", \"value\": %.2f, \"unit\": \"ns\", "
                   "\"mb_per_s\": %.0f}",
                   i == 0 ? "" : ", ", benches[i].name, ns, mb_per_s);
        else if (bytes == 0)
            printf("%-36s %10.1f ns\n", benches[i].name, ns);
        else
            printf("%-36s %10.1f ns %8.0f MB/s\n", benches[i].name, ns,
                   mb_per_s);
    }
    if (json)
        puts("]}");
    micro_close(&m);
    return EXIT_SUCCESS;
}
