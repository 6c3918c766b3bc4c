/* What workers reply of themselves. */

#include "model/workers.h"
#include "rig.h"

const char suite_name[] = "worker stats";

#define OF(family) "celery_worker_" family "{hostname='h',worker='celery@h'}"

static struct rig rig;

static void
open_rig(void)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
}

static void
close_rig(void)
{
    rig_close(&rig);
}

static void
reply(int64_t pid, struct pidbox_stats stats)
{
    stats.pid = pid;
    metrics_worker_stats(rig.metrics, STR("celery@h"), &stats, rig.now);
}

static const struct pidbox_stats usual = {
    .clock = 10,
    .pool = STR_INIT("prefork"),
    .processes = 4,
    .prefetch = 16,
    .maxrss = 50000000,
    .uptime_s = 100,
};

START_TEST(replies_show_under_the_nodename)
{
    rig_online(&rig, "celery@h", 1);
    reply(1, usual);

    ASSERT_VALUE(&rig, OF("pool_size"), 4);
    ASSERT_VALUE(&rig, OF("prefetch_limit"), 16);
    ASSERT_VALUE(&rig, OF("resident_memory_max_bytes"), 50000000);
    ASSERT_VALUE(&rig, OF("start_time_seconds"), 1.7e9 - 100);
}
END_TEST

START_TEST(processes_of_one_nodename_add_up)
{
    struct pidbox_stats later = usual;
    later.uptime_s = 10;
    for (int64_t pid = 1; pid <= 2; pid++)
        rig_online(&rig, "celery@h", pid);
    for (int i = 0; i < 3; i++) {
        reply(1, later);
        reply(2, usual);
    }
    ASSERT_VALUE(&rig, OF("pool_size"), 8);
    ASSERT_VALUE(&rig, OF("prefetch_limit"), 32);
    ASSERT_VALUE(&rig, OF("start_time_seconds"), 1.7e9 - 10);

    rig_offline(&rig, "celery@h", 1);
    reply(2, usual);

    ASSERT_VALUE(&rig, OF("pool_size"), 4);
    ASSERT_VALUE(&rig, OF("start_time_seconds"), 1.7e9 - 100);
}
END_TEST

START_TEST(one_process_without_a_prefetch_limit_is_enough)
{
    struct pidbox_stats unlimited = usual;
    unlimited.prefetch = 0;
    for (int64_t pid = 1; pid <= 2; pid++)
        rig_online(&rig, "celery@h", pid);
    reply(1, usual);
    reply(2, unlimited);

    ASSERT_VALUE(&rig, OF("prefetch_limit"), 0);
}
END_TEST

START_TEST(what_is_not_told_is_not_shown)
{
    rig_online(&rig, "celery@h", 1);
    reply(1, (struct pidbox_stats){.clock = -1,
                                   .processes = 1,
                                   .prefetch = -1,
                                   .maxrss = -1,
                                   .uptime_s = -1});

    ASSERT_VALUE(&rig, OF("pool_size"), 1);
    ASSERT_ABSENT(&rig, OF("prefetch_limit"));
    ASSERT_ABSENT(&rig, OF("resident_memory_max_bytes"));
    ASSERT_ABSENT(&rig, OF("start_time_seconds"));
}
END_TEST

