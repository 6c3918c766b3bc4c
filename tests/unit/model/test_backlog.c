/* Since when the oldest task of a queue waits for a worker. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rig.h"

const char suite_name[] = "backlog";

#define OLDEST(queue) \
    "celery_queue_oldest_task_timestamp_seconds{queue_name='" queue "'}"
#define T0 1.7e9

static struct rig rig;

static void
open_rig(void)
{
    struct metrics_config config = rig_config();
    config.registry.max_queue_names = 6;
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

/* A task-sent to the queue q, so many seconds ago. */
static void
sent(const char *uuid, double ago)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"),
         .uuid = str_from(uuid), .name = STR("t"), .queue = STR("q"),
         .timestamp = rig.now.wall_s - ago);
}

static void
received(const char *uuid)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .uuid = str_from(uuid), .name = STR("t"));
}

static void
started(const char *uuid)
{
    SEND(&rig, EVENT_TASK_STARTED, .uuid = str_from(uuid));
}

/* The worker says what it has reserved and scheduled. */
static void
tell(size_t nreserved, size_t nscheduled)
{
    metrics_worker_holds(rig.metrics, STR("celery@h"), WORKER_RESERVED,
                         nreserved, rig.now);
    metrics_worker_holds(rig.metrics, STR("celery@h"), WORKER_SCHEDULED,
                         nscheduled, rig.now);
}

static void
name(const char *uuid)
{
    const struct pidbox_request request = {
        .id = str_from(uuid),
        .name = STR("t"),
        .started_s = NAN,
        .eta_s = NAN,
    };
    metrics_learn_task(rig.metrics, STR("celery@h"), &request, rig.now);
}

START_TEST(the_oldest_of_those_that_nobody_started)
{
    sent("a", 10);
    sent("b", 30.5);
    sent("c", 20);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 31);

    started("b");
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 20);
    started("a");
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 20);
    started("c");

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(a_task_in_the_hands_of_a_worker_waits_until_it_starts)
{
    sent("a", 10);
    received("a");
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);

    started("a");

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(any_end_is_an_end_of_waiting)
{
    sent("a", 10);
    sent("b", 10);
    sent("c", 10);
    sent("d", 10);
    SEND(&rig, EVENT_TASK_REVOKED, .uuid = STR("a"));
    SEND(&rig, EVENT_TASK_SUCCEEDED, .uuid = STR("b"), .runtime = 1);
    SEND(&rig, EVENT_TASK_FAILED, .uuid = STR("c"));
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);

    SEND(&rig, EVENT_TASK_REJECTED, .uuid = STR("d"));

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(each_queue_has_its_own)
{
    sent("a", 10);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .uuid = STR("b"),
         .name = STR("t"), .queue = STR("other"),
         .timestamp = rig.now.wall_s - 5);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);
    ASSERT_VALUE(&rig, OLDEST("other"), T0 - 5);
}
END_TEST

START_TEST(a_sent_without_a_queue_waits_nowhere)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"));

    ck_assert_uint_eq(rig_n(&rig, "celery_queue_oldest_task"), 0);
}
END_TEST

/* What many queues have in common is not the age of any. */
START_TEST(queues_past_the_cap_show_none)
{
    for (int i = 0; i < 20; i++) {
        char text[8];
        snprintf(text, sizeof(text), "q%d", i);
        SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"),
             .uuid = str_from(text), .name = STR("t"), .queue = str_from(text));
    }

    const size_t n = rig_n(&rig, "celery_queue_oldest_task");
    ck_assert_uint_ge(n, 4);
    ck_assert_uint_le(n, 6);
    ASSERT_ABSENT(&rig, OLDEST("__other__"));
}
END_TEST

START_TEST(a_task_with_an_eta_waits_from_then_on)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"), .eta = T0 + 100);
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .eta = T0 + 100);
    ASSERT_ABSENT(&rig, OLDEST("q"));
    rig_pass(&rig, 99);
    ASSERT_ABSENT(&rig, OLDEST("q"));

    rig_pass(&rig, 50);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 + 100);
}
END_TEST

START_TEST(an_eta_of_the_past_counts_from_the_sending)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"), .eta = T0 - 5000, .timestamp = T0 - 10);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);
}
END_TEST

START_TEST(an_expired_task_waits_no_more)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"), .expires = T0 + 30);
    sent("young", 0);
    rig_pass(&rig, 29);
    ASSERT_VALUE(&rig, OLDEST("q"), T0);
    started("young");
    ASSERT_VALUE(&rig, OLDEST("q"), T0);

    rig_pass(&rig, 1);

    ASSERT_ABSENT(&rig, OLDEST("q"));
    SEND(&rig, EVENT_TASK_REVOKED, .expired = true);
    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(the_expiry_of_one_sending_is_not_that_of_the_next)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("q"), .expires = T0 + 30);
    started("u");
    rig_pass(&rig, 10);
    sent("u", 0);

    rig_pass(&rig, 100);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 + 10);
}
END_TEST

