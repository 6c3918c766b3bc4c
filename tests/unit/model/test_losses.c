/* What a worker processed and nobody saw start. The worker's clock goes up by
 * one with each event, as Celery's does. */

#include "model/losses.h"

#include <stdio.h>
#include <stdlib.h>

#include "../suite.h"

const char suite_name[] = "losses";

static struct losses losses;
static struct losses_config config;
static int64_t now_ms;
static int64_t worker_clock;
static int64_t processed;
static int64_t missed;

/* Names that begin with "silent" never have events. */
static bool
name_has_events(void *ctx, struct str name)
{
    return *(const bool *)ctx || !str_starts(name, STR("silent"));
}

static bool all_have_events;

static void
subscribe(void)
{
    config.up_ms = now_ms;
    losses_blind(&losses);
}

static void
setup(void)
{
    now_ms = 1000 * 1000;
    worker_clock = processed = missed = 0;
    all_have_events = false;
    config = (struct losses_config){
        .names = {.has_events = name_has_events, .ctx = &all_have_events},
        .first_up_ms = now_ms,
        .up_ms = now_ms,
    };
    losses_init(&losses, &config);
}

static void
teardown(void)
{
    losses_close(&losses);
}

static void
judge(bool gone)
{
    losses_judge(&losses, gone, now_ms);
    missed += losses_take(&losses);
}

static void
pass(int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        now_ms += 1000;
        judge(false);
    }
}

static void
report(enum event_type type, int64_t clock)
{
    const struct event ev = {
        .type = type, .processed = processed, .clock = clock, .pid = 1};
    losses_report(&losses, &config, &ev, now_ms);
    judge(type == EVENT_WORKER_OFFLINE);
}

static void
online(void)
{
    report(EVENT_WORKER_ONLINE, ++worker_clock);
}

/* Two seconds after the one before. */
static void
beat(void)
{
    pass(2);
    report(EVENT_WORKER_HEARTBEAT, ++worker_clock);
}

static void
task_event(enum event_type type, int64_t clock)
{
    losses_task_event(&losses, &(struct event){.type = type, .clock = clock});
}

/* Tasks whose events arrive. */
static void
run(int n)
{
    for (int i = 0; i < n; i++) {
        processed++;
        task_event(EVENT_TASK_RECEIVED, ++worker_clock);
        task_event(EVENT_TASK_STARTED, ++worker_clock);
        task_event(EVENT_TASK_SUCCEEDED, ++worker_clock);
    }
}

/* Tasks whose events do not arrive. */
static void
lose(int n)
{
    processed += n;
    worker_clock += 3 * n;
}

static void
reply(struct pidbox_stats *stats)
{
    stats->clock = ++worker_clock;
    losses_stats(&losses, &config, stats, now_ms);
    judge(false);
}

static void
reply_totals(int64_t silent)
{
    const struct pidbox_total totals[] = {
        {STR("silent.task"), silent},
        {STR("demo.add"), processed - silent},
    };
    reply(
        &(struct pidbox_stats){.uptime_s = -1, .totals = totals, .ntotals = 2});
}

static void
expect(int64_t want)
{
    ck_assert_int_eq(missed, want);
}

START_TEST(nothing_is_missed_where_every_start_was_seen)
{
    online();
    for (int i = 0; i < 20; i++) {
        run(i % 5);
        beat();
    }
    pass(60);
    expect(0);
}
END_TEST

START_TEST(a_missed_start_is_counted_within_two_heartbeats)
{
    online();
    run(3);
    lose(2);
    beat();
    expect(0);
    ck_assert(losses_is_suspect(&losses));
    reply_totals(0);
    ck_assert(!losses_is_suspect(&losses));

    beat();

    expect(2);
    pass(60);
    expect(2);
}
END_TEST

START_TEST(without_an_answer_it_is_counted_after_five_seconds)
{
    online();
    run(1);
    lose(2);
    beat();
    beat();
    beat();
    expect(0);
    beat();

    expect(2);
    ck_assert(!losses_is_suspect(&losses));
}
END_TEST

