#include "wire/kombu.h"

#include <jansson.h>

#include "../cases.h"
#include "../suite.h"

const char suite_name[] = "kombu";

static const char *
serializer_name(enum serializer serializer)
{
    return serializer == SERIALIZER_JSON ? "json" : "msgpack";
}

/* reject=REASON, or serializer=NAME and, of a control reply, ticket=TEXT. */
static void
check_case(const struct test_case *c)
{
    struct buf scratch;
    struct buf got;
    buf_init(&scratch, 0);
    buf_init(&got, 0);
    const struct str payload = case_file(c, "input");
    const struct str want = case_file(c, "expected");
    const struct str body = case_file(c, "body");
    struct message message;

    const enum reject reason = kombu_decode(payload, &scratch, &message);

    if (reason != REJECT_NONE) {
        buf_printf(&got, "reject=%.*s\n", STR_FMT(reject_name(reason)));
    } else {
        buf_printf(&got, "serializer=%s", serializer_name(message.serializer));
        if (message.ticket.len > 0)
            buf_printf(&got, " ticket=%.*s", STR_FMT(message.ticket));
        buf_add_byte(&got, '\n');
        ck_assert_msg(str_eq(message.body, body), "%s: body", c->name);
    }
    if (!str_eq(want, STR("serializer=msgpack\n")) || reason == REJECT_NONE)
        case_expect(c, buf_str(&got), want);
    else
        ck_assert_int_eq(reason, REJECT_CONTENT_TYPE);
    case_close(payload);
    case_close(want);
    case_close(body);
    buf_close(&got);
    buf_close(&scratch);
}

START_TEST(every_case_gives_the_body_or_the_refusal_expected)
{
    case_walk("kombu", check_case);
}
END_TEST

START_TEST(an_envelope_that_we_write_can_be_read)
{
    const struct str body = STR("{\"method\": \"ping\"}");
    struct buf envelope;
    struct buf scratch;
    buf_init(&envelope, 0);
    buf_init(&scratch, 0);

    kombu_encode(&envelope, body, STR("celery.pidbox"), STR("a\"b"),
                 STR("tag"));

    struct message message;
    ck_assert(buf_ok(&envelope));
    ck_assert_int_eq(kombu_decode(buf_str(&envelope), &scratch, &message),
                     REJECT_NONE);
    ck_assert(str_eq(message.body, body));
    ck_assert_int_eq(message.serializer, SERIALIZER_JSON);
    json_t *root = json_loadb(envelope.ptr, envelope.len, 0, NULL);
    json_t *properties = json_object_get(root, "properties");
    json_t *info = json_object_get(properties, "delivery_info");
    ck_assert_str_eq(json_string_value(json_object_get(info, "exchange")),
                     "celery.pidbox");
    ck_assert_str_eq(json_string_value(json_object_get(info, "routing_key")),
                     "a\"b");
    ck_assert_str_eq(
        json_string_value(json_object_get(properties, "delivery_tag")), "tag");
    json_decref(root);
    buf_close(&scratch);
    buf_close(&envelope);
}
END_TEST

START_TEST(a_name_that_is_not_utf8_fails_the_envelope)
{
    struct buf envelope;
    buf_init(&envelope, 0);

    kombu_encode(&envelope, STR("{}"), STR("\xff"), STR(""), STR(""));

    ck_assert(!buf_ok(&envelope));
    buf_close(&envelope);
}
END_TEST

START_TEST(a_scratch_that_may_not_grow_is_a_refusal)
{
    struct buf scratch;
    buf_init(&scratch, 8);
    struct message message;

    const enum reject reason = kombu_decode(
        STR("{\"body\":\"W10=W10=W10=W10=\",\"content-type\":\"application/"
            "json\",\"properties\":{\"body_encoding\":\"base64\"}}"),
        &scratch, &message);

    ck_assert_int_eq(reason, REJECT_SIZE);
    buf_close(&scratch);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, every_case_gives_the_body_or_the_refusal_expected);
    tcase_add_test(tc, an_envelope_that_we_write_can_be_read);
    tcase_add_test(tc, a_name_that_is_not_utf8_fails_the_envelope);
    tcase_add_test(tc, a_scratch_that_may_not_grow_is_a_refusal);
}