START_TEST(a_retry_waits_anew)
{
    sent("u", 100);
    received("u");
    started("u");
    /* The process that retries may be quicker than the one that tells of the
     * start. */
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen9@h"), .name = STR("t"),
         .queue = STR("q"), .retries = 1, .eta = T0 + 20,
         .timestamp = T0 - 0.1);
    SEND(&rig, EVENT_TASK_RETRIED);
    ASSERT_ABSENT(&rig, OLDEST("q"));
    rig_pass(&rig, 30);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 + 20);

    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"), .retries = 1,
         .eta = T0 + 20);
    started("u");

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

/* Its process publishes on its own, and is quicker. */
START_TEST(a_retry_that_overtakes_its_first_start_still_waits)
{
    sent("u", 100);
    received("u");
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen9@h"), .name = STR("t"),
         .queue = STR("q"), .retries = 1, .eta = T0 + 20);
    started("u");
    SEND(&rig, EVENT_TASK_RETRIED);

    rig_pass(&rig, 30);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 + 20);
}
END_TEST

START_TEST(a_sent_that_comes_after_its_start_waits_for_nothing)
{
    received("a");
    started("a");
    sent("a", 0);
    ASSERT_ABSENT(&rig, OLDEST("q"));

    rig_run_task(&rig, STR("celery@h"), STR("b"), STR("t"));
    sent("b", 0);

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(a_sent_long_after_the_end_is_a_new_one)
{
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    rig_pass(&rig, 10);

    sent("u", 2);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 + 8);
}
END_TEST

START_TEST(an_evicted_task_does_not_wait)
{
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = 2;
    rig_close(&rig);
    rig_open(&rig, &config);
    sent("a", 30);
    sent("b", 20);

    sent("c", 10);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 20);
}
END_TEST

/* ---- starts that nobody saw ---- */

START_TEST(an_empty_queue_holds_no_old_task)
{
    sent("lost", 30);
    sent("held", 20);
    sent("young", 1);
    received("held");

    metrics_queue_empty(rig.metrics, STR("q"), T0 - 5);
    rig_pass(&rig, 3);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 20);
    started("held");
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 1);

    metrics_queue_empty(rig.metrics, STR("nobody's"), T0 - 5);
    metrics_queue_empty(rig.metrics, STR("q"), T0 - 1);
    rig_pass(&rig, 3);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 1);
}
END_TEST

/* Polls come faster than so many tasks can be looked at. */
START_TEST(polls_do_not_keep_the_last_of_many_tasks_from_being_looked_at)
{
    const int n = rounds(1000000);
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = (size_t)n + 10;
    rig_close(&rig);
    rig_open(&rig, &config);
    for (int i = 0; i < n; i++) {
        char uuid[16];
        snprintf(uuid, sizeof(uuid), "%d", i);
        received(uuid);
    }
    sent("lost", 30);

    for (int i = 0; i < 20; i++) {
        metrics_queue_empty(rig.metrics, STR("q"), T0 - 5);
        rig_pass(&rig, 1);
    }

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(events_of_a_task_that_was_dropped_change_nothing)
{
    sent("a", 30);
    metrics_queue_empty(rig.metrics, STR("q"), T0 - 5);
    rig_pass(&rig, 3);

    sent("b", 33); /* in the same second, from a slow clock */
    received("a");
    started("a");

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 30);
}
END_TEST

START_TEST(a_task_that_its_worker_names_waits_however_long)
{
    sent("u", 10);
    received("u");
    for (int i = 0; i < 200; i++) {
        name("u");
        tell(1, 0);
        metrics_queue_empty(rig.metrics, STR("q"), rig.now.wall_s - 5);
        rig_pass(&rig, 15);
    }

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);
}
END_TEST

START_TEST(a_task_that_its_worker_does_not_name_has_gone)
{
    sent("lost", 10);
    sent("held", 5);
    received("lost");
    received("held");
    name("held");
    tell(0, 1);
    rig_pass(&rig, 15);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);

    name("held");
    tell(1, 0);
    rig_pass(&rig, 15);

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 5);
}
END_TEST

START_TEST(a_task_that_came_after_the_answer_was_made_has_not_gone)
{
    sent("u", 10);
    tell(0, 0);
    received("u");
    rig_pass(&rig, 15);
    for (int i = 0; i < 10; i++) {
        name("u");
        tell(1, 0);
        rig_pass(&rig, 15);
    }

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);
}
END_TEST

