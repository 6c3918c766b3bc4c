#include "wire/base64.h"

#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "base64";

static const struct {
    const char *text;
    const char *bytes;
} pairs[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"+/+/", "\xfb\xff\xbf"},
};

START_TEST(the_test_vectors_go_both_ways)
{
    struct buf bytes;
    struct buf text;
    buf_init(&bytes, 0);
    buf_init(&text, 0);

    ck_assert(base64_decode(&bytes, str_from(pairs[_i].text)));
    base64_encode(&text, str_from(pairs[_i].bytes));

    ck_assert(str_eq(buf_str(&bytes), str_from(pairs[_i].bytes)));
    ck_assert(str_eq(buf_str(&text), str_from(pairs[_i].text)));
    buf_close(&text);
    buf_close(&bytes);
}
END_TEST

static const char *const refused[] = {
    "Z",    "Zg",   "Zg=",  "Zg=a", "=",        "====",     "Z===",   "Zm=v",
    "Zm 8", "Zm8-", "Zm8_", "Zm8.", "Zm9vZg=v", "Zg==Zm9v", "Zm9v\n", "Zm\x80v",
};

START_TEST(broken_text_is_refused_and_nothing_kept)
{
    struct buf out;
    buf_init(&out, 0);
    buf_add_str(&out, STR("before"));

    ck_assert(!base64_decode(&out, str_from(refused[_i])));

    ck_assert(str_eq(buf_str(&out), STR("before")));
    buf_close(&out);
}
END_TEST

START_TEST(a_buffer_that_may_not_grow_refuses)
{
    struct buf out;
    buf_init(&out, 2);

    ck_assert(!base64_decode(&out, STR("Zm9v")));

    buf_close(&out);
}
END_TEST

/* All bytes at all places of texts so long that they are decoded in vectors,
 * and each of them in an allocation of its own size. */
START_TEST(long_texts_come_back_as_they_were)
{
    unsigned char bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7 + (size_t)_i);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        struct buf text;
        struct buf back;
        buf_init(&text, 0);
        buf_init(&back, 0);
        base64_encode(&text, (struct str){(char *)bytes, len});
        char *exact = malloc(text.len + (text.len == 0));
        if (text.len > 0)
            memcpy(exact, text.ptr, text.len);

        ck_assert(base64_decode(&back, (struct str){exact, text.len}));

        ck_assert(str_eq(buf_str(&back), (struct str){(char *)bytes, len}));
        free(exact);
        buf_close(&back);
        buf_close(&text);
    }
}
END_TEST

START_TEST(one_wrong_character_anywhere_is_seen)
{
    const char wrong = (char)_i;
    if (memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
               "+/",
               wrong, 64) != NULL)
        return;
    for (size_t at = 0; at < 64; at++) {
        char text[64];
        memset(text, 'A', sizeof(text));
        text[at] = wrong;
        struct buf out;
        buf_init(&out, 0);

        const bool ok = base64_decode(&out, (struct str){text, sizeof(text)});

        ck_assert_int_eq(ok, wrong == '=' && at == 63);
        buf_close(&out);
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, the_test_vectors_go_both_ways, 0, COUNT_OF(pairs));
    tcase_add_loop_test(tc, broken_text_is_refused_and_nothing_kept, 0,
                        COUNT_OF(refused));
    tcase_add_test(tc, a_buffer_that_may_not_grow_refuses);
    tcase_add_loop_test(tc, long_texts_come_back_as_they_were, 0, 4);
    tcase_add_loop_test(tc, one_wrong_character_anywhere_is_seen, 0, 256);
}
