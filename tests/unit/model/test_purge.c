/* When hosts and workers are forgotten, with what, and that nothing of one
 * shows up under the name of another that gets its numbers. */

#include <stdio.h>

#include "model/nodes.h"
#include "model/workers.h"
#include "rig.h"

const char suite_name[] = "purge";

enum { DAY_S = 24 * 3600 };

static struct rig rig;

static void
open_rig(void)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
}

static void
reopen(const struct metrics_config *config)
{
    rig_close(&rig);
    rig_open(&rig, config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static void
send_from(const char *node, const char *uuid)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = str_from(node),
         .uuid = str_from(uuid), .name = STR("t"));
}

static size_t
nhostnames(void)
{
    return values_n(
        registry_values(metrics_registry(rig.metrics), LABEL_HOSTNAME));
}

START_TEST(a_worker_long_silent_takes_all_series_of_its_host_along)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 5);
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    send_from("gen1@h", "v");
    rig_heartbeat(&rig, "celery@g", 1, 0, 0);
    rig_pass(&rig, 600);
    ck_assert_uint_gt(rig_n(&rig, "celery_task_started_total{hostname=\"h\""),
                      0);

    rig_pass(&rig, 1);

    const struct str page = rig_page(&rig);
    ck_assert_ptr_null(memmem(page.ptr, page.len, "hostname=\"h\"", 12));
    ck_assert_ptr_null(memmem(page.ptr, page.len, "celery@h", 8));
    ck_assert_uint_eq(nhostnames(), 0);
    /* What has no such label stays. */
    ASSERT_VALUE(&rig, "celery_task_failures_total{name='t'}", 0);
}
END_TEST

START_TEST(purge_zero_is_never)
{
    struct metrics_config config = rig_config();
    config.purge_offline_worker_ms = 0;
    reopen(&config);
    rig_heartbeat(&rig, "celery@h", 1, 0, 5);

    rig_pass(&rig, 3 * DAY_S);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
}
END_TEST

START_TEST(only_the_hostname_label_decides)
{
    rig_heartbeat(&rig, "celery@t", 1, 0, 5);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .name = STR("t"),
         .queue = STR("t"));

    rig_pass(&rig, 601);

    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='t'}");
    ASSERT_VALUE(&rig,
                 "celery_task_sent_total{hostname='web',name='t',"
                 "queue_name='t'}",
                 1);
}
END_TEST

START_TEST(a_running_task_puts_the_purge_off)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);
    rig_pass(&rig, 5000);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);

    SEND(&rig, EVENT_TASK_SUCCEEDED, .runtime = 5000);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    rig_pass(&rig, 601);

    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
}
END_TEST

START_TEST(a_running_task_does_not_put_it_off_for_ever)
{
    SEND(&rig, EVENT_TASK_RECEIVED, .name = STR("t"));
    SEND(&rig, EVENT_TASK_STARTED);

    rig_pass(&rig, DAY_S + 602);

    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
}
END_TEST

/* The task table forgot the task, so it can never end. */
START_TEST(an_evicted_task_puts_nothing_off)
{
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = 1;
    reopen(&config);
    SEND(&rig, EVENT_TASK_STARTED, .name = STR("t"));
    send_from("gen1@web", "other");

    rig_pass(&rig, 601);

    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
}
END_TEST

START_TEST(silence_is_counted_from_the_goodbye)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 5);
    rig_pass(&rig, 200);
    rig_offline(&rig, "celery@h", 1);
    rig_pass(&rig, 600);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);

    rig_pass(&rig, 1);

    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
    rig_offline(&rig, "celery@h", 1);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
}
END_TEST

START_TEST(a_host_stays_as_long_as_one_of_its_workers)
{
    rig_heartbeat(&rig, "a@h", 1, 0, 5);
    rig_heartbeat(&rig, "b@h", 2, 0, 7);
    for (int i = 0; i < 10; i++) {
        rig_pass(&rig, 100);
        rig_heartbeat(&rig, "b@h", 2, 0, 7);
    }

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
    ASSERT_ABSENT(&rig,
                  "celery_worker_processed_total{hostname='h',worker='a@h'}");
    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='h',worker='b@h'}", 7);
}
END_TEST

START_TEST(a_nodename_stays_as_long_as_one_of_its_processes)
{
    rig_heartbeat(&rig, "celery@h", 1, 0, 5);
    for (int i = 0; i < 10; i++) {
        rig_heartbeat(&rig, "celery@h", 2, 0, 7);
        rig_pass(&rig, 100);
    }

    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='h',"
                 "worker='celery@h'}",
                 12);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='h'}", 1);
}
END_TEST

/* Nodenames that are cut to the same text share a value, which must stay as
 * long as any of them. */
START_TEST(nodenames_that_look_alike_share_their_value)
{
    rig_heartbeat(&rig, "a\x01@h", 1, 0, 5);
    for (int i = 0; i < 10; i++) {
        rig_heartbeat(&rig, "a\x02@h", 1, 0, 7);
        rig_pass(&rig, 100);
    }
    rig_heartbeat(&rig, "new@h", 1, 0, 9);
    rig_heartbeat(&rig, "a\x02@h", 1, 0, 8);

    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='h',"
                 "worker='a\xef\xbf\xbd@h'}",
                 13);
    ASSERT_VALUE(
        &rig, "celery_worker_processed_total{hostname='h',worker='new@h'}", 9);
}
END_TEST