START_TEST(a_worker_that_is_down_has_no_pool)
{
    rig_online(&rig, "celery@h", 1);
    reply(1, usual);
    metrics_worker_holds(rig.metrics, STR("celery@h"), WORKER_RESERVED, 3,
                         rig.now);
    metrics_worker_holds(rig.metrics, STR("celery@h"), WORKER_SCHEDULED, 2,
                         rig.now);
    ASSERT_VALUE(&rig, OF("reserved_tasks"), 3);
    ASSERT_VALUE(&rig, OF("scheduled_tasks"), 2);

    rig_offline(&rig, "celery@h", 1);
    reply(1, usual); /* was on its way */

    ASSERT_VALUE(&rig, OF("pool_size"), 0);
    ASSERT_VALUE(&rig, OF("reserved_tasks"), 0);
    ASSERT_VALUE(&rig, OF("scheduled_tasks"), 0);
    ASSERT_ABSENT(&rig, OF("prefetch_limit"));
    ASSERT_ABSENT(&rig, OF("resident_memory_max_bytes"));
    ASSERT_ABSENT(&rig, OF("start_time_seconds"));

    rig_pass(&rig, 700);
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_pool_size{"), 0);
}
END_TEST

START_TEST(the_start_does_not_jitter)
{
    rig_online(&rig, "celery@h", 1);
    for (int i = 0; i < 10; i++) {
        struct pidbox_stats stats = usual;
        stats.uptime_s += 15 * i + i % 3 - 1;
        reply(1, stats);
        ASSERT_VALUE(&rig, OF("start_time_seconds"), 1.7e9 - 99);
        rig_pass(&rig, 15);
    }
    struct pidbox_stats restarted = usual;
    restarted.uptime_s = 3;
    reply(1, restarted);

    ASSERT_VALUE(&rig, OF("start_time_seconds"), 1.7e9 + 150 - 3);
}
END_TEST

START_TEST(absurd_stats_do_not_overflow)
{
    for (int64_t pid = 1; pid <= 1000; pid++) {
        rig_online(&rig, "celery@h", pid);
        reply(pid, (struct pidbox_stats){.processes = INT64_MAX,
                                         .prefetch = INT64_MAX,
                                         .maxrss = INT64_MAX,
                                         .uptime_s = INT64_MAX});
    }
    for (int64_t pid = 1; pid <= 1000; pid++)
        rig_offline(&rig, "celery@h", pid);

    ASSERT_VALUE(&rig, OF("pool_size"), 0);
}
END_TEST

START_TEST(the_pool_replaces_the_info_at_once)
{
    SEND(&rig, EVENT_WORKER_ONLINE, .sw_ver = STR("5.6"));
    ck_assert_uint_eq(rig_n(&rig, "celery_worker_info{"), 1);
    reply(1, usual);

    ck_assert_uint_eq(rig_n(&rig, "celery_worker_info{"), 1);
    ASSERT_VALUE(&rig,
                 "celery_worker_info{hostname='h',pool='prefork',sw_ident='',"
                 "sw_sys='',sw_ver='5.6',worker='celery@h'}",
                 1);
}
END_TEST

/* ---- the only queue of a worker ---- */

static struct workers *workers;
static struct hostnames *hostnames;

static bool
no_events(void *ctx, struct str name)
{
    (void)ctx;
    (void)name;
    return false;
}

static void
ignore_drop(void *ctx, const struct idset *ids)
{
    (void)ctx;
    (void)ids;
}

static void
open_workers(void)
{
    open_rig();
    const struct hash_key key = {.seed = 1};
    struct registry *registry = metrics_registry(rig.metrics);
    hostnames = hostnames_new(registry, key, false, NULL, 0);
    workers = workers_new(&(struct workers_config){.timeout_ms = 10 * 1000,
                                                   .purge_ms = 20 * 1000,
                                                   .max = 10,
                                                   .queue_grace_ms = 2000,
                                                   .has_events = no_events,
                                                   .before_drop = ignore_drop},
                          registry, hostnames, key);
    workers_subscribed(workers, rig.now);
}

static void
close_workers(void)
{
    workers_free(workers);
    hostnames_free(hostnames);
    close_rig();
}

static uint32_t
see_worker(void)
{
    struct recent_processes none = {0};
    const struct event ev = {
        .type = EVENT_TASK_RECEIVED, .hostname = STR("w@h"), .pid = 1};
    const struct arrival arrival =
        arrival_of(&ev, rig.now, (struct hash_key){.seed = 1}, &none);
    return workers_task_event(workers, &arrival);
}

static void
ask_queue(uint32_t worker, enum worker_queue want)
{
    uint32_t queue;
    ck_assert_int_eq(workers_queue(workers, worker, rig.now, &queue), want);
    if (want != WORKER_QUEUE_KNOWN)
        return;
    ck_assert_uint_eq(queue, registry_value(metrics_registry(rig.metrics),
                                            LABEL_QUEUE_NAME, STR("only")));
}

START_TEST(the_queue_is_awaited_then_known_and_stays_so)
{
    const uint32_t worker = see_worker();
    ask_queue(worker, WORKER_QUEUE_PENDING);
    workers_set_queue(workers, STR("w@h"), STR("only"));
    ask_queue(worker, WORKER_QUEUE_KNOWN);
    rig.now.mono_ms += 9000;
    ask_queue(worker, WORKER_QUEUE_KNOWN);

    workers_set_queue(workers, STR("w@h"), (struct str){0});
    ask_queue(worker, WORKER_QUEUE_UNKNOWN);
}
END_TEST

START_TEST(a_queue_that_nobody_tells_is_not_awaited_for_long)
{
    const uint32_t worker = see_worker();
    rig.now.mono_ms += 2000;

    ask_queue(worker, WORKER_QUEUE_UNKNOWN);
    ask_queue(WORKERS_NONE, WORKER_QUEUE_UNKNOWN);
}
END_TEST

START_TEST(the_queue_leaves_with_its_node)
{
    const uint32_t worker = see_worker();
    workers_set_queue(workers, STR("w@h"), STR("only"));
    rig.now.mono_ms += 21 * 1000;
    workers_tick(workers, rig.now);
    ask_queue(worker, WORKER_QUEUE_UNKNOWN);

    workers_subscribed(workers, rig.now);
    ask_queue(see_worker(), WORKER_QUEUE_PENDING);
}
END_TEST

static size_t ncalled;

static void
on_node(void *ctx, struct str nodename)
{
    (void)ctx;
    ck_assert(str_eq(nodename, STR("celery@h")));
    ncalled++;
}

START_TEST(only_live_workers_are_suspect_or_mute)
{
    ncalled = 0;
    rig_online(&rig, "celery@h", 1);
    SEND(&rig, EVENT_TASK_STARTED);
    rig_heartbeat(&rig, "celery@h", 1, 0, 3);
    metrics_each_suspect(rig.metrics, on_node, NULL);
    ck_assert_uint_eq(ncalled, 1);
    metrics_each_mute(rig.metrics, on_node, NULL);
    ck_assert_uint_eq(ncalled, 1);

    rig_online(&rig, "celery@h", 2);
    for (int i = 0; i < 3; i++) {
        rig_heartbeat(&rig, "celery@h", 2, 0, 3);
        rig_pass(&rig, 2);
    }
    metrics_each_mute(rig.metrics, on_node, NULL);
    ck_assert_uint_eq(ncalled, 2);

    for (int64_t pid = 1; pid <= 2; pid++)
        rig_offline(&rig, "celery@h", pid);
    metrics_each_suspect(rig.metrics, on_node, NULL);
    metrics_each_mute(rig.metrics, on_node, NULL);
    ck_assert_uint_eq(ncalled, 2);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, open_workers, close_workers);
    tcase_add_test(tc, replies_show_under_the_nodename);
    tcase_add_test(tc, processes_of_one_nodename_add_up);
    tcase_add_test(tc, one_process_without_a_prefetch_limit_is_enough);
    tcase_add_test(tc, what_is_not_told_is_not_shown);
    tcase_add_test(tc, a_worker_that_is_down_has_no_pool);
    tcase_add_test(tc, the_start_does_not_jitter);
    tcase_add_test(tc, absurd_stats_do_not_overflow);
    tcase_add_test(tc, the_pool_replaces_the_info_at_once);
    tcase_add_test(tc, the_queue_is_awaited_then_known_and_stays_so);
    tcase_add_test(tc, a_queue_that_nobody_tells_is_not_awaited_for_long);
    tcase_add_test(tc, the_queue_leaves_with_its_node);
    tcase_add_test(tc, only_live_workers_are_suspect_or_mute);
}
