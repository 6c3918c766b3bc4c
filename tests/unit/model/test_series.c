#include "model/series.h"

#include <math.h>
#include <stdio.h>

#include "base/attr.h"
#include "model/values.h"

#include "../suite.h"

const char suite_name[] = "series";

enum { COUNT_COL, GAUGE_COL, OFF_COL, HISTOGRAM_COL };

static const struct hash_key key = {.seed = 5};
static const double bounds[] = {0.1, 1, 10};
static const struct column columns[] = {
    [COUNT_COL] = {.type = CELL_COUNT, .enabled = true},
    [GAUGE_COL] = {.type = CELL_VALUE, .enabled = true},
    [OFF_COL] = {.type = CELL_COUNT, .enabled = false},
    [HISTOGRAM_COL] = {.type = CELL_HISTOGRAM,
                       .enabled = true,
                       .bounds = bounds,
                       .nbounds = COUNT_OF(bounds)},
};

static struct values *values;
static struct label labels[2];
static struct series_budget budget;
static struct group *group;

static void
open_with(size_t max_samples, const struct static_label *fixed, size_t nfixed)
{
    values = values_new(key, 1000000, 256);
    labels[0] = (struct label){"host", values};
    labels[1] = (struct label){"name", values};
    budget = (struct series_budget){.max_samples = max_samples};
    group = group_new(key, labels, COUNT_OF(labels), columns, COUNT_OF(columns),
                      fixed, nfixed, &budget);
}

static void
close_all(void)
{
    group_free(group);
    values_free(values);
}

static struct series *
series(const char *host, const char *name)
{
    const uint32_t ids[SERIES_MAX_LABELS] = {values_id(values, str_from(host)),
                                             values_id(values, str_from(name))};
    return group_series(group, ids, 100);
}

static struct series *
numbered(const char *host, int i)
{
    char name[16];
    snprintf(name, sizeof(name), "%d", i);
    return series(host, name);
}

static void
drop_host(const char *host)
{
    struct idset ids = {0};
    idset_add(&ids, values_id(values, str_from(host)));
    group_drop(group, 0, &ids);
    idset_close(&ids);
}

static void
check_text(const struct series *s, const char *want)
{
    struct buf text;
    buf_init(&text, 0);
    label_text_add(group_label_text(group), s->ids, &text);
    ck_assert_msg(str_eq(buf_str(&text), str_from(want)), "%.*s",
                  STR_FMT(buf_str(&text)));
    buf_close(&text);
}

START_TEST(a_label_set_has_one_record)
{
    open_with(1000, NULL, 0);

    struct series *s = series("h", "a");

    ck_assert_ptr_eq(series("h", "a"), s);
    ck_assert_ptr_ne(series("a", "h"), s);
    ck_assert_uint_eq(group_n(group), 2);
    check_text(s, "{host=\"h\",name=\"a\"} ");
    ck_assert(s->created == 100);
    ck_assert_uint_eq(s->present, 0);
    ck_assert_uint_eq(budget.nsamples, 0);
    close_all();
}
END_TEST

START_TEST(a_sample_begins_at_zero_when_it_is_touched)
{
    open_with(1000, NULL, 0);
    struct series *s = series("h", "a");

    ck_assert_ptr_eq(group_touch(group, s, COUNT_COL), s);
    ck_assert_uint_eq(s->cells[COUNT_COL].count, 0);
    group_count(group, s, COUNT_COL, 3);
    group_count(group, s, COUNT_COL, 4);
    group_set(group, s, GAUGE_COL, 2.5);
    group_set(group, s, GAUGE_COL, 3);

    ck_assert_uint_eq(s->cells[COUNT_COL].count, 7);
    ck_assert(s->cells[GAUGE_COL].value == 3);
    ck_assert_uint_eq(budget.nsamples, 2);
    close_all();
}
END_TEST

