#include "wire/event.h"

#include <math.h>

#include "../cases.h"
#include "../suite.h"
#include "wire/kombu.h"

const char suite_name[] = "event";

/* What is delivered, a line each, in the order of delivery: reject=REASON, or
 * an event as KEY=VALUE with what is absent left out. Numbers have nine
 * decimals; in texts blanks, backslashes and what is not printable ASCII are
 * \xNN. */

static void
add_text(struct buf *out, const char *key, struct str text)
{
    if (text.ptr == NULL)
        return;
    buf_printf(out, " %s=", key);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c > 0x20 && c < 0x7f && c != '\\')
            buf_add_byte(out, (char)c);
        else
            buf_printf(out, "\\x%02x", c);
    }
}

static void
add_number(struct buf *out, const char *key, double number)
{
    if (!isnan(number))
        buf_printf(out, " %s=%.9f", key, number);
}

static void
add_count(struct buf *out, const char *key, int64_t count)
{
    if (count != -1)
        buf_printf(out, " %s=%lld", key, (long long)count);
}

static void
add_flag(struct buf *out, const char *key, bool flag)
{
    if (flag)
        buf_printf(out, " %s=true", key);
}

static void
add_loadavg(struct buf *out, const double *loadavg)
{
    if (isnan(loadavg[0]) && isnan(loadavg[1]) && isnan(loadavg[2]))
        return;
    for (size_t i = 0; i < 3; i++) {
        buf_add_str(out, i == 0 ? STR(" loadavg=") : STR(","));
        if (isnan(loadavg[i]))
            buf_add_str(out, STR("nan"));
        else
            buf_printf(out, "%.9f", loadavg[i]);
    }
}

static void
on_event(void *ctx, const struct event *ev)
{
    struct buf *out = ctx;
    ck_assert_ptr_nonnull(ev->hostname.ptr);
    buf_printf(out, "type=%.*s", STR_FMT(event_type_name(ev->type)));
    add_text(out, "hostname", ev->hostname);
    add_text(out, "uuid", ev->uuid);
    add_number(out, "timestamp", ev->timestamp);
    add_count(out, "pid", ev->pid);
    add_count(out, "clock", ev->clock);
    add_text(out, "name", ev->name);
    add_text(out, "queue", ev->queue);
    add_count(out, "retries", ev->retries);
    add_number(out, "eta", ev->eta);
    add_number(out, "expires", ev->expires);
    add_flag(out, "terminated", ev->terminated);
    add_flag(out, "expired", ev->expired);
    add_flag(out, "requeue", ev->requeue);
    add_number(out, "runtime", ev->runtime);
    add_text(out, "exception", ev->exception);
    add_count(out, "active", ev->active);
    add_count(out, "processed", ev->processed);
    add_loadavg(out, ev->loadavg);
    add_text(out, "sw_ident", ev->sw_ident);
    add_text(out, "sw_ver", ev->sw_ver);
    add_text(out, "sw_sys", ev->sw_sys);
    buf_add_byte(out, '\n');
}

static void
on_reject(void *ctx, enum reject reason)
{
    buf_printf(ctx, "reject=%.*s\n", STR_FMT(reject_name(reason)));
}

static void
decode(struct event_decoder *decoder, struct str body,
       enum serializer serializer, struct buf *out)
{
    const struct event_handler handler = {
        .event = on_event,
        .reject = on_reject,
        .ctx = out,
    };
    event_decode(decoder, body, serializer, &handler);
}

/* False when this build cannot read msgpack. */
static bool
has_msgpack(void)
{
    enum serializer serializer;
    return kombu_content(STR("application/x-msgpack"), STR("binary"),
                         (struct str){0}, &serializer) == REJECT_NONE;
}

static void
check_case(const struct test_case *c)
{
    struct event_decoder *decoder = event_decoder_new();
    struct buf got;
    buf_init(&got, 0);
    const struct str json = case_file(c, "input.json");
    const struct str msgpack = case_file(c, "input.msgpack");
    const struct str want = case_file(c, "expected");
    ck_assert_msg((json.ptr == NULL) != (msgpack.ptr == NULL),
                  "%s needs one input", c->name);

    if (json.ptr != NULL)
        decode(decoder, json, SERIALIZER_JSON, &got);
    else if (has_msgpack())
        decode(decoder, msgpack, SERIALIZER_MSGPACK, &got);
    else
        buf_add_str(&got, want);

    case_expect(c, buf_str(&got), want);
    case_close(json);
    case_close(msgpack);
    case_close(want);
    buf_close(&got);
    event_decoder_free(decoder);
}

START_TEST(every_case_gives_the_events_and_refusals_expected)
{
    case_walk("event", check_case);
}
END_TEST

