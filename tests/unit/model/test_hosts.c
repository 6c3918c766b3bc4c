/* Hosts that only send tasks, and those that stand for many. */

#include <stdio.h>

#include "rig.h"

const char suite_name[] = "hosts";

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

START_TEST(clients_are_purged_after_seven_days)
{
    send_from("gen1@web", "a");
    rig_pass(&rig, 7 * DAY_S);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"web\""),
                      1);

    rig_pass(&rig, 1);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 0);
    ck_assert_uint_eq(nhostnames(), 0);
}
END_TEST

START_TEST(a_client_that_goes_on_sending_stays)
{
    for (int day = 0; day < 10; day++) {
        send_from("gen1@web", "a");
        rig_pass(&rig, DAY_S);
    }
    ck_assert(rig_sum(&rig, "celery_task_sent_total{", NULL) == 10);
}
END_TEST

START_TEST(client_purge_zero_is_never)
{
    struct metrics_config config = rig_config();
    config.purge_client_ms = 0;
    reopen(&config);
    send_from("gen1@web", "a");

    rig_pass(&rig, 9 * DAY_S);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 1);
}
END_TEST

/* Twenty hosts fit; below nine tenths of that none leaves early. */
START_TEST(when_hosts_run_out_the_longest_silent_clients_leave)
{
    struct metrics_config config = rig_config();
    config.registry.max_hostnames = 20;
    reopen(&config);
    char node[32];
    for (int i = 0; i < 19; i++) {
        snprintf(node, sizeof(node), "gen1@web%02d", 18 - i);
        send_from(node, node);
        rig_pass(&rig, 1);
    }
    rig_pass(&rig, 580);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 19);

    rig_pass(&rig, 3600);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 17);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"web18\""),
                      0);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"web17\""),
                      0);
    ck_assert_uint_eq(nhostnames(), 17);
}
END_TEST

START_TEST(when_samples_run_out_the_longest_silent_clients_leave)
{
    struct metrics_config config = rig_config();
    config.registry.max_samples =
        (size_t)rig_value(&rig, "celery_exporter_series") + 200;
    reopen(&config);
    rig_heartbeat(&rig, "a@h", 1, 0, 0);
    char node[32];
    for (int i = 0; i < 300; i++) {
        snprintf(node, sizeof(node), "gen1@web%03d", i);
        send_from(node, node);
    }
    const size_t before = nhostnames();
    ck_assert(registry_is_crowded(metrics_registry(rig.metrics)));
    rig_pass(&rig, 599);
    ck_assert_uint_eq(nhostnames(), before);
    send_from("gen1@web001", "busy");
    rig_heartbeat(&rig, "a@h", 1, 0, 0);

    rig_pass(&rig, 60);

    ck_assert(!registry_is_crowded(metrics_registry(rig.metrics)));
    ck_assert_uint_lt(nhostnames(), before);
    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{hostname=\"web001\""),
                      1);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h'}", 1);
}
END_TEST

START_TEST(time_without_the_broker_does_not_age_clients)
{
    struct metrics_config config = rig_config();
    config.registry.max_hostnames = 1;
    reopen(&config);
    send_from("gen1@web", "a");
    metrics_broker_down(rig.metrics, 0, rig.now);
    rig_pass(&rig, 8 * DAY_S);
    metrics_broker_up(rig.metrics, rig.now);

    rig_pass(&rig, 5);

    ck_assert_uint_eq(rig_n(&rig, "celery_task_sent_total{"), 1);
}
END_TEST

START_TEST(what_stands_for_many_hosts_is_never_dropped)
{
    struct metrics_config config = rig_config();
    config.generic_hostname_worker_task = true;
    config.registry.max_hostnames = 2;
    reopen(&config);
    rig_run_task(&rig, STR("celery@h"), STR("u"), STR("t"));
    rig_heartbeat(&rig, "celery@generic", 1, 0, 0);
    rig_heartbeat(&rig, "celery@overflow", 1, 0, 0);

    rig_pass(&rig, 700);
    rig_run_task(&rig, STR("celery@h2"), STR("u2"), STR("t"));

    ASSERT_VALUE(&rig,
                 "celery_task_succeeded_total{hostname='generic',name='t',"
                 "queue_name='celery'}",
                 2);
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='__other__'}", 0);
    ASSERT_ABSENT(&rig, "celery_worker_up{hostname='h'}");
    ASSERT_VALUE(&rig, "celery_worker_up{hostname='h2'}", 1);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, clients_are_purged_after_seven_days);
    tcase_add_test(tc, a_client_that_goes_on_sending_stays);
    tcase_add_test(tc, client_purge_zero_is_never);
    tcase_add_test(tc, when_hosts_run_out_the_longest_silent_clients_leave);
    tcase_add_test(tc, when_samples_run_out_the_longest_silent_clients_leave);
    tcase_add_test(tc, time_without_the_broker_does_not_age_clients);
    tcase_add_test(tc, what_stands_for_many_hosts_is_never_dropped);
}