START_TEST(a_disabled_column_never_gets_a_sample)
{
    open_with(1000, NULL, 0);
    struct series *s = series("h", "a");

    group_count(group, s, OFF_COL, 1);

    ck_assert_ptr_null(group_touch(group, s, OFF_COL));
    ck_assert_uint_eq(s->present, 0);
    ck_assert_uint_eq(budget.nsamples, 0);
    close_all();
}
END_TEST

static const struct {
    double value;
    size_t bucket;
} observed[] = {
    {0, 0}, {0.1, 0}, {0.11, 1}, {1, 1}, {10, 2}, {10.5, 3}, {1e9, 3},
};

START_TEST(a_bound_belongs_to_its_bucket)
{
    open_with(1000, NULL, 0);
    struct series *s = series("h", "a");

    group_observe(group, s, HISTOGRAM_COL, observed[_i].value);

    const struct histogram *h = s->cells[HISTOGRAM_COL].histogram;
    for (size_t i = 0; i <= COUNT_OF(bounds); i++)
        ck_assert_uint_eq(h->counts[i], i == observed[_i].bucket);
    ck_assert(h->sum == observed[_i].value);
    /* Four buckets, the count and the sum. */
    ck_assert_uint_eq(budget.nsamples, 6);
    close_all();
}
END_TEST

/* Static labels, and le: sorted all together. */
static const struct {
    const char *fixed[2];
    const char *text;
    const char *head;
    const char *tail;
} texts[] = {
    {{NULL},
     "{host=\"h\",name=\"a\"} ",
     "{host=\"h\",le=\"",
     "\",name=\"a\"} "},
    {{"env"},
     "{env=\"x\",host=\"h\",name=\"a\"} ",
     "{env=\"x\",host=\"h\",le=\"",
     "\",name=\"a\"} "},
    {{"z", "a"},
     "{a=\"x\",host=\"h\",name=\"a\",z=\"x\"} ",
     "{a=\"x\",host=\"h\",le=\"",
     "\",name=\"a\",z=\"x\"} "},
    {{"ld", "lf"},
     "{host=\"h\",ld=\"x\",lf=\"x\",name=\"a\"} ",
     "{host=\"h\",ld=\"x\",le=\"",
     "\",lf=\"x\",name=\"a\"} "},
};

START_TEST(static_labels_are_sorted_among_the_others)
{
    struct static_label fixed[2];
    size_t nfixed = 0;
    for (; nfixed < 2 && texts[_i].fixed[nfixed] != NULL; nfixed++)
        fixed[nfixed] =
            (struct static_label){str_from(texts[_i].fixed[nfixed]), STR("x")};
    open_with(1000, fixed, nfixed);

    const struct series *s = series("h", "a");

    check_text(s, texts[_i].text);
    struct buf head;
    struct buf tail;
    buf_init(&head, 0);
    buf_init(&tail, 0);
    label_text_add_le(group_label_text(group), s->ids, &head, &tail);
    ck_assert(str_eq(buf_str(&head), str_from(texts[_i].head)));
    ck_assert(str_eq(buf_str(&tail), str_from(texts[_i].tail)));
    buf_close(&head);
    buf_close(&tail);
    close_all();
}
END_TEST

static void
check_only_label(const struct static_label *fixed, size_t nfixed,
                 const char *want, const char *want_le)
{
    struct label_text *labels_of_none = label_text_new(NULL, 0, fixed, nfixed);
    struct buf text;
    buf_init(&text, 0);
    label_text_add(labels_of_none, NULL, &text);
    buf_add_byte(&text, '|');
    struct buf tail;
    buf_init(&tail, 0);
    label_text_add_le(labels_of_none, NULL, &text, &tail);
    buf_add_str(&text, buf_str(&tail));
    const size_t at = str_find(buf_str(&text), '|');
    ck_assert(str_eq(str_slice(buf_str(&text), 0, at), str_from(want)));
    ck_assert(
        str_eq(str_slice(buf_str(&text), at + 1, text.len), str_from(want_le)));
    buf_close(&text);
    buf_close(&tail);
    label_text_free(labels_of_none);
}