START_TEST(the_numbers_of_a_purged_host_serve_another)
{
    rig_heartbeat(&rig, "celery@old", 1, 3, 5);
    rig_pass(&rig, 601);

    rig_heartbeat(&rig, "celery@new", 1, 1, 2);

    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='new'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_lost_total{hostname='new'}", 0);
    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='new',"
                 "worker='celery@new'}",
                 2);
    ck_assert_uint_eq(nhostnames(), 1);
}
END_TEST

/* A task of the purged worker is still in the table, as running. */
START_TEST(what_was_a_purged_workers_counts_for_no_other)
{
    SEND(&rig, EVENT_TASK_STARTED, .hostname = STR("celery@old"),
         .uuid = STR("a"), .timestamp = 1.7e9);
    rig_pass(&rig, DAY_S + 602);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='old'}");
    rig_heartbeat(&rig, "celery@new", 1, 1, 2);
    SEND(&rig, EVENT_TASK_STARTED, .hostname = STR("celery@new"),
         .uuid = STR("b"));

    /* Its wait would be known now, but its host is gone. */
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .uuid = STR("a"),
         .name = STR("t"), .timestamp = 1.7e9 - 1);
    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen1@web"), .uuid = STR("a"),
         .name = STR("t"), .timestamp = 1.7e9 - 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_queue_wait_time_count"), 0);
    /* Its end is none of the new worker's task, which still defers. */
    SEND(&rig, EVENT_TASK_SUCCEEDED, .hostname = STR("celery@third"),
         .uuid = STR("a"), .runtime = 1);
    rig_pass(&rig, 5000);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='new'}", 0);
}
END_TEST

/* Only those of the host that leaves, and not those of anyone else. */
START_TEST(a_purge_lets_out_the_waiting_events_of_its_host_only)
{
    struct metrics_config config = rig_config();
    config.purge_offline_worker_ms = 1000;
    config.worker_timeout_ms = 1000;
    config.name_grace_ms = 60 * 1000;
    reopen(&config);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .hostname = STR("celery@old"),
         .uuid = STR("a"), .runtime = 1);
    rig_pass(&rig, 1);
    SEND(&rig, EVENT_TASK_SUCCEEDED, .hostname = STR("celery@h"),
         .uuid = STR("b"), .runtime = 1);
    rig_pass(&rig, 1);

    /* The numbers of the old host are the new one's now. */
    rig_heartbeat(&rig, "celery@new", 1, 0, 0);
    SEND(&rig, EVENT_TASK_RECEIVED, .hostname = STR("celery@h"),
         .uuid = STR("b"), .name = STR("t"));
    rig_pass(&rig, 70);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_succeeded_total{hostname="
                                  "\"new\""),
                      0);
}
END_TEST

/* With purges off, restarts without end must not use up all places. */
START_TEST(restarted_workers_never_use_up_the_places)
{
    struct metrics_config config = rig_config();
    config.purge_offline_worker_ms = 0;
    reopen(&config);
    for (int64_t pid = 1; pid <= 12000; pid++) {
        rig_online(&rig, "celery@h", pid);
        rig_heartbeat(&rig, "celery@h", pid, 1, 2);
        rig_offline(&rig, "celery@h", pid);
        if (pid % 100 == 0)
            rig_pass(&rig, 100);
    }
    rig_heartbeat(&rig, "celery@new", 1, 1, 0);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='new'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 0);
    ASSERT_VALUE(&rig,
                 "celery_worker_processed_total{hostname='h',"
                 "worker='celery@h'}",
                 24000);
}
END_TEST

/* Each of ten thousand forged workers has a task that never ends. */
START_TEST(forged_workers_do_not_keep_real_ones_out_for_ever)
{
    struct metrics_config config = rig_config();
    config.max_tracked_tasks = 20000;
    reopen(&config);
    char node[32];
    for (int i = 0; i < 10100; i++) {
        snprintf(node, sizeof(node), "forged%d@h", i);
        SEND(&rig, EVENT_TASK_STARTED, .hostname = str_from(node),
             .uuid = str_from(node));
    }
    rig_heartbeat(&rig, "celery@real", 1, 0, 0);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='real'}");

    rig_pass(&rig, 605);
    rig_heartbeat(&rig, "celery@real", 1, 0, 0);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='real'}", 1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, a_worker_long_silent_takes_all_series_of_its_host_along);
    tcase_add_test(tc, purge_zero_is_never);
    tcase_add_test(tc, only_the_hostname_label_decides);
    tcase_add_test(tc, a_running_task_puts_the_purge_off);
    tcase_add_test(tc, a_running_task_does_not_put_it_off_for_ever);
    tcase_add_test(tc, an_evicted_task_puts_nothing_off);
    tcase_add_test(tc, silence_is_counted_from_the_goodbye);
    tcase_add_test(tc, a_host_stays_as_long_as_one_of_its_workers);
    tcase_add_test(tc, a_nodename_stays_as_long_as_one_of_its_processes);
    tcase_add_test(tc, nodenames_that_look_alike_share_their_value);
    tcase_add_test(tc, the_numbers_of_a_purged_host_serve_another);
    tcase_add_test(tc, what_was_a_purged_workers_counts_for_no_other);
    tcase_add_test(tc, a_purge_lets_out_the_waiting_events_of_its_host_only);
    tcase_add_test(tc, restarted_workers_never_use_up_the_places);
    tcase_add_test(tc, forged_workers_do_not_keep_real_ones_out_for_ever);
}
