#include "model/arrival.h"

#include <string.h>

#include "base/attr.h"

#include "../suite.h"

const char suite_name[] = "arrival";

static const struct hash_key key = {.seed = 3};

static struct hash128
process(struct recent_processes *recent, struct str nodename, int64_t pid)
{
    const struct event ev = {.hostname = nodename, .pid = pid};
    return arrival_of(&ev, (struct now){0}, key, recent).process;
}

static void
check(struct recent_processes *recent, struct str nodename, int64_t pid)
{
    const struct hash128 want = process_hash(key, nodename, pid);
    ck_assert(hash128_eq(process(recent, nodename, pid), want));
}

/* Whoever came before, in the same place: nodenames that differ in the first
 * byte, in length and only in the pid, an empty one, one that is as long as is
 * remembered, and one that is longer. */
START_TEST(each_process_has_its_hash_whatever_came_before)
{
    char long_name[ARRIVAL_NODENAME_MAX + 2];
    memset(long_name, 'x', sizeof(long_name));
    const struct str names[] = {
        STR("celery@h"),
        STR("delery@h"),
        STR("elery@h"),
        STR("h"),
        STR(""),
        {long_name, ARRIVAL_NODENAME_MAX},
        {long_name, ARRIVAL_NODENAME_MAX + 1},
        {long_name, ARRIVAL_NODENAME_MAX + 2},
    };
    struct recent_processes recent = {0};
    for (size_t i = 0; i < 2 * COUNT_OF(names) * COUNT_OF(names); i++) {
        check(&recent, names[i / 2 % COUNT_OF(names)], 1);
        check(&recent, names[i / 2 / COUNT_OF(names)],
              (int64_t)(i % 2) * ARRIVAL_PLACES + 1);
    }
}
END_TEST

START_TEST(tasks_have_the_hash_of_their_id)
{
    struct recent_processes recent = {0};
    const struct event task = {.hostname = STR("h"), .uuid = STR("id")};
    const struct event worker = {.hostname = STR("h")};

    ck_assert(hash128_eq(arrival_of(&task, (struct now){0}, key, &recent).task,
                         hash_bytes(key, STR("id"))));
    ck_assert(
        hash128_eq(arrival_of(&worker, (struct now){0}, key, &recent).task,
                   (struct hash128){0}));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, each_process_has_its_hash_whatever_came_before);
    tcase_add_test(tc, tasks_have_the_hash_of_their_id);
}
