#include "model/registry.h"

#include <stdio.h>
#include <string.h>

#include "rig.h"

const char suite_name[] = "registry";

static const struct hash_key key = {.seed = 5};

static struct registry *
open_registry(const struct registry_config *config)
{
    struct buf err;
    buf_init(&err, 0);
    struct registry *registry = registry_new(config, key, &err);
    ck_assert_ptr_nonnull(registry);
    buf_close(&err);
    return registry;
}

static bool
family_enabled(const struct registry *registry, const char *name)
{
    for (size_t f = 0; f < nfamilies; f++)
        if (strcmp(families[f].name, name) == 0)
            return registry_enabled(registry, f);
    ck_abort_msg("no family %s", name);
}

START_TEST(the_first_sixteen_are_those_of_the_python_exporter)
{
    static const char *const names[] = {
        "task_sent_total",      "task_received_total",   "task_started_total",
        "task_succeeded_total", "task_failed_total",     "task_rejected_total",
        "task_revoked_total",   "task_retried_total",    "worker_up",
        "worker_tasks_active",  "task_runtime",          "task_queue_wait_time",
        "queue_length",         "active_consumer_count", "active_worker_count",
        "active_process_count",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        ck_assert_str_eq(families[i].name, names[i]);
}
END_TEST

START_TEST(the_table_of_families_is_sound)
{
    for (size_t f = 0; f < nfamilies; f++) {
        const struct family *family = &families[f];
        const struct str name = str_from(family->name);
        ck_assert_uint_gt(strlen(family->help), 0);
        ck_assert_ptr_null(strpbrk(family->help, "\\\"\n"));
        ck_assert_int_eq(page_ends(name, STR("_total")),
                         family->type == FAMILY_COUNTER);
        ck_assert_int_eq(family->cell == CELL_HISTOGRAM,
                         family->type == FAMILY_HISTOGRAM);
        ck_assert_int_eq(family->bounds != BOUNDS_NONE,
                         family->type == FAMILY_HISTOGRAM);
        ck_assert_uint_lt(family->column, SERIES_MAX_COLUMNS);
        for (size_t g = 0; g < f; g++) {
            ck_assert_str_ne(family->name, families[g].name);
            ck_assert(family->group != families[g].group ||
                      family->column != families[g].column);
        }
    }
}
END_TEST

START_TEST(labels_of_every_group_are_sorted)
{
    for (size_t g = 0; g < GROUP_COUNT; g++)
        for (size_t i = 1; group_labels[g][i].name != NULL &&
                           group_labels[g][i - 1].name != NULL;
             i++)
            ck_assert_int_lt(
                strcmp(group_labels[g][i - 1].name, group_labels[g][i].name),
                0);
}
END_TEST

static const struct {
    const char *family;
    const char *name;
    bool named;
} names[] = {
    {"task_failures_total", "task_failures", true},
    {"task_failures_total", "task_failures_total", true},
    {"task_failures_total", "task", false},
    {"task_failures_total", "", false},
    {"task_prefetch_time_seconds", "task_prefetch_time", true},
    {"task_last_success_timestamp_seconds", "task_last_success", true},
    {"celery_exporter_blind_seconds_total", "celery_exporter_blind", true},
    {"worker_up", "worker_up", true},
    {"worker_load1", "worker_load", false},
};

START_TEST(a_family_goes_by_its_name_without_the_suffix)
{
    bool found = false;
    for (size_t f = 0; f < nfamilies; f++) {
        if (strcmp(families[f].name, names[_i].family) != 0)
            continue;
        found = true;
        ck_assert_int_eq(
            family_is_named(&families[f], str_from(names[_i].name)),
            names[_i].named);
    }
    ck_assert(found);
}
END_TEST

START_TEST(families_can_be_switched_on_and_off)
{
    static const char *const on[] = {"task_prefetch_time"};
    static const char *const off[] = {"worker_load1", "task_sent_total"};
    struct registry_config config = rig_config().registry;
    struct registry *registry = open_registry(&config);
    ck_assert(!family_enabled(registry, "task_prefetch_time_seconds"));
    ck_assert(!family_enabled(registry, "task_failure_runtime_seconds"));
    ck_assert(family_enabled(registry, "worker_load1"));
    registry_free(registry);

    config.collect = on;
    config.ncollect = COUNT_OF(on);
    config.no_collect = off;
    config.nno_collect = COUNT_OF(off);
    registry = open_registry(&config);

    ck_assert(family_enabled(registry, "task_prefetch_time_seconds"));
    ck_assert(!family_enabled(registry, "task_failure_runtime_seconds"));
    ck_assert(!family_enabled(registry, "worker_load1"));
    ck_assert(!family_enabled(registry, "task_sent_total"));
    ck_assert(family_enabled(registry, "worker_load15"));
    registry_free(registry);
}
END_TEST

START_TEST(the_prefix_is_put_before_all_but_absolute_names)
{
    struct registry_config config = rig_config().registry;
    config.prefix = "my_";
    struct registry *registry = open_registry(&config);

    for (size_t f = 0; f < nfamilies; f++)
        ck_assert_int_eq(str_starts(registry_name(registry, f), STR("my_")),
                         !families[f].absolute);

    registry_free(registry);
}
END_TEST

START_TEST(config_is_copied)
{
    char label[] = "env=prod";
    char prefix[] = "my_";
    double bounds[] = {1, 2};
    const char *labels[] = {label};
    struct registry_config config = rig_config().registry;
    config.prefix = prefix;
    config.static_labels = labels;
    config.nstatic_labels = 1;
    config.runtime_bounds = bounds;
    config.nruntime_bounds = 2;
    struct registry *registry = open_registry(&config);

    memset(label, 'X', sizeof(label) - 1);
    memset(prefix, 'X', sizeof(prefix) - 1);
    bounds[0] = 99;

    const struct str name = STR("h");
    const uint32_t ids[SERIES_MAX_LABELS] = {
        registry_value(registry, LABEL_HOSTNAME, name)};
    struct buf text;
    buf_init(&text, 0);
    label_text_add(group_label_text(registry_group(registry, GROUP_HOST)), ids,
                   &text);
    ck_assert(str_eq(buf_str(&text), STR("{env=\"prod\",hostname=\"h\"} ")));
    buf_close(&text);
    ck_assert(str_starts(registry_name(registry, 0), STR("my_")));
    ck_assert(registry_column(registry, &families[10])->bounds[0] == 1);
    registry_free(registry);
}
END_TEST

START_TEST(a_drop_takes_series_of_all_groups_and_the_value)
{
    struct registry_config config = rig_config().registry;
    struct registry *registry = open_registry(&config);
    const uint32_t host = registry_value(registry, LABEL_HOSTNAME, STR("h"));
    /* The same number under another label is another value. */
    const uint32_t name = registry_value(registry, LABEL_NAME, STR("t"));
    ck_assert_uint_eq(host, name);
    const uint32_t task[SERIES_MAX_LABELS] = {host, name, 0};
    const uint32_t failed[SERIES_MAX_LABELS] = {0, host, name, 0};
    const uint32_t only_name[SERIES_MAX_LABELS] = {name};
    group_series(registry_group(registry, GROUP_TASK), task, 0);
    group_series(registry_group(registry, GROUP_FAILED), failed, 0);
    group_series(registry_group(registry, GROUP_NAME), only_name, 0);
    struct idset ids = {0};
    idset_add(&ids, host);

    registry_drop(registry, LABEL_HOSTNAME, &ids);

    ck_assert_uint_eq(group_n(registry_group(registry, GROUP_TASK)), 0);
    ck_assert_uint_eq(group_n(registry_group(registry, GROUP_FAILED)), 0);
    ck_assert_uint_eq(group_n(registry_group(registry, GROUP_NAME)), 1);
    ck_assert_uint_eq(values_n(registry_values(registry, LABEL_HOSTNAME)), 0);
    ck_assert_uint_eq(values_n(registry_values(registry, LABEL_NAME)), 1);
    idset_close(&ids);
    registry_free(registry);
}
END_TEST

START_TEST(overflows_are_told_by_label)
{
    struct metrics_config config = rig_config();
    struct rig rig;
    config.registry.max_names = 2; /* "None" is one of them */
    rig_open(&rig, &config);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        SEND(&rig, EVENT_TASK_RECEIVED, .uuid = str_from(name),
             .name = str_from(name));
    }

    ASSERT_VALUE(&rig, "celery_exporter_series_overflow_total{label='name'}",
                 4);
    ASSERT_VALUE(&rig,
                 "celery_exporter_series_overflow_total{label='hostname'}", 0);
    ASSERT_VALUE(&rig,
                 "celery_task_received_total{hostname='h',name='__other__',"
                 "queue_name='celery'}",
                 4);
    rig_close(&rig);
}
END_TEST

