#include "wire/base64.h"

#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "wire/base64_vectors.h"

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

static const struct {
    const char *text;
    size_t used;
    const char *bytes;
} runs[] = {
    {"Zm9v", 4, "foo"},      {"Zm9v\", \"x\": \"Zm9v\"}", 4, "foo"},
    {"Zg==\"", 4, "f"},      {"Zm8=\\n", 4, "fo"},
    {"Zm9v-Zm9v", 4, "foo"}, {"Zm9v\x80Zm9v", 4, "foo"},
    {"\"Zm9v", 0, ""},       {"\\u0041", 0, ""},
};

START_TEST(a_run_ends_before_the_first_byte_outside_the_alphabet)
{
    struct buf out;
    buf_init(&out, 0);
    buf_add_str(&out, STR("before "));
    size_t used = 99;

    ck_assert(base64_decode_run(&out, str_from(runs[_i].text), &used));

    ck_assert_uint_eq(used, runs[_i].used);
    ck_assert(
        str_eq(str_slice(buf_str(&out), 7, out.len), str_from(runs[_i].bytes)));
    buf_close(&out);
}
END_TEST

static const char *const broken_runs[] = {
    "Z\"",   "Zg\"",   "Zg=\"",  "Zm9vZ\"",    "Zg===\"", "=\"",
    "===\"", "====\"", "Z===\"", "Zg==Zg==\"", "Zm9=v\"", "Zg==========\"",
};

START_TEST(a_broken_run_is_refused_and_nothing_kept)
{
    struct buf out;
    buf_init(&out, 0);
    buf_add_str(&out, STR("before"));
    size_t used = 99;

    ck_assert(!base64_decode_run(&out, str_from(broken_runs[_i]), &used));

    ck_assert_uint_eq(used, 0);
    ck_assert(str_eq(buf_str(&out), STR("before")));
    buf_close(&out);
}
END_TEST

/* A text of _i characters, padding at its end, and any byte behind it: as if it
 * were alone. */
START_TEST(a_run_of_any_length_is_decoded_as_if_it_were_alone)
{
    const size_t len = (size_t)_i;
    for (size_t npad = 0; npad <= 3 && npad <= len; npad++)
        for (size_t nbehind = 0; nbehind < 70; nbehind++) {
            char *text = malloc(len + nbehind + (len + nbehind == 0));
            for (size_t i = 0; i < len; i++)
                text[i] = "+/09AZaz"[(i * i + i) % 8];
            memset(text + len - npad, '=', npad);
            for (size_t i = 0; i < nbehind; i++)
                text[len + i] = "\"Zm9v="[i % 6];
            struct buf alone;
            struct buf run;
            buf_init(&alone, 0);
            buf_init(&run, 0);
            size_t used;

            const bool want = base64_decode(&alone, (struct str){text, len});
            const bool got = base64_decode_run(
                &run, (struct str){text, len + nbehind}, &used);

            ck_assert_int_eq(got, want);
            ck_assert_int_eq(got, len % 4 == 0 && npad < 3);
            ck_assert_uint_eq(used, got ? len : 0);
            ck_assert(str_eq(buf_str(&run), buf_str(&alone)));
            buf_close(&run);
            buf_close(&alone);
            free(text);
        }
}
END_TEST

/* 200 characters, the one at _i outside the alphabet. */
START_TEST(vectors_of_each_width_stop_at_the_group_that_is_none)
{
    const size_t wrong = (size_t)_i;
    char text[200];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "+/09AZaz"[(i * i + i) % 8];
    struct buf want;
    buf_init(&want, 0);
    ck_assert(base64_decode(&want, (struct str){text, sizeof(text)}));
    for (size_t width = 0; width <= BASE64_WIDEST; width += 16)
        for (const char *bad = "=\"-_\x80"; *bad != '\0'; bad++) {
            const char right = text[wrong];
            text[wrong] = *bad;
            unsigned char out[150];

            const size_t n =
                base64_decode_vectors(out, text, sizeof(text), width);

            ck_assert_uint_eq(n % 4, 0);
            ck_assert_uint_le(n, wrong);
            ck_assert(n == 0 || n + 44 > sizeof(text) || n + 4 > wrong);
            ck_assert_mem_eq(out, want.ptr, n / 4 * 3);
            text[wrong] = right;
        }
    buf_close(&want);
}
END_TEST

START_TEST(a_buffer_that_may_not_grow_refuses)
{
    struct buf out;
    buf_init(&out, 2);

    size_t used;

    ck_assert(!base64_decode(&out, STR("Zm9v")));
    buf_clear(&out);
    ck_assert(!base64_decode_run(&out, STR("Zm9v"), &used));

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
    tcase_add_loop_test(tc,
                        a_run_ends_before_the_first_byte_outside_the_alphabet,
                        0, COUNT_OF(runs));
    tcase_add_loop_test(tc, a_broken_run_is_refused_and_nothing_kept, 0,
                        COUNT_OF(broken_runs));
    tcase_add_loop_test(tc, a_run_of_any_length_is_decoded_as_if_it_were_alone,
                        0, 140);
    tcase_add_loop_test(
        tc, vectors_of_each_width_stop_at_the_group_that_is_none, 0, 200);
    tcase_add_test(tc, a_buffer_that_may_not_grow_refuses);
    tcase_add_loop_test(tc, long_texts_come_back_as_they_were, 0, 4);
    tcase_add_loop_test(tc, one_wrong_character_anywhere_is_seen, 0, 256);
}
