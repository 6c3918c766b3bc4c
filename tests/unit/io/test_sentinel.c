#include "io/sentinel_reply.h"

#include "../suite.h"
#include "base/attr.h"

const char suite_name[] = "sentinel";

/* What a server sends, and what is read out of it. */
struct answer {
    enum sentinel_verdict verdict;
    struct sentinel_master master;
    enum sentinel_verdict others; /* at least two other Sentinels */
    enum redis_role role;
    unsigned nreplies;
};

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct answer *answer = ctx;
    answer->nreplies++;
    answer->verdict = sentinel_read_address(reply, &answer->master);
    answer->others = sentinel_read_others(reply, 2);
    answer->role = redis_read_role(reply);
}

static struct answer
read_bytes(const char *bytes)
{
    struct answer answer = {0};
    struct resp *resp =
        resp_new(&(struct resp_limits){.max_string = 400, .max_items = 64},
                 on_reply, &answer);
    ck_assert_int_eq(resp_feed(resp, str_from(bytes)), RESP_OK);
    resp_free(resp);
    ck_assert_uint_eq(answer.nreplies, 1);
    return answer;
}

#define S10 "0123456789"
#define S50 S10 S10 S10 S10 S10

static const struct {
    const char *bytes;
    enum sentinel_verdict want;
    const char *host;
    uint16_t port;
} addresses[] = {
    {"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", SENTINEL_FOUND, "127.0.0.1",
     6379},
    {"*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", SENTINEL_FOUND, "::1", 65535},
    {"*2\r\n$13\r\nredis-0.local\r\n$1\r\n1\r\n", SENTINEL_FOUND,
     "redis-0.local", 1},
    /* no master of that name */
    {"*-1\r\n", SENTINEL_UNKNOWN, "", 0},
    {"$-1\r\n", SENTINEL_UNKNOWN, "", 0},
    {"-NOAUTH Authentication required.\r\n", SENTINEL_ERROR, "", 0},
    {"-ERR unknown command 'SENTINEL'\r\n", SENTINEL_ERROR, "", 0},
    {"+OK\r\n", SENTINEL_STRANGE, "", 0},
    {":1\r\n", SENTINEL_STRANGE, "", 0},
    {"*0\r\n", SENTINEL_STRANGE, "", 0},
    {"*1\r\n$1\r\na\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$1\r\na\r\n:6379\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$-1\r\n$4\r\n6379\r\n", SENTINEL_STRANGE, "", 0},
    {"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    /* ports that are none */
    {"*2\r\n$1\r\na\r\n$1\r\n0\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$1\r\na\r\n$5\r\n65536\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$1\r\na\r\n$2\r\n-1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$1\r\na\r\n$2\r\n1x\r\n", SENTINEL_STRANGE, "", 0},
    /* names that are none, and would reach the resolver and the log */
    {"*2\r\n$0\r\n\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$3\r\na b\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$3\r\na\nb\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$3\r\na\x1b[\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$4\r\n/etc\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$3\r\nu@h\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$2\r\n\xc3\xa4\r\n$1\r\n1\r\n", SENTINEL_STRANGE, "", 0},
    {"*2\r\n$255\r\n" S50 S50 S50 S50 S50 "01234\r\n$1\r\n1\r\n",
     SENTINEL_FOUND, S50 S50 S50 S50 S50 "01234", 1},
    {"*2\r\n$256\r\n" S50 S50 S50 S50 S50 "012345\r\n$1\r\n1\r\n",
     SENTINEL_STRANGE, "", 0},
};

START_TEST(address_of_the_master_is_read_and_checked)
{
    const struct answer answer = read_bytes(addresses[_i].bytes);

    ck_assert_msg(answer.verdict == addresses[_i].want, "%s: %d",
                  addresses[_i].bytes, answer.verdict);
    ck_assert_str_eq(answer.master.host, addresses[_i].host);
    ck_assert_uint_eq(answer.master.port, addresses[_i].port);
}
END_TEST

#define OTHERS "$19\r\nnum-other-sentinels\r\n"

static const struct {
    const char *bytes;
    enum sentinel_verdict want;
} others[] = {
    {"*4\r\n$4\r\nname\r\n$1\r\nm\r\n" OTHERS "$1\r\n2\r\n", SENTINEL_FOUND},
    {"*4\r\n" OTHERS "$1\r\n3\r\n$4\r\nname\r\n$1\r\nm\r\n", SENTINEL_FOUND},
    {"*2\r\n" OTHERS "$1\r\n1\r\n", SENTINEL_FEW},
    {"*2\r\n" OTHERS "$1\r\nx\r\n", SENTINEL_FEW},
    {"*2\r\n" OTHERS "$-1\r\n", SENTINEL_FEW},
    {"*1\r\n" OTHERS, SENTINEL_STRANGE},
    {"*0\r\n", SENTINEL_STRANGE},
    {"+OK\r\n", SENTINEL_STRANGE},
    {"-ERR No such master with that name\r\n", SENTINEL_ERROR},
};

START_TEST(other_sentinels_are_counted)
{
    ck_assert_msg(read_bytes(others[_i].bytes).others == others[_i].want, "%s",
                  others[_i].bytes);
}
END_TEST

static const struct {
    const char *bytes;
    enum redis_role want;
} roles[] = {
    {"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", REDIS_ROLE_MASTER},
    {"*3\r\n$6\r\nmaster\r\n:5\r\n*1\r\n*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n5"
     "\r\n",
     REDIS_ROLE_MASTER},
    {"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:5\r\n",
     REDIS_ROLE_OTHER},
    {"*2\r\n$8\r\nsentinel\r\n*0\r\n", REDIS_ROLE_OTHER},
    {"*0\r\n", REDIS_ROLE_OTHER},
    {"+master\r\n", REDIS_ROLE_OTHER},
    {"-NOPERM this user has no permissions to run the 'role' command\r\n",
     REDIS_ROLE_HIDDEN},
    {"-ERR unknown command 'ROLE'\r\n", REDIS_ROLE_HIDDEN},
    {"-LOADING Redis is loading\r\n", REDIS_ROLE_ERROR},
    {"-BUSY Redis is busy\r\n", REDIS_ROLE_ERROR},
};

START_TEST(role_is_read)
{
    ck_assert_msg(read_bytes(roles[_i].bytes).role == roles[_i].want, "%s",
                  roles[_i].bytes);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, address_of_the_master_is_read_and_checked, 0,
                        (int)COUNT_OF(addresses));
    tcase_add_loop_test(tc, other_sentinels_are_counted, 0,
                        (int)COUNT_OF(others));
    tcase_add_loop_test(tc, role_is_read, 0, (int)COUNT_OF(roles));
}
