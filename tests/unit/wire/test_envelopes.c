#include "wire/envelopes.h"

#include "../cases.h"
#include "../suite.h"
#include "wire/kombu.h"

const char suite_name[] = "envelopes";

#define HEAD "{\"body\": \""
#define MIDDLE                                                            \
    "\", \"content-encoding\": \"utf-8\", \"content-type\": "             \
    "\"application/json\", \"headers\": {\"hostname\": \"celery@one\"}, " \
    "\"properties\": {\"delivery_mode\": 1, \"delivery_info\": "          \
    "{\"exchange\": \"celeryev\", \"routing_key\": \"task.multi\"}, "     \
    "\"priority\": 0, "
#define IN_BASE64 "\"body_encoding\": \"base64\""
#define TAG ", \"delivery_tag\": \"d95bafc8-f2a4-427b-dcf4-bb99f4bea973\"}}"
#define OTHER_TAG \
    ", \"delivery_tag\": \"5c6e4337-15ba-4bdd-1772-19d30e7a269f\"}}"

/* Both decoders say the same of it. */
static void
expect_same(struct envelopes *envelopes, struct str payload)
{
    struct buf known_scratch;
    struct buf scratch;
    struct message known;
    struct message read;
    buf_init(&known_scratch, 0);
    buf_init(&scratch, 0);

    const enum reject got =
        envelopes_decode(envelopes, payload, &known_scratch, &known);
    const enum reject want = kombu_decode(payload, &scratch, &read);

    ck_assert_int_eq(got, want);
    if (want == REJECT_NONE) {
        ck_assert_int_eq(known.serializer, read.serializer);
        ck_assert_msg(str_eq(known.body, read.body), "%.*s", STR_FMT(payload));
        ck_assert(str_eq(known.ticket, read.ticket));
    }
    buf_close(&scratch);
    buf_close(&known_scratch);
}

/* The first is read, and what is remembered of it must not mislead of the
 * second. */
static const struct {
    const char *first;
    const char *second;
} pairs[] = {
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "W10=" MIDDLE IN_BASE64 OTHER_TAG},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "" MIDDLE IN_BASE64 TAG},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "e3=0" MIDDLE IN_BASE64 TAG},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "e3\\u0030=" MIDDLE IN_BASE64 TAG},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "e30\n" MIDDLE IN_BASE64 TAG},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "e30\xc3\xa9" MIDDLE IN_BASE64 TAG},
    /* no base64, but looks like it */
    {HEAD "" MIDDLE "\"body_encoding\": null" TAG,
     HEAD "e30=" MIDDLE "\"body_encoding\": null" TAG},
    {HEAD "1234" MIDDLE "\"body_encoding\": \"utf-8\"" TAG,
     HEAD "5678" MIDDLE "\"body_encoding\": \"utf-8\"" TAG},
    {HEAD "12\\n4" MIDDLE "\"body_encoding\": null" TAG,
     HEAD "5678" MIDDLE "\"body_encoding\": null" TAG},
    {HEAD "12\xff" MIDDLE "\"body_encoding\": null" TAG,
     HEAD "5678" MIDDLE "\"body_encoding\": null" TAG},
    /* what says base64 stands where the tag does */
    {HEAD "e30=" MIDDLE "\"x\": 0, \"delivery_tag\": "
                        "\"12345678901\",\"body_encoding\":\"base64\"}}",
     HEAD "e30=" MIDDLE "\"x\": 0" TAG},
    /* another body behind the first */
    {HEAD "e30=" MIDDLE IN_BASE64 "}, \"body\": \"e30=\", \"x\": {\"y\": 0" TAG,
     HEAD "W10=" MIDDLE IN_BASE64
          "}, \"body\": \"e30=\", \"x\": {\"y\": 0" TAG},
    {HEAD "e30=" MIDDLE IN_BASE64 "}, \"bo\\u0064y\": \"e30=\", \"x\": {\"y\": "
          "0" TAG,
     HEAD "W10=" MIDDLE IN_BASE64 "}, \"bo\\u0064y\": \"e30=\", \"x\": {\"y\": "
          "0" TAG},
    /* a tag that is none, or more */
    {HEAD "e30=" MIDDLE IN_BASE64 TAG,
     HEAD "e30=" MIDDLE IN_BASE64
          ", \"delivery_tag\": \"d95bafc8-f2a4-427b-dcf4-bb99f4bea97\\\"}}"},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG,
     HEAD "e30=" MIDDLE IN_BASE64
          ", \"delivery_tag\": \"d95bafc8-f2a4\", \"a\": \"bb99f4bea97\"}}"},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG,
     HEAD "e30=" MIDDLE IN_BASE64
          ", \"delivery_tag\": \"d95bafc8-f2a4-427b-dcf4-bb99f4bea97\n\"}}"},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "e30=" MIDDLE IN_BASE64 TAG "}"},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD "e30="},
    {HEAD "e30=" MIDDLE IN_BASE64 TAG, HEAD},
};

START_TEST(what_is_remembered_misleads_of_nothing)
{
    struct envelopes *envelopes = envelopes_new();
    const struct str first = str_from(pairs[_i].first);
    const struct str second = str_from(pairs[_i].second);

    expect_same(envelopes, first);
    expect_same(envelopes, first);
    expect_same(envelopes, second);
    expect_same(envelopes, second);
    expect_same(envelopes, first);

    envelopes_free(envelopes);
}
END_TEST

static struct envelopes *all;

static void
check_case(const struct test_case *c)
{
    const struct str payload = case_file(c, "input");
    expect_same(all, payload);
    expect_same(all, payload);
    case_close(payload);
}

START_TEST(every_case_gives_what_reading_it_gives)
{
    all = envelopes_new();

    case_walk("kombu", check_case);

    envelopes_free(all);
}
END_TEST

START_TEST(a_known_envelope_without_room_is_a_refusal)
{
    struct envelopes *envelopes = envelopes_new();
    const struct str payload = STR(HEAD "e30=" MIDDLE IN_BASE64 TAG);
    struct message message;
    struct buf scratch;
    expect_same(envelopes, payload);
    buf_init(&scratch, 1);

    const enum reject reason =
        envelopes_decode(envelopes, payload, &scratch, &message);

    ck_assert_int_eq(reason, REJECT_SIZE);
    buf_close(&scratch);
    envelopes_free(envelopes);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, what_is_remembered_misleads_of_nothing, 0,
                        COUNT_OF(pairs));
    tcase_add_test(tc, every_case_gives_what_reading_it_gives);
    tcase_add_test(tc, a_known_envelope_without_room_is_a_refusal);
}
