#include "app/roster.h"

#include <stdio.h>

#include "../suite.h"
#include "base/attr.h"

const char suite_name[] = "roster";

static struct roster roster;

static void
open_roster(void)
{
    roster_init(&roster, (struct hash_key){.seed = 1});
}

static void
close_roster(void)
{
    roster_close(&roster);
}

/* A list as "a b", one reply; "" is an empty one. */
static struct roster_node *
reply(const char *list)
{
    struct roster_node *node = roster_find_or_add(&roster, STR("w@h"));
    roster_count(&roster, node, ASK_QUEUES);
    roster_begin_list(node);
    struct str rest = str_from(list), name;
    while (str_split(&rest, ' ', &name))
        if (name.len > 0)
            roster_add_queue(node, name);
    return node;
}

static const struct {
    const char *lists[3];
    const char *only; /* NULL = none */
} queues[] = {
    {{"a"}, "a"},           {{"a a"}, "a"},
    {{"a b"}, NULL},        {{""}, NULL},
    {{"a", "a"}, "a"},      {{"a", "b"}, NULL},
    {{"a", ""}, NULL},      {{"", "a"}, NULL},
    {{"", "a a"}, NULL},    {{"a", "a", "a b"}, NULL},
    {{"a", "", "a"}, NULL},
};

START_TEST(only_queue_is_the_one_that_all_processes_have)
{
    struct roster_node *node = NULL;
    for (size_t i = 0; i < 3 && queues[_i].lists[i] != NULL; i++)
        node = reply(queues[_i].lists[i]);

    const struct str only = roster_only_queue(node);

    ck_assert_int_eq(only.ptr != NULL, queues[_i].only != NULL);
    ck_assert(str_eq(only, str_from(queues[_i].only)));
}
END_TEST

START_TEST(a_new_round_forgets_what_was_said_but_not_that_it_was)
{
    struct roster_node *node = reply("a b");
    node->wanted = 1U << ASK_STATS;
    ck_assert(roster_in_round(&roster, node));

    roster_begin(&roster);

    ck_assert(!roster_in_round(&roster, node));
    ck_assert_uint_eq(node->wanted, 0);
    ck_assert_uint_eq(node->answered, 1U << ASK_QUEUES);
    node = reply("c");
    ck_assert_uint_eq(node->nreplies[ASK_QUEUES], 1);
    ck_assert(str_eq(roster_only_queue(node), STR("c")));
}
END_TEST

static bool
is_b(void *ctx, struct str name)
{
    (void)ctx;
    return str_eq(name, STR("b@h"));
}

START_TEST(the_dead_are_forgotten_unless_they_are_still_being_asked)
{
    roster_find_or_add(&roster, STR("a@h"));
    roster_find_or_add(&roster, STR("b@h"));
    roster_find_or_add(&roster, STR("c@h"))->ntries = 3;

    roster_forget(&roster, is_b, NULL);

    ck_assert_uint_eq(roster.n, 2);
    ck_assert_uint_eq(roster_find_or_add(&roster, STR("c@h"))->ntries, 3);
    ck_assert_uint_eq(roster.n, 2);
    roster_find_or_add(&roster, STR("a@h"));
    ck_assert_uint_eq(roster.n, 3);
}
END_TEST

START_TEST(names_past_the_bound_are_left_out)
{
    char name[32];
    for (int i = 0; i < ROSTER_MAX; i++) {
        snprintf(name, sizeof(name), "w%d@h", i);
        ck_assert_ptr_nonnull(roster_find_or_add(&roster, str_from(name)));
    }

    ck_assert_ptr_null(roster_find_or_add(&roster, STR("more@h")));
    ck_assert_ptr_nonnull(roster_find_or_add(&roster, STR("w7@h")));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_roster, close_roster);
    tcase_add_loop_test(tc, only_queue_is_the_one_that_all_processes_have, 0,
                        COUNT_OF(queues));
    tcase_add_test(tc, a_new_round_forgets_what_was_said_but_not_that_it_was);
    tcase_add_test(tc,
                   the_dead_are_forgotten_unless_they_are_still_being_asked);
    tcase_add_test(tc, names_past_the_bound_are_left_out);
}