START_TEST(a_body_cut_anywhere_ends_with_one_refusal)
{
    const struct str body =
        STR("[{\"type\": \"task-started\", \"hostname\": \"w\\u0040h\", "
            "\"uuid\": \"u\", \"timestamp\": 1.5, \"args\": [{\"a\": null}]}]");
    struct event_decoder *decoder = event_decoder_new();

    for (size_t len = 0; len < body.len; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, body.ptr, len);
        struct buf got;
        buf_init(&got, 0);
        decode(decoder, (struct str){copy, len}, SERIALIZER_JSON, &got);

        const struct str want =
            len + 1 < body.len ? STR("reject=json\n")
                               : STR("type=task-started hostname=w@h uuid=u "
                                     "timestamp=1.500000000\nreject=json\n");
        ck_assert_msg(str_eq(buf_str(&got), want), "%zu: %.*s", len,
                      STR_FMT(buf_str(&got)));
        buf_close(&got);
        free(copy);
    }
    event_decoder_free(decoder);
}
END_TEST

START_TEST(a_decoder_keeps_nothing_from_the_event_before)
{
    struct event_decoder *decoder = event_decoder_new();
    struct buf got;
    buf_init(&got, 0);

    decode(decoder,
           STR("[{\"type\":\"task-received\",\"hostname\":\"\\u0061\","
               "\"uuid\":\"\\u0062\",\"name\":\"\\u0063\",\"pid\":1,"
               "\"timestamp\":1},"
               "{\"type\":\"task-started\",\"hostname\":\"h\",\"uuid\":\"u\","
               "\"timestamp\":2}]"),
           SERIALIZER_JSON, &got);

    ck_assert_msg(
        str_eq(buf_str(&got),
               STR("type=task-received hostname=a uuid=b timestamp=1.000000000 "
                   "pid=1 name=c\n"
                   "type=task-started hostname=h uuid=u "
                   "timestamp=2.000000000\n")),
        "%.*s", STR_FMT(buf_str(&got)));
    buf_close(&got);
    event_decoder_free(decoder);
}
END_TEST

START_TEST(a_hundred_thousand_events_in_one_list_are_all_delivered)
{
    enum { N = 100000 };
    const struct str one = STR("{\"type\":\"x\",\"timestamp\":1},");
    struct buf body;
    struct buf got;
    buf_init(&body, 0);
    buf_init(&got, 0);
    buf_add_byte(&body, '[');
    for (int i = 0; i < N; i++)
        buf_add_str(&body, one);
    body.ptr[body.len - 1] = ']';
    struct event_decoder *decoder = event_decoder_new();

    decode(decoder, buf_str(&body), SERIALIZER_JSON, &got);

    const struct str line = STR("type=other hostname= timestamp=1.000000000\n");
    ck_assert_uint_eq(got.len, N * line.len);
    event_decoder_free(decoder);
    buf_close(&got);
    buf_close(&body);
}
END_TEST

START_TEST(a_million_brackets_are_skipped_without_recursion)
{
    enum { DEPTH = 1000000 };
    struct buf body;
    struct buf got;
    buf_init(&body, 0);
    buf_init(&got, 0);
    buf_add_str(&body, STR("{\"type\":\"x\",\"timestamp\":1,\"a\":"));
    for (int i = 0; i < DEPTH; i++)
        buf_add_byte(&body, '[');
    for (int i = 0; i < DEPTH; i++)
        buf_add_byte(&body, ']');
    buf_add_byte(&body, '}');
    struct event_decoder *decoder = event_decoder_new();

    decode(decoder, buf_str(&body), SERIALIZER_JSON, &got);

    ck_assert(str_eq(buf_str(&got),
                     STR("type=other hostname= timestamp=1.000000000\n")));
    event_decoder_free(decoder);
    buf_close(&got);
    buf_close(&body);
}
END_TEST

START_TEST(types_have_the_names_celery_gives_them)
{
    ck_assert(str_eq(event_type_name(EVENT_TASK_SENT), STR("task-sent")));
    ck_assert(
        str_eq(event_type_name(EVENT_WORKER_OFFLINE), STR("worker-offline")));
    ck_assert(str_eq(event_type_name(EVENT_OTHER), STR("other")));
    event_decoder_free(NULL);
}
END_TEST

START_TEST(every_reason_has_a_name_of_its_own)
{
    for (enum reject a = REJECT_NONE + 1; a < REJECT_COUNT; a++) {
        ck_assert_uint_gt(reject_name(a).len, 0);
        for (enum reject b = REJECT_NONE + 1; b < a; b++)
            ck_assert(!str_eq(reject_name(a), reject_name(b)));
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, every_case_gives_the_events_and_refusals_expected);
    tcase_add_test(tc, a_body_cut_anywhere_ends_with_one_refusal);
    tcase_add_test(tc, a_decoder_keeps_nothing_from_the_event_before);
    tcase_add_test(tc, a_hundred_thousand_events_in_one_list_are_all_delivered);
    tcase_add_test(tc, a_million_brackets_are_skipped_without_recursion);
    tcase_add_test(tc, types_have_the_names_celery_gives_them);
    tcase_add_test(tc, every_reason_has_a_name_of_its_own);
}