START_TEST(a_series_without_labels_may_have_le_and_static_ones)
{
    check_only_label(NULL, 0, " ", "{le=\"\"} ");
    check_only_label(&(struct static_label){STR("a"), STR("x")}, 1,
                     "{a=\"x\"} ", "{a=\"x\",le=\"\"} ");
    check_only_label(&(struct static_label){STR("z"), STR("x")}, 1,
                     "{z=\"x\"} ", "{le=\"\",z=\"x\"} ");
}
END_TEST

/* Many enough for the table to grow; each is found again. */
START_TEST(records_are_found_among_many)
{
    open_with(100000, NULL, 0);
    static struct series *made[3000];
    for (int i = 0; i < 3000; i++)
        made[i] = numbered(i % 2 == 0 ? "h" : "k", i);

    ck_assert_uint_eq(group_n(group), 3000);
    for (int i = 0; i < 3000; i++)
        ck_assert_ptr_eq(numbered(i % 2 == 0 ? "h" : "k", i), made[i]);
    drop_host("h");
    ck_assert_uint_eq(group_n(group), 1500);
    for (int i = 1; i < 3000; i += 2)
        ck_assert_ptr_eq(numbered("k", i), made[i]);
    close_all();
}
END_TEST

START_TEST(dropping_a_value_drops_its_records_and_gives_back_their_samples)
{
    open_with(1000, NULL, 0);
    for (int i = 0; i < 50; i++) {
        group_count(group, numbered("gone", i), COUNT_COL, 1);
        group_observe(group, numbered("gone", i), HISTOGRAM_COL, 1);
        group_count(group, numbered("stays", i), COUNT_COL, (uint64_t)i);
    }

    drop_host("gone");

    ck_assert_uint_eq(group_n(group), 50);
    ck_assert_uint_eq(budget.nsamples, 50);
    ck_assert_uint_eq(budget.nrecords, 50);
    for (int i = 0; i < 50; i++) {
        ck_assert_uint_eq(numbered("stays", i)->cells[COUNT_COL].count, i);
        ck_assert_ptr_eq(group_at(group, (size_t)i), numbered("stays", i));
    }
    ck_assert_uint_eq(series("gone", "1")->present, 0);
    close_all();
}
END_TEST

START_TEST(clearing_a_sample_gives_it_back)
{
    open_with(1000, NULL, 0);
    struct series *s = series("h", "a");
    group_set(group, s, GAUGE_COL, 1);
    group_observe(group, s, HISTOGRAM_COL, 1);

    group_clear(group, s, GAUGE_COL);
    group_clear(group, s, GAUGE_COL);
    group_clear(group, s, HISTOGRAM_COL);

    ck_assert_uint_eq(s->present, 0);
    ck_assert_uint_eq(budget.nsamples, 0);
    group_observe(group, s, HISTOGRAM_COL, 1);
    ck_assert_uint_eq(budget.nsamples, 6);
    close_all();
}
END_TEST

START_TEST(past_the_budget_new_label_sets_go_to_other)
{
    open_with(10, NULL, 0);
    for (int i = 0; i < 1000; i++) {
        group_count(group, numbered("h", i), COUNT_COL, 1);
    }

    ck_assert_uint_eq(budget.nsamples, 11);
    ck_assert_uint_eq(group_n(group), 11);
    ck_assert_uint_ge(budget.noverflows, 990);
    const struct series *other = group_at(group, 10);
    check_text(other, "{host=\"__other__\",name=\"__other__\"} ");
    ck_assert_uint_eq(other->cells[COUNT_COL].count, 990);
    /* Those that were there go on. */
    group_count(group, series("h", "3"), COUNT_COL, 1);
    ck_assert_uint_eq(series("h", "3")->cells[COUNT_COL].count, 2);
    close_all();
}
END_TEST

