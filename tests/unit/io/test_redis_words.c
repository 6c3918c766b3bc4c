#include "io/redis_words.h"

#include <string.h>

#include "../suite.h"
#include "base/attr.h"
#include "io/redis_session.h"

const char suite_name[] = "redis_words";

static const struct {
    struct str error;
    const char *password;
    const char *want;
} auths[] = {
    {STR_INIT("WRONGPASS invalid username-password pair"), "x", "refused the"},
    {STR_INIT("ERR invalid password"), "x", "refused the"},
    {STR_INIT("WRONGPASS invalid username-password pair"), NULL,
     "redis://:password@host"},
    {STR_INIT("ERR AUTH <password> called without any password"), "x",
     "wants none"},
    {STR_INIT("ERR Client sent AUTH, but no password is set"), "x",
     "wants none"},
    {STR_INIT("ERR wrong number of arguments for 'auth' command"), "x",
     "knows no users"},
    {STR_INIT("ERR unknown command `AUTH`, with args `x`"), "x", "an error"},
    {STR_INIT("NOPERM this user"), "x", "NOPERM"},
    {STR_INIT("LOADING Redis is loading"), "x", "loading"},
    {STR_INIT("ERR max number of clients reached"), "x", "too many clients"},
};

START_TEST(refused_login_says_what_to_do)
{
    char password[] = "x";
    const struct url url = {.password =
                                auths[_i].password == NULL ? NULL : password};

    const char *words = redis_words_of_auth(auths[_i].error, &url);

    ck_assert_msg(strstr(words, auths[_i].want) != NULL, "%s", words);
}
END_TEST

static const struct {
    struct str bytes;
    const char *want;
} strangers[] = {
    {STR_INIT("HTTP/1.1 400"), "HTTP"},     {STR_INIT("<html>"), "HTTP"},
    {STR_INIT("\x15\x03\x01"), "TLS"},      {STR_INIT("\x16\x03\x01"), "TLS"},
    {STR_INIT("AMQP\0\0\x09\x01"), "AMQP"}, {STR_INIT("SSH-2.0-x"), "SSH"},
    {STR_INIT(">4\r\n"), "RESP2"},          {STR_INIT(""), "RESP2"},
};

START_TEST(stranger_is_recognised_by_its_first_bytes)
{
    const char *words = redis_words_of_stranger(strangers[_i].bytes);

    ck_assert_msg(strstr(words, strangers[_i].want) != NULL, "%s", words);
}
END_TEST

START_TEST(end_of_a_stream_has_a_reason_and_words)
{
    static const struct {
        enum stream_end end;
        bool connected;
        int error;
        enum broker_reason reason;
        const char *want;
    } ends[] = {
        {STREAM_RESOLVE, false, UV_EAI_NONAME, BROKER_RESOLVE, "host name: "},
        {STREAM_REFUSED, false, UV_ECONNREFUSED, BROKER_REFUSED,
         "nobody listens there: connection refused"},
        {STREAM_TIMEOUT, false, UV_ETIMEDOUT, BROKER_TIMEOUT, "in time"},
        {STREAM_TIMEOUT, true, UV_ETIMEDOUT, BROKER_SILENT, "in time"},
        {STREAM_UNREACHABLE, false, UV_ENETUNREACH, BROKER_UNREACHABLE,
         "unreachable"},
        {STREAM_CLOSED, true, UV_EOF, BROKER_CLOSED, "during the login"},
        {STREAM_RESET, true, UV_ECONNRESET, BROKER_RESET, "during the login"},
        {STREAM_CLOGGED, true, 0, BROKER_SILENT, "does not read"},
    };
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char words[256];
        redis_words_of_end(words, sizeof(words), ends[i].end, ends[i].error,
                           true);
        ck_assert_msg(strstr(words, ends[i].want) != NULL, "%s", words);
        ck_assert_int_eq(redis_reason_of_end(ends[i].end, ends[i].connected),
                         ends[i].reason);
    }
    char words[8];
    redis_words_of_end(words, sizeof(words), STREAM_CLOSED, 0, false);
    ck_assert_str_eq(words, "the ser");
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, refused_login_says_what_to_do, 0,
                        (int)COUNT_OF(auths));
    tcase_add_loop_test(tc, stranger_is_recognised_by_its_first_bytes, 0,
                        (int)COUNT_OF(strangers));
    tcase_add_test(tc, end_of_a_stream_has_a_reason_and_words);
}