/* Half an answer, and numbers without names, tell nothing. */
START_TEST(an_answer_is_believed_only_as_a_whole)
{
    sent("u", 10);
    received("u");
    for (int i = 0; i < 10; i++) {
        metrics_worker_holds(rig.metrics, STR("celery@h"), WORKER_RESERVED, 0,
                             rig.now);
        rig_pass(&rig, 15);
    }
    for (int i = 0; i < 10; i++) {
        tell(3, 0);
        rig_pass(&rig, 15);
    }

    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);
}
END_TEST

START_TEST(what_a_purged_worker_held_has_gone)
{
    sent("u", 10);
    received("u");
    rig_pass(&rig, 500);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);

    rig_pass(&rig, 3600 + 200);

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

START_TEST(nothing_is_older_than_a_week)
{
    sent("u", 10);
    rig_pass(&rig, 6.9 * 86400);
    ASSERT_VALUE(&rig, OLDEST("q"), T0 - 10);

    rig_pass(&rig, 0.2 * 86400);

    ASSERT_ABSENT(&rig, OLDEST("q"));
}
END_TEST

/* ---- against a plain list ---- */

enum { IDS = 120, QUEUES = 4 };

/* What happens to a task, and what the events that were not lost tell. */
struct plain_task {
    enum { NEW, SENT, RECEIVED, STARTED, ENDED } step;
    int64_t retries;
    double eta;
    double ended;
    bool waits;
    bool held;
    bool running;
    unsigned queue;
    double sent;
    double due;
    double expires;
};

static uint64_t seed;

static unsigned
draw(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(seed >> 33) % n;
}

static struct str
queue_name(unsigned queue)
{
    static const struct str names[QUEUES] = {STR_INIT("q0"), STR_INIT("q1"),
                                             STR_INIT("q2"), STR_INIT("q3")};
    return names[queue];
}

/* One event in twenty is lost. */
static bool
is_lost(void)
{
    return draw(20) == 0;
}

static void
plain_send(struct plain_task *t, struct str uuid)
{
    const unsigned queue = draw(QUEUES);
    const double now = rig.now.wall_s;
    const double expires = draw(4) == 0 ? now + draw(50) + 0.25 : (double)NAN;
    t->step = SENT;
    t->eta = draw(3) == 0 ? now + draw(40) - 10 : (double)NAN;
    if (is_lost())
        return;
    t->waits = true;
    t->held = false;
    t->queue = queue;
    t->sent = now;
    t->due = floor(t->eta > now ? t->eta : now);
    t->expires = expires;
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .uuid = uuid,
         .name = STR("t"), .queue = queue_name(queue),
         .eta = isnan(t->eta) ? 0 : t->eta,
         .expires = isnan(expires) ? 0 : expires, .retries = t->retries);
}

static void
plain_receive(struct plain_task *t, struct str uuid)
{
    t->step = RECEIVED;
    if (is_lost())
        return;
    t->held |= !t->running;
    t->due = floor(t->eta > t->sent ? t->eta : t->sent);
    SEND(&rig, EVENT_TASK_RECEIVED, .uuid = uuid, .name = STR("t"),
         .eta = isnan(t->eta) ? 0 : t->eta, .retries = t->retries);
}

static void
plain_start(struct plain_task *t, struct str uuid)
{
    if (t->eta > rig.now.wall_s)
        return;
    t->step = STARTED;
    if (is_lost())
        return;
    t->waits = false;
    t->running = true;
    SEND(&rig, EVENT_TASK_STARTED, .uuid = uuid);
}

static void
plain_end(struct plain_task *t, struct str uuid)
{
    const bool retried = draw(3) == 0;
    t->step = ENDED;
    t->ended = rig.now.wall_s;
    if (!is_lost()) {
        t->running = false;
        t->waits &= retried;
        SEND(&rig, retried ? EVENT_TASK_RETRIED : EVENT_TASK_SUCCEEDED,
             .uuid = uuid, .runtime = 1);
    }
    /* A client that sends the same again begins a new count, or that might be
     * the first sending, which comes late. */
    t->retries++;
    if (retried)
        plain_send(t, uuid);
}

static void
plain_step(struct plain_task *t, struct str uuid)
{
    switch (t->step) {
    case NEW:
        plain_send(t, uuid);
        return;
    case SENT:
        plain_receive(t, uuid);
        return;
    case RECEIVED:
        plain_start(t, uuid);
        return;
    case STARTED:
        plain_end(t, uuid);
        return;
    case ENDED:
        if (rig.now.wall_s > t->ended + 5)
            t->step = NEW;
        return;
    }
}

static void
plain_expire(struct plain_task *tasks)
{
    for (size_t i = 0; i < IDS; i++)
        if (ceil(tasks[i].expires) <= rig.now.wall_s)
            tasks[i].waits = false;
}