START_TEST(a_solo_pool_has_half_a_minute_to_answer)
{
    online();
    reply(&(struct pidbox_stats){.uptime_s = -1, .pool = STR("solo")});
    run(1);
    beat();
    run(1);
    lose(1);
    beat();
    pass(29);
    expect(0);

    pass(3);

    expect(1);
}
END_TEST

START_TEST(starts_that_follow_their_heartbeat_are_seen)
{
    online();
    beat();
    for (int i = 0; i < 10; i++) {
        processed++;
        const int64_t late = ++worker_clock;
        report(EVENT_WORKER_HEARTBEAT, ++worker_clock);
        now_ms += 900;
        task_event(EVENT_TASK_STARTED, late);
        beat();
    }
    pass(60);
    expect(0);
}
END_TEST

/* It was missed for a while; the sum of all comes out right again. */
START_TEST(what_comes_too_late_makes_up_for_the_next_loss)
{
    online();
    run(1);
    processed++;
    const int64_t late = ++worker_clock;
    beat();
    reply_totals(0);
    beat();
    expect(1);

    task_event(EVENT_TASK_STARTED, late);
    lose(1);
    beat();
    reply_totals(0);
    beat();

    expect(1);
}
END_TEST

START_TEST(more_starts_than_tasks_are_a_credit)
{
    online();
    run(2);
    processed--;
    beat();
    beat();
    lose(3);
    run(1);
    beat();
    reply_totals(0);
    beat();

    expect(2);
}
END_TEST

START_TEST(a_worker_that_was_there_before_counts_from_its_first_heartbeat)
{
    processed = 1000;
    run(3);
    beat();
    run(2);
    beat();
    lose(1);
    run(1);
    beat();
    reply_totals(0);
    beat();

    expect(1);
}
END_TEST

START_TEST(a_goodbye_is_judged_without_another_heartbeat)
{
    online();
    run(1);
    lose(2);
    report(EVENT_WORKER_OFFLINE, ++worker_clock);
    now_ms += 5000;
    judge(true);

    expect(2);
}
END_TEST

START_TEST(a_killed_worker_is_judged_in_the_end)
{
    online();
    run(1);
    lose(2);
    beat();
    pass(13);

    expect(2);
}
END_TEST

/* ---- task events that are off ---- */

START_TEST(a_worker_without_events_misses_nothing)
{
    online();
    for (int i = 0; i < 10; i++) {
        lose(5);
        beat();
    }
    expect(0);
    ck_assert(losses_is_mute(&losses));
    ck_assert(!losses_is_suspect(&losses));
}
END_TEST

static void
beat_and_reply(int64_t silent)
{
    beat();
    now_ms += 100;
    reply_totals(silent);
}

START_TEST(events_that_go_off_and_come_back_are_no_loss)
{
    online();
    run(5);
    beat();
    run(2);
    lose(2); /* went off in the middle, */
    beat_and_reply(0);
    lose(5);
    beat_and_reply(0);
    lose(5);
    beat();
    ck_assert(losses_is_mute(&losses));
    lose(3); /* and back in the middle */
    run(2);
    ck_assert(!losses_is_mute(&losses));
    beat();
    run(5);
    beat();
    pass(60);
    expect(0);

    run(1);
    lose(1);
    beat_and_reply(0);
    beat();

    expect(1);
}
END_TEST

START_TEST(idle_time_is_no_sign_that_events_are_off)
{
    online();
    run(3);
    for (int i = 0; i < 5; i++)
        beat();
    ck_assert(!losses_is_mute(&losses));
    lose(1);
    run(1);
    beat_and_reply(0);
    beat();

    expect(1);
}
END_TEST

START_TEST(silent_tasks_alone_are_no_sign_that_events_are_off)
{
    online();
    run(3);
    beat();
    for (int i = 1; i < 5; i++) {
        lose(1);
        beat_and_reply(i);
    }
    beat();
    beat();

    ck_assert(!losses_is_mute(&losses));
    expect(0);
}
END_TEST

