#include "app/metric_notes.h"

#include <string.h>

#include "../suite.h"
#include "base/attr.h"

const char suite_name[] = "metric_notes";

START_TEST(every_family_has_a_unit_and_a_query_that_names_it)
{
    const struct family *family = &families[_i];
    const struct metric_note *note = metric_note(family);
    ck_assert_msg(note->family[0] != '\0', "%s has no note", family->name);
    ck_assert_str_ne(note->unit, "");
    /* In a table. */
    ck_assert_ptr_null(strchr(note->query, '|'));
    ck_assert_ptr_null(strchr(note->query, '`'));

    struct buf name;
    buf_init(&name, 0);
    buf_printf(&name, "%s%s", family->absolute ? "" : "celery_", family->name);
    buf_add_byte(&name, '\0');
    ck_assert_msg(strstr(note->query, name.ptr) != NULL, "%s: %s", name.ptr,
                  note->query);
    buf_close(&name);
}
END_TEST

START_TEST(unit_goes_with_the_name)
{
    const struct family *family = &families[_i];
    const char *unit = metric_note(family)->unit;

    if (strstr(family->name, "timestamp_seconds") != NULL ||
        strstr(family->name, "start_time_seconds") != NULL)
        ck_assert_str_eq(unit, "Unix time");
    else if (strstr(family->name, "_seconds") != NULL)
        ck_assert_str_eq(unit, "seconds");
    else if (strstr(family->name, "_bytes") != NULL)
        ck_assert_str_eq(unit, "bytes");
    if (family->type == FAMILY_HISTOGRAM)
        ck_assert_str_eq(unit, "seconds");
}
END_TEST

START_TEST(there_are_no_notes_of_other_families)
{
    ck_assert_uint_eq(metric_notes_n(), nfamilies);
}
END_TEST

static const struct {
    const char *family;
    const char *cost;
} costs[] = {
    {"task_sent_total",
     "one for each host, task and queue that occur together"},
    {"task_runtime", "17 for each host, task and queue that occur together"},
    {"celery_exporter_event_delay_seconds", "17"},
    {"celery_exporter_broker_up", "one"},
    {"celery_exporter_build_info", "one"},
    {"celery_exporter_label_values", "one for each label with a cap: 6"},
    {"worker_info", "one for each nodename"},
};

START_TEST(cost_is_told_for_each_label_set)
{
    struct buf text;
    buf_init(&text, 0);
    for (size_t f = 0; f < nfamilies; f++)
        if (strcmp(families[f].name, costs[_i].family) == 0)
            metric_cost(&families[f], &text);
    buf_add_byte(&text, '\0');

    ck_assert_str_eq(text.ptr, costs[_i].cost);

    buf_close(&text);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, every_family_has_a_unit_and_a_query_that_names_it,
                        0, (int)nfamilies);
    tcase_add_loop_test(tc, unit_goes_with_the_name, 0, (int)nfamilies);
    tcase_add_test(tc, there_are_no_notes_of_other_families);
    tcase_add_loop_test(tc, cost_is_told_for_each_label_set, 0,
                        COUNT_OF(costs));
}