START_TEST(caps_and_their_use_are_told)
{
    const struct metrics_config config = rig_config();
    struct rig rig;
    rig_open(&rig, &config);
    ASSERT_VALUE(&rig, "celery_exporter_label_values{label='name'}", 1);
    ASSERT_VALUE(&rig, "celery_exporter_label_values_limit{label='name'}",
                 5000);
    ASSERT_VALUE(&rig, "celery_exporter_table_entries{table='senders'}", 0);

    SEND(&rig, EVENT_TASK_SENT, .hostname = STR("gen@web"), .name = STR("t"));
    rig_heartbeat(&rig, "a@h", 1, 0, 0);
    rig_heartbeat(&rig, "a@h", 2, 0, 0);

    static const struct {
        const char *series;
        double value;
    } wanted[] = {
        {"celery_exporter_label_values{label='name'}", 2},
        {"celery_exporter_label_values{label='hostname'}", 2},
        {"celery_exporter_label_values{label='queue_name'}", 1},
        /* UnknownException, of failures that name none. */
        {"celery_exporter_label_values{label='exception'}", 1},
        {"celery_exporter_label_values{label='worker'}", 1},
        {"celery_exporter_label_values_limit{label='hostname'}", 2000},
        {"celery_exporter_label_values_limit{label='queue_name'}", 1000},
        {"celery_exporter_label_values_limit{label='exception'}", 1000},
        {"celery_exporter_label_values_limit{label='worker'}", 2000},
        {"celery_exporter_table_entries{table='workers'}", 2},
        {"celery_exporter_table_entries_limit{table='workers'}", 10000},
        {"celery_exporter_table_entries{table='senders'}", 3},
        {"celery_exporter_table_entries_limit{table='senders'}", 4096},
        {"celery_exporter_table_entries{table='waiting_events'}", 0},
        {"celery_exporter_table_entries_limit{table='waiting_events'}", 100000},
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        ASSERT_VALUE(&rig, wanted[i].series, wanted[i].value);
    rig_close(&rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, the_first_sixteen_are_those_of_the_python_exporter);
    tcase_add_test(tc, the_table_of_families_is_sound);
    tcase_add_test(tc, labels_of_every_group_are_sorted);
    tcase_add_loop_test(tc, a_family_goes_by_its_name_without_the_suffix, 0,
                        COUNT_OF(names));
    tcase_add_test(tc, families_can_be_switched_on_and_off);
    tcase_add_test(tc, the_prefix_is_put_before_all_but_absolute_names);
    tcase_add_test(tc, config_is_copied);
    tcase_add_test(tc, a_drop_takes_series_of_all_groups_and_the_value);
    tcase_add_test(tc, overflows_are_told_by_label);
    tcase_add_test(tc, caps_and_their_use_are_told);
}