/* ---- blind time ---- */

START_TEST(what_ran_while_we_were_blind_is_missed)
{
    online();
    run(3);
    beat();
    run(1);
    lose(7);
    subscribe();
    beat_and_reply(0);
    beat();

    expect(7);
}
END_TEST

START_TEST(all_of_it_even_if_no_event_came)
{
    online();
    run(3);
    beat();
    lose(7);
    subscribe();
    beat_and_reply(0);
    beat();

    ck_assert(!losses_is_mute(&losses));
    expect(7);
}
END_TEST

/* The first seen and lost of a worker: is it one that sends events? */
START_TEST(of_an_unknown_worker_it_waits_for_its_first_event)
{
    processed = 10;
    beat();
    lose(7);
    subscribe();
    beat();
    beat();
    pass(60);
    expect(0);
    run(1);
    beat_and_reply(0);
    beat();

    expect(7);
}
END_TEST

START_TEST(and_is_dropped_when_its_events_are_off)
{
    processed = 10;
    beat();
    lose(7);
    subscribe();
    beat();
    lose(3);
    beat();
    beat();
    ck_assert(losses_is_mute(&losses));
    run(1);
    beat();
    run(1);
    beat_and_reply(0);
    beat();

    expect(0);
}
END_TEST

/* Its heartbeat was heard, what came before it was not any more. */
START_TEST(a_connection_that_dies_after_the_heartbeat_is_no_silence)
{
    online();
    run(3);
    beat();
    lose(7);
    beat();
    subscribe();
    beat_and_reply(0);
    beat();

    ck_assert(!losses_is_mute(&losses));
    expect(7);
}
END_TEST

/* ---- processes come and go ---- */

static void
restart(void)
{
    processed = 0;
    worker_clock = 0;
}

START_TEST(a_restart_with_the_same_pid_begins_anew)
{
    online();
    run(100);
    beat();
    restart();
    online();
    run(3);
    lose(1);
    beat_and_reply(0);
    beat();

    expect(1);
}
END_TEST

START_TEST(a_restart_that_was_not_heard_begins_at_the_first_heartbeat)
{
    online();
    run(100);
    beat();
    restart();
    lose(4);
    run(1);
    beat();
    run(3);
    beat();
    beat();
    expect(0);
    run(1);
    lose(1);
    beat_and_reply(0);
    beat();

    expect(1);
}
END_TEST

static void
tell_uptime(int64_t seconds)
{
    reply(&(struct pidbox_stats){.uptime_s = seconds});
}

/* Blind for half a minute, in which the process came. */
static void
come_while_blind(void)
{
    pass(60);
    now_ms += 30 * 1000;
    subscribe();
    losses_init(&losses, &config);
}

START_TEST(a_worker_that_came_while_we_were_blind_counts_from_zero)
{
    come_while_blind();
    lose(6);
    run(2);
    beat();
    tell_uptime(20);
    run(1);
    beat_and_reply(0);
    beat();

    expect(6);
}
END_TEST

START_TEST(also_when_it_is_asked_before_its_first_heartbeat)
{
    come_while_blind();
    lose(6);
    run(2);
    tell_uptime(20);
    beat();
    beat_and_reply(0);
    beat();

    expect(6);
}
END_TEST

START_TEST(a_worker_that_is_older_than_we_does_not)
{
    come_while_blind();
    lose(6);
    run(2);
    beat();
    tell_uptime(200);
    run(1);
    beat_and_reply(0);
    beat();

    expect(0);
}
END_TEST

/* It came into view while we were watching, so it cannot have started. */
START_TEST(nor_one_whose_uptime_cannot_be)
{
    come_while_blind();
    pass(600);
    lose(6);
    run(2);
    beat();
    tell_uptime(20);
    run(1);
    beat_and_reply(0);
    beat();

    expect(0);
}
END_TEST

/* ---- two of one name and pid ---- */

struct process {
    int64_t processed;
    int64_t clock;
};