START_TEST(a_histogram_that_does_not_fit_goes_to_other_too)
{
    open_with(10, NULL, 0);
    for (int i = 0; i < 8; i++) {
        group_observe(group, numbered("h", i), HISTOGRAM_COL, 1);
    }

    ck_assert_uint_eq(budget.nsamples, 12);
    close_all();
}
END_TEST

/* No sample of a histogram fits, so its records would never reach the limit
 * of samples. */
START_TEST(records_without_samples_are_bounded_too)
{
    open_with(5, NULL, 0);
    for (int i = 0; i < 1000; i++) {
        group_observe(group, numbered("h", i), HISTOGRAM_COL, 1);
    }

    ck_assert_uint_le(group_n(group), 6);
    close_all();
}
END_TEST

START_TEST(a_group_that_is_switched_off_makes_no_records)
{
    static const struct column off[] = {{.type = CELL_COUNT}};
    open_with(1000, NULL, 0);
    group_free(group);
    group = group_new(key, labels, COUNT_OF(labels), off, COUNT_OF(off), NULL,
                      0, &budget);
    for (int i = 0; i < 1000; i++) {
        group_count(group, numbered("h", i), 0, 1);
    }

    ck_assert_uint_eq(group_n(group), 1);
    ck_assert_uint_eq(budget.nsamples, 0);
    ck_assert_uint_eq(budget.noverflows, 0);
    close_all();
}
END_TEST

START_TEST(other_survives_the_drop_of_its_values)
{
    open_with(1, NULL, 0);
    group_count(group, series("h", "a"), COUNT_COL, 1);
    group_count(group, series("h", "b"), COUNT_COL, 1);

    drop_host("h");
    drop_host("__other__");
    group_count(group, series("h", "c"), COUNT_COL, 1);
    group_count(group, series("h", "d"), COUNT_COL, 1);

    ck_assert_uint_eq(group_at(group, 0)->cells[COUNT_COL].count, 3);
    ck_assert_uint_eq(group_n(group), 1);
    close_all();
}
END_TEST

START_TEST(a_group_without_labels_is_one_record_whatever_the_budget)
{
    open_with(0, NULL, 0);
    struct group *one =
        group_new(key, NULL, 0, columns, COUNT_OF(columns), NULL, 0, &budget);
    const uint32_t ids[SERIES_MAX_LABELS] = {0};

    struct series *s = group_series(one, ids, 0);
    group_count(one, s, COUNT_COL, 1);

    ck_assert_ptr_eq(group_series(one, ids, 0), s);
    ck_assert_uint_eq(s->cells[COUNT_COL].count, 1);
    ck_assert(!group_has_labels(one));
    group_free(one);
    close_all();
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, a_label_set_has_one_record);
    tcase_add_test(tc, a_sample_begins_at_zero_when_it_is_touched);
    tcase_add_test(tc, a_disabled_column_never_gets_a_sample);
    tcase_add_loop_test(tc, a_bound_belongs_to_its_bucket, 0,
                        COUNT_OF(observed));
    tcase_add_loop_test(tc, static_labels_are_sorted_among_the_others, 0,
                        COUNT_OF(texts));
    tcase_add_test(tc, a_series_without_labels_may_have_le_and_static_ones);
    tcase_add_test(tc, records_are_found_among_many);
    tcase_add_test(
        tc, dropping_a_value_drops_its_records_and_gives_back_their_samples);
    tcase_add_test(tc, clearing_a_sample_gives_it_back);
    tcase_add_test(tc, past_the_budget_new_label_sets_go_to_other);
    tcase_add_test(tc, a_histogram_that_does_not_fit_goes_to_other_too);
    tcase_add_test(tc, records_without_samples_are_bounded_too);
    tcase_add_test(tc, a_group_that_is_switched_off_makes_no_records);
    tcase_add_test(tc, other_survives_the_drop_of_its_values);
    tcase_add_test(tc,
                   a_group_without_labels_is_one_record_whatever_the_budget);
}