static void
plain_empty(struct plain_task *tasks)
{
    const unsigned queue = draw(QUEUES);
    const double before = floor(rig.now.wall_s) - 5;
    metrics_queue_empty(rig.metrics, queue_name(queue), before);
    for (size_t i = 0; i < IDS; i++)
        if (tasks[i].queue == queue && !tasks[i].held && tasks[i].due < before)
            tasks[i].waits = false;
    rig_pass(&rig, 3);
}

static double
shown(unsigned queue)
{
    struct registry *registry = metrics_registry(rig.metrics);
    const uint32_t ids[SERIES_MAX_LABELS] = {
        registry_value(registry, LABEL_QUEUE_NAME, queue_name(queue))};
    const struct series *series =
        group_series(registry_group(registry, GROUP_QUEUE), ids, 0);
    return series->present >> QUEUE_OLDEST_COL & 1
               ? series->cells[QUEUE_OLDEST_COL].value
               : 0;
}

static void
plain_check(const struct plain_task *tasks, unsigned step, uint64_t first)
{
    metrics_refresh(rig.metrics, rig.now);
    for (unsigned q = 0; q < QUEUES; q++) {
        double want = 0;
        for (size_t i = 0; i < IDS; i++)
            if (tasks[i].waits && tasks[i].queue == q &&
                tasks[i].due <= rig.now.wall_s &&
                (want == 0 || tasks[i].due < want))
                want = tasks[i].due;
        ck_assert_msg(
            shown(q) == want, "seed %llu, step %u, %u: %.0f, not %.0f",
            (unsigned long long)first, step, q, shown(q) - T0, want - T0);
    }
}

START_TEST(random_streams_give_what_a_plain_list_gives)
{
    enum { STEPS = 60000 };
    static struct plain_task tasks[IDS];
    const char *given = getenv("BACKLOG_SEED");
    const uint64_t first = given != NULL
                               ? strtoull(given, NULL, 10)
                               : (uint64_t)time(NULL) * UINT64_C(2654435761);
    seed = first;
    for (size_t i = 0; i < IDS; i++)
        tasks[i] = (struct plain_task){.expires = NAN};
    for (unsigned step = 0; step < STEPS; step++) {
        char uuid[8];
        const unsigned i = draw(IDS);
        snprintf(uuid, sizeof(uuid), "%u", i);
        plain_step(&tasks[i], str_from(uuid));
        rig.now.wall_s += 0.001;
        rig.now.mono_ms++;
        if (step % 61 == 0)
            rig_pass(&rig, 1);
        if (step % 977 == 0)
            plain_empty(tasks);
        plain_expire(tasks);
        plain_check(tasks, step, first);
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, the_oldest_of_those_that_nobody_started);
    tcase_add_test(tc, a_task_in_the_hands_of_a_worker_waits_until_it_starts);
    tcase_add_test(tc, any_end_is_an_end_of_waiting);
    tcase_add_test(tc, each_queue_has_its_own);
    tcase_add_test(tc, a_sent_without_a_queue_waits_nowhere);
    tcase_add_test(tc, queues_past_the_cap_show_none);
    tcase_add_test(tc, a_task_with_an_eta_waits_from_then_on);
    tcase_add_test(tc, an_eta_of_the_past_counts_from_the_sending);
    tcase_add_test(tc, an_expired_task_waits_no_more);
    tcase_add_test(tc, the_expiry_of_one_sending_is_not_that_of_the_next);
    tcase_add_test(tc, a_retry_waits_anew);
    tcase_add_test(tc, a_retry_that_overtakes_its_first_start_still_waits);
    tcase_add_test(tc, a_sent_that_comes_after_its_start_waits_for_nothing);
    tcase_add_test(tc, a_sent_long_after_the_end_is_a_new_one);
    tcase_add_test(tc, an_evicted_task_does_not_wait);
    tcase_add_test(tc, an_empty_queue_holds_no_old_task);
    tcase_add_test(
        tc, polls_do_not_keep_the_last_of_many_tasks_from_being_looked_at);
    tcase_add_test(tc, events_of_a_task_that_was_dropped_change_nothing);
    tcase_add_test(tc, a_task_that_its_worker_names_waits_however_long);
    tcase_add_test(tc, a_task_that_its_worker_does_not_name_has_gone);
    tcase_add_test(tc, a_task_that_came_after_the_answer_was_made_has_not_gone);
    tcase_add_test(tc, an_answer_is_believed_only_as_a_whole);
    tcase_add_test(tc, what_a_purged_worker_held_has_gone);
    tcase_add_test(tc, nothing_is_older_than_a_week);
    tcase_add_test(tc, random_streams_give_what_a_plain_list_gives);
}