static uint64_t
twin_says(struct process *p, enum event_type type)
{
    const struct event ev = {
        .type = type, .processed = p->processed, .clock = ++p->clock, .pid = 1};
    const uint64_t growth =
        (uint64_t)losses_report(&losses, &config, &ev, now_ms);
    judge(false);
    return growth;
}

static uint64_t
twin_runs(struct process *p, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        p->processed++;
        task_event(EVENT_TASK_STARTED, ++p->clock);
        task_event(EVENT_TASK_SUCCEEDED, ++p->clock);
    }
    return twin_says(p, EVENT_WORKER_HEARTBEAT);
}

/* Both in turn, a second apart, in all so many rounds of tasks of each. */
static void
alternate(struct process *a, int64_t na, struct process *b, int64_t nb,
          int nrounds, uint64_t *total)
{
    for (int i = 0; i < nrounds; i++) {
        pass(1);
        *total += twin_runs(a, na);
        pass(1);
        *total += twin_runs(b, nb);
    }
}

static const struct {
    struct process a, b;
    int64_t na, nb;
} twins_cases[] = {
    {{0, 0}, {0, 0}, 7, 1},         {{0, 0}, {0, 0}, 1, 1},
    {{0, 0}, {0, 0}, 3, 0},         {{70, 500}, {20, 30}, 5, 2},
    {{20, 500}, {70, 30}, 2, 2},    {{1000, 9}, {0, 4000}, 1, 0},
    {{1000, 9000}, {0, 0}, 20, 30},
};

START_TEST(of_twins_nothing_is_missed_and_never_too_much_processed)
{
    struct process a = twins_cases[_i].a;
    struct process b = twins_cases[_i].b;
    uint64_t total = twin_says(&a, EVENT_WORKER_HEARTBEAT);
    alternate(&a, twins_cases[_i].na, &b, twins_cases[_i].nb, 200, &total);
    subscribe();
    alternate(&a, twins_cases[_i].na, &b, twins_cases[_i].nb, 200, &total);
    pass(60);

    expect(0);
    ck_assert_uint_le(total, (uint64_t)(a.processed + b.processed));
}
END_TEST

START_TEST(a_twin_that_says_online_does_not_grow_it_either)
{
    struct process a = {1000, 5000};
    struct process b = {0, 0};
    uint64_t total = twin_runs(&a, 1);
    pass(1);
    total += twin_says(&b, EVENT_WORKER_ONLINE);
    alternate(&a, 4, &b, 3, 1000, &total);
    pass(60);

    expect(0);
    ck_assert_uint_le(total, (uint64_t)(a.processed + b.processed));
}
END_TEST

START_TEST(twins_are_none_ten_minutes_after_the_last_one_came_online)
{
    struct process a = {0, 0};
    struct process b = {0, 0};
    uint64_t total = 0;
    alternate(&a, 7, &b, 1, 20, &total);
    b = (struct process){0, b.clock};
    total += twin_says(&b, EVENT_WORKER_ONLINE);
    pass(300);
    twin_runs(&b, 1);
    pass(301);
    twin_runs(&b, 1);

    processed = b.processed;
    worker_clock = b.clock;
    run(1);
    lose(1);
    beat_and_reply(0);
    beat();

    expect(1);
}
END_TEST

START_TEST(restarts_that_say_online_are_none)
{
    for (int i = 0; i < 10; i++) {
        restart();
        online();
        run(3);
        lose(1);
        beat_and_reply(0);
        beat();
    }

    expect(10);
}
END_TEST

/* We were away meanwhile. */
START_TEST(restarts_in_blind_time_are_none)
{
    processed = 5;
    run(1);
    beat();
    for (int i = 0; i < 5; i++) {
        subscribe();
        restart();
        run(1);
        beat();
        run(3 + i);
        lose(1);
        beat_and_reply(0);
        beat();
    }

    expect(5);
}
END_TEST

/* ---- silent tasks ---- */

START_TEST(silent_tasks_are_not_missed)
{
    online();
    run(3);
    beat();
    lose(4);
    run(2);
    beat_and_reply(4);
    beat();
    expect(0);
    run(1);
    lose(3);
    beat_and_reply(6);
    beat();

    expect(1);
}
END_TEST

