#include "model/host_rewrite.h"

#include "../suite.h"

const char suite_name[] = "host_rewrite";

static struct buf out;
static struct buf err;

static void
set_up(void)
{
    buf_init(&out, 0);
    buf_init(&err, 0);
}

static void
forget(void)
{
    buf_close(&out);
    buf_close(&err);
}

static const struct {
    const char *rewrite;
    const char *host;
    const char *want; /* NULL: it does not match */
} cases[] = {
    /* what matches is replaced, what stands around it stays */
    {"-[0-9a-f]{8,10}-[0-9a-z]{5}$=", "web-5d7f8c9b4d-x2x9k", "web"},
    {"-[0-9]+=", "web-1-2", "web-2"},
    {"^web-.*$=web", "web-17", "web"},
    {"web=worker", "my-web-1", "my-worker-1"},
    {"^web=x", "my-web-1", NULL},
    {"a|b=c", "xbx", "xcx"},
    {".*=", "anything", ""},
    {"x=y", "", NULL},
    {"^$=nobody", "", "nobody"},
    /* groups */
    {"^(.*)-([0-9]+)$=\\2:\\1", "web-17", "17:web"},
    {"(a)|(b)=<\\1\\2>", "b", "<b>"},
    {"(.)(.)(.)(.)(.)(.)(.)(.)(.)=\\9\\1", "abcdefghi", "ia"},
    /* equals signs and backslashes */
    {"a=b=c", "a=b", "c"},
    {"a=b\\=c", "xay", "xb=cy"},
    {"a\\=b=c", "a=b", "c"},
    {"a=\\\\", "xay", "x\\y"},
    {"\\.=-", "a.b", "a-b"},
    {"\\\\=/", "a\\b", "a/b"},
    /* nodenames, and what is not ASCII */
    {"^[^@]*@=", "celery@h", "h"},
    {"\xc3\xa9=e", "caf\xc3\xa9", "cafe"},
};

START_TEST(part_of_the_host_is_replaced)
{
    struct host_rewrite *rewrite = host_rewrite_new(cases[_i].rewrite, &err);
    ck_assert_msg(rewrite != NULL, "%.*s", STR_FMT(buf_str(&err)));

    const bool matches =
        host_rewrite_apply(rewrite, str_from(cases[_i].host), &out);

    ck_assert(matches == (cases[_i].want != NULL));
    ck_assert_msg(str_eq(buf_str(&out), str_from(cases[_i].want)),
                  "%s of %s is '%.*s'", cases[_i].rewrite, cases[_i].host,
                  STR_FMT(buf_str(&out)));
    host_rewrite_free(rewrite);
}
END_TEST

START_TEST(hosts_that_no_machine_has_stay_as_they_are)
{
    struct host_rewrite *rewrite = host_rewrite_new("a=b", &err);
    struct buf giant;
    buf_init(&giant, 0);
    for (int i = 0; i < 256; i++)
        buf_add_byte(&giant, 'a');

    ck_assert(!host_rewrite_apply(rewrite, STR("a\0a"), &out));
    ck_assert(!host_rewrite_apply(rewrite, buf_str(&giant), &out));
    ck_assert(
        host_rewrite_apply(rewrite, str_slice(buf_str(&giant), 0, 255), &out));
    ck_assert_uint_eq(out.len, 255);

    buf_close(&giant);
    host_rewrite_free(rewrite);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, forget);
    tcase_add_loop_test(tc, part_of_the_host_is_replaced, 0, COUNT_OF(cases));
    tcase_add_test(tc, hosts_that_no_machine_has_stay_as_they_are);
}
