/* The label hostname: what it holds, and what becomes of hosts that share
 * one. */

#include <stdio.h>

#include "rig.h"

const char suite_name[] = "hostnames";

static struct rig rig;

static void
open_with(bool is_worker, const char *rewrite, const char *second)
{
    const char *rewrites[] = {rewrite, second};
    struct metrics_config config = rig_config();
    config.hostname_is_worker = is_worker;
    config.hostname_rewrites = rewrites;
    config.nhostname_rewrites = (rewrite != NULL) + (second != NULL);
    config.registry.max_hostnames = 20;
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static struct values *
hostname_values(void)
{
    return registry_values(metrics_registry(rig.metrics), LABEL_HOSTNAME);
}

static void
send_from(const char *node, const char *uuid)
{
    SEND(&rig, EVENT_TASK_SENT, .hostname = str_from(node),
         .uuid = str_from(uuid), .name = STR("t"));
}

START_TEST(nodename_is_the_label_when_asked_for)
{
    open_with(true, NULL, NULL);

    rig_heartbeat(&rig, "a@h", 1, 2, 0);
    rig_heartbeat(&rig, "b@h", 2, 3, 0);
    rig_offline(&rig, "b@h", 2);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='a@h'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='b@h'}", 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='a@h'}", 2);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
    ck_assert_uint_eq(rig_n(&rig,
                            "celery_worker_last_heartbeat_timestamp_seconds"
                            "{hostname=\"a@h\",worker=\"a@h\"}"),
                      1);
}
END_TEST

START_TEST(clients_stay_hosts)
{
    open_with(true, NULL, NULL);

    send_from("gen17@web", "u");
    SEND(&rig, EVENT_TASK_RECEIVED, .hostname = STR("a@h"), .uuid = STR("u"));

    ASSERT_VALUE(
        &rig,
        "celery_task_sent_total{hostname='web',name='t',queue_name='celery'}",
        1);
    ASSERT_VALUE(&rig,
                 "celery_task_received_total{hostname='a@h',name='t',"
                 "queue_name='celery'}",
                 1);
}
END_TEST

START_TEST(first_rewrite_that_matches_is_applied_once)
{
    open_with(false, "^web-[0-9]+$=web", "^w=x");

    rig_heartbeat(&rig, "a@web-1", 1, 0, 0);
    rig_heartbeat(&rig, "a@wide", 2, 0, 0);
    rig_heartbeat(&rig, "a@other", 3, 0, 0);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='web'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='xide'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='other'}", 1);
}
END_TEST

START_TEST(host_of_which_nothing_is_left_stays)
{
    open_with(false, ".*=", NULL);

    rig_heartbeat(&rig, "a@web", 1, 2, 0);

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='web'}", 1);
}
END_TEST

START_TEST(hosts_that_become_one_add_up)
{
    open_with(false, "^web-[0-9]+$=web", NULL);

    rig_heartbeat(&rig, "a@web-1", 1, 2, 0);
    rig_heartbeat(&rig, "a@web-2", 1, 3, 0);
    rig_run_task(&rig, STR("a@web-1"), STR("1"), STR("t"));
    rig_run_task(&rig, STR("a@web-2"), STR("2"), STR("t"));
    send_from("gen1@web-3", "3");

    ASSERT_VALUE(&rig, "celery_worker_up{hostname='web'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='web'}", 5);
    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='web',name='t',"
                 "queue_name='celery'}",
                 2);
    ck_assert_uint_eq(values_n(hostname_values()), 1);
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_info"), 0);

    rig_offline(&rig, "a@web-1", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='web'}", 1);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='web'}", 3);

    rig_offline(&rig, "a@web-2", 1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='web'}", 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='web'}", 0);
}
END_TEST

START_TEST(the_last_of_them_takes_the_series_along)
{
    open_with(false, "^web-[0-9]+$=web", NULL);

    rig_heartbeat(&rig, "a@web-1", 1, 0, 0);
    rig_offline(&rig, "a@web-1", 1);
    rig_pass(&rig, 400);
    rig_heartbeat(&rig, "a@web-2", 1, 0, 0);
    rig_pass(&rig, 250);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='web'}", 1);
    ck_assert_uint_eq(
        rig_n(&rig, "celery_worker_last_heartbeat_timestamp_seconds"), 1);

    rig_pass(&rig, 400);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='web'}");
    ck_assert_uint_eq(values_n(hostname_values()), 0);

    /* What was remembered of the host has gone, too. */
    rig_heartbeat(&rig, "a@other", 1, 0, 0);
    rig_heartbeat(&rig, "a@web-1", 1, 7, 0);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='web'}", 7);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='other'}", 0);
}
END_TEST

START_TEST(rewrites_see_the_nodename_when_that_is_the_label)
{
    open_with(true, "^([^@]*)@web-[0-9]+$=\\1@web", NULL);

    rig_heartbeat(&rig, "a@web-1", 1, 1, 0);
    rig_heartbeat(&rig, "a@web-2", 1, 1, 0);
    rig_heartbeat(&rig, "b@web-2", 2, 1, 0);

    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='a@web'}", 2);
    ASSERT_VALUE(&rig, "celery_worker_tasks_active{hostname='b@web'}", 1);
}
END_TEST

START_TEST(flood_of_hosts_stays_within_the_cap)
{
    open_with(false, "^x-.*=x", NULL);

    for (int i = 0; i < 50000; i++) {
        char node[32];
        snprintf(node, sizeof(node), "gen@%c-%d", i % 2 ? 'x' : 'y', i);
        send_from(node, "u");
    }

    ck_assert_uint_eq(values_n(hostname_values()), 20);
    ASSERT_VALUE(
        &rig,
        "celery_task_sent_total{hostname='x',name='t',queue_name='celery'}",
        25000);
    ASSERT_VALUE(&rig,
                 "celery_task_sent_total{hostname='__other__',name='t',"
                 "queue_name='celery'}",
                 25000 - 19);
    ASSERT_VALUE(&rig,
                 "celery_exporter_series_overflow_total{label='hostname'}",
                 25000 - 19);
}
END_TEST

/* A host that found no room is given its own value once there is some. */
START_TEST(room_is_used_when_it_comes)
{
    open_with(false, "^x=y", NULL);
    for (int i = 0; i < 20; i++) {
        char node[32];
        snprintf(node, sizeof(node), "a@h%d", i);
        rig_heartbeat(&rig, node, 1, 0, 0);
        rig_offline(&rig, node, 1);
    }
    send_from("gen@late", "u");
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"late\""),
                      0);

    rig_pass(&rig, 700);
    send_from("gen@late", "v");

    ASSERT_VALUE(
        &rig,
        "celery_task_sent_total{hostname='late',name='t',queue_name='celery'}",
        1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, NULL, close_rig);
    tcase_add_test(tc, nodename_is_the_label_when_asked_for);
    tcase_add_test(tc, clients_stay_hosts);
    tcase_add_test(tc, first_rewrite_that_matches_is_applied_once);
    tcase_add_test(tc, host_of_which_nothing_is_left_stays);
    tcase_add_test(tc, hosts_that_become_one_add_up);
    tcase_add_test(tc, the_last_of_them_takes_the_series_along);
    tcase_add_test(tc, rewrites_see_the_nodename_when_that_is_the_label);
    tcase_add_test(tc, flood_of_hosts_stays_within_the_cap);
    tcase_add_test(tc, room_is_used_when_it_comes);
}