START_TEST(silent_tasks_from_before_our_time_are_none_of_ours)
{
    processed = 50;
    beat();
    run(3);
    beat_and_reply(50);
    run(1);
    lose(1);
    beat_and_reply(50);
    beat();
    expect(1);

    lose(2);
    beat_and_reply(52);
    beat();
    expect(1);
}
END_TEST

/* Between the first heartbeat and the first reply. */
START_TEST(silent_tasks_before_the_first_reply_are_not_missed)
{
    processed = 50;
    beat();
    run(3);
    lose(2);
    beat_and_reply(52);
    beat();
    beat();

    expect(0);
}
END_TEST

START_TEST(a_name_that_turns_out_to_have_events_was_missed)
{
    online();
    run(3);
    lose(4);
    beat_and_reply(4);
    beat();
    expect(0);

    all_have_events = true;
    reply_totals(4);

    expect(4);
}
END_TEST

START_TEST(what_ran_silently_before_the_end_is_not_missed)
{
    online();
    run(3);
    lose(1);
    beat_and_reply(1);
    beat();
    lose(2);
    report(EVENT_WORKER_OFFLINE, ++worker_clock);
    now_ms += 60 * 1000;
    judge(true);

    expect(0);
}
END_TEST

START_TEST(more_silent_names_than_are_kept_do_no_harm)
{
    char names[200][16];
    struct pidbox_total totals[200];
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "silent.%d", i);
        totals[i] = (struct pidbox_total){str_from(names[i]), INT64_MAX};
    }
    processed = 50;
    beat();
    for (int i = 0; i < 3; i++) {
        reply(&(struct pidbox_stats){
            .uptime_s = -1, .totals = totals, .ntotals = 200});
        run(1);
        beat();
    }
    pass(60);
    expect(0);
}
END_TEST

/* ---- whatever strangers say ---- */

static int64_t
pick(unsigned *seed)
{
    static const int64_t odd[] = {
        INT64_MIN, -1, 0, 1, INT64_C(1) << 53, (INT64_C(1) << 53) + 1,
        INT64_MAX};
    const int choice = rand_r(seed) % 14;
    return choice < 7 ? odd[choice] : rand_r(seed) % 100;
}

START_TEST(absurd_figures_never_count_more_than_they_say)
{
    for (unsigned seed = 1; seed < 2000; seed++) {
        unsigned state = seed;
        uint64_t most = 0;
        losses_close(&losses);
        setup();
        for (int i = 0; i < 60; i++) {
            const struct event ev = {
                .type =
                    (enum event_type)(EVENT_WORKER_ONLINE + rand_r(&state) % 3),
                .processed = pick(&state),
                .clock = pick(&state),
            };
            most += (uint64_t)losses_report(&losses, &config, &ev, now_ms);
            task_event(rand_r(&state) % 2 ? EVENT_TASK_STARTED
                                          : EVENT_TASK_SUCCEEDED,
                       pick(&state));
            const struct pidbox_total total = {STR("silent"), pick(&state)};
            if (rand_r(&state) % 4 == 0)
                losses_stats(&losses, &config,
                             &(struct pidbox_stats){.uptime_s = pick(&state),
                                                    .clock = pick(&state),
                                                    .totals = &total,
                                                    .ntotals = 1},
                             now_ms);
            if (rand_r(&state) % 8 == 0)
                subscribe();
            pass(rand_r(&state) % 4);
        }
        pass(60);
        ck_assert_msg((uint64_t)missed <= most, "seed %u", seed);
    }
}
END_TEST

/* A worker that runs, loses and runs silently at random; we are cut off now
 * and then. However it went, what was seen and what was missed is all. */
START_TEST(seen_and_missed_is_what_was_processed)
{
    for (unsigned seed = 1; seed < 2000; seed++) {
        unsigned state = seed;
        int64_t silent = 0;
        int64_t lost = 0;
        losses_close(&losses);
        setup();
        online();
        for (int i = 0; i < 40; i++) {
            run(1 + rand_r(&state) % 3);
            if (rand_r(&state) % 3 == 0) {
                const int n = rand_r(&state) % 9;
                lose(n);
                lost += n;
                subscribe();
            }
            if (rand_r(&state) % 4 == 0) {
                const int n = rand_r(&state) % 3;
                lose(n);
                silent += n;
            }
            beat();
            if (rand_r(&state) % 2 == 0 || losses_is_suspect(&losses))
                reply_totals(silent);
        }
        beat();
        reply_totals(silent);
        beat();
        beat();
        ck_assert_msg(missed == lost, "seed %u: %d of %d", seed, (int)missed,
                      (int)lost);
    }
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_is_missed_where_every_start_was_seen);
    tcase_add_test(tc, a_missed_start_is_counted_within_two_heartbeats);
    tcase_add_test(tc, without_an_answer_it_is_counted_after_five_seconds);
    tcase_add_test(tc, a_solo_pool_has_half_a_minute_to_answer);
    tcase_add_test(tc, starts_that_follow_their_heartbeat_are_seen);
    tcase_add_test(tc, what_comes_too_late_makes_up_for_the_next_loss);
    tcase_add_test(tc, more_starts_than_tasks_are_a_credit);
    tcase_add_test(
        tc, a_worker_that_was_there_before_counts_from_its_first_heartbeat);
    tcase_add_test(tc, a_goodbye_is_judged_without_another_heartbeat);
    tcase_add_test(tc, a_killed_worker_is_judged_in_the_end);
    tcase_add_test(tc, a_worker_without_events_misses_nothing);
    tcase_add_test(tc, events_that_go_off_and_come_back_are_no_loss);
    tcase_add_test(tc, idle_time_is_no_sign_that_events_are_off);
    tcase_add_test(tc, silent_tasks_alone_are_no_sign_that_events_are_off);
    tcase_add_test(tc, what_ran_while_we_were_blind_is_missed);
    tcase_add_test(tc, all_of_it_even_if_no_event_came);
    tcase_add_test(tc, of_an_unknown_worker_it_waits_for_its_first_event);
    tcase_add_test(tc, and_is_dropped_when_its_events_are_off);
    tcase_add_test(tc,
                   a_connection_that_dies_after_the_heartbeat_is_no_silence);
    tcase_add_test(tc, a_restart_with_the_same_pid_begins_anew);
    tcase_add_test(tc,
                   a_restart_that_was_not_heard_begins_at_the_first_heartbeat);
    tcase_add_test(tc, a_worker_that_came_while_we_were_blind_counts_from_zero);
    tcase_add_test(tc, also_when_it_is_asked_before_its_first_heartbeat);
    tcase_add_test(tc, a_worker_that_is_older_than_we_does_not);
    tcase_add_test(tc, nor_one_whose_uptime_cannot_be);
    tcase_add_loop_test(tc,
                        of_twins_nothing_is_missed_and_never_too_much_processed,
                        0, COUNT_OF(twins_cases));
    tcase_add_test(tc, a_twin_that_says_online_does_not_grow_it_either);
    tcase_add_test(tc,
                   twins_are_none_ten_minutes_after_the_last_one_came_online);
    tcase_add_test(tc, restarts_that_say_online_are_none);
    tcase_add_test(tc, restarts_in_blind_time_are_none);
    tcase_add_test(tc, silent_tasks_are_not_missed);
    tcase_add_test(tc, silent_tasks_from_before_our_time_are_none_of_ours);
    tcase_add_test(tc, silent_tasks_before_the_first_reply_are_not_missed);
    tcase_add_test(tc, a_name_that_turns_out_to_have_events_was_missed);
    tcase_add_test(tc, what_ran_silently_before_the_end_is_not_missed);
    tcase_add_test(tc, more_silent_names_than_are_kept_do_no_harm);
    tcase_add_test(tc, absurd_figures_never_count_more_than_they_say);
    tcase_add_test(tc, seen_and_missed_is_what_was_processed);
}
