/* The reader that all other tests of pages lean on refuses what a scraper
 * would refuse. */

#include <string.h>

#include "base/attr.h"
#include "page_check.h"

#include "../suite.h"

const char suite_name[] = "page_check";

#define COUNTER "# HELP a_total x\n# TYPE a_total counter\n"
#define GAUGE "# HELP g x\n# TYPE g gauge\n"
#define HISTOGRAM "# HELP h x\n# TYPE h histogram\n"
#define SUM "h_count 2\nh_sum 1\n"
#define OM_COUNTER "# TYPE a counter\n# HELP a x\n"

static const struct {
    enum format format;
    const char *page;
    const char *error; /* NULL = it is right */
} pages[] = {
    {FORMAT_TEXT, "", NULL},
    {FORMAT_TEXT, COUNTER "a_total 1\n" GAUGE "g{l=\"\\\\\\\"\\n\"} -1\n",
     NULL},
    {FORMAT_TEXT,
     HISTOGRAM "h_bucket{le=\"1.0\"} 1\n"
               "h_bucket{le=\"+Inf\"} 2\n" SUM,
     NULL},
    {FORMAT_TEXT,
     HISTOGRAM "h_bucket{a=\"1\",le=\"+Inf\",z=\"2\"} 2\n"
               "h_count{a=\"1\",z=\"2\"} 2\nh_sum{a=\"1\",z=\"2\"} 1\n",
     NULL},
    {FORMAT_OPENMETRICS, "# EOF\n", NULL},
    {FORMAT_OPENMETRICS, OM_COUNTER "a_total 1\na_created 5\n# EOF\n", NULL},

    {FORMAT_TEXT, GAUGE "g{l=\"\xff\"} 1\n", "not UTF-8"},
    {FORMAT_TEXT, GAUGE "g{l=\"\x1b\"} 1\n", "control character"},
    {FORMAT_TEXT, GAUGE "g 1", "last line without end"},
    {FORMAT_TEXT, GAUGE "\ng 1\n", "empty line"},
    {FORMAT_TEXT, "g 1\n", "sample before any family"},
    {FORMAT_TEXT, "# HELP g x\ng 1\n", "sample before the metadata"},
    {FORMAT_TEXT, "# TYPE g gauge\ng 1\n", "metadata out of place"},
    {FORMAT_TEXT, GAUGE "g 1\n# TYPE g gauge\n", "metadata out of place"},
    {FORMAT_TEXT, GAUGE GAUGE,
     "family is not contiguous, or has metadata twice"},
    {FORMAT_TEXT, GAUGE COUNTER "a_total 1\ng 1\n", "sample of another family"},
    {FORMAT_TEXT, "# TYPO g x\n", "metadata out of place"},
    {FORMAT_TEXT, "#\n", "comment"},
    {FORMAT_TEXT, "# HELP g x\n# TYPE g summary\n", "TYPE"},
    {FORMAT_TEXT, GAUGE "g 1\ng 1\n", "a series comes twice"},
    {FORMAT_TEXT, GAUGE "g{l=\"1\"} 1\ng 2\ng{l=\"1\"} 2\n",
     "a series comes twice"},
    {FORMAT_TEXT, GAUGE "g{b=\"1\",a=\"2\"} 1\n",
     "labels are not sorted, or double"},
    {FORMAT_TEXT, GAUGE "g{a=\"1\",a=\"2\"} 1\n",
     "labels are not sorted, or double"},
    {FORMAT_TEXT, GAUGE "g{1a=\"2\"} 1\n", "label name"},
    {FORMAT_TEXT, GAUGE "g{} 1\n", "label name"},
    {FORMAT_TEXT, GAUGE "g{a=2} 1\n", "label value without quote"},
    {FORMAT_TEXT, GAUGE "g{a=\"\\x\"} 1\n", "label value"},
    {FORMAT_TEXT, GAUGE "g{a=\"2} 1\n", "label value"},
    {FORMAT_TEXT, GAUGE "g{a=\"2\"b=\"3\"} 1\n", "no comma between labels"},
    {FORMAT_TEXT, GAUGE "g\n", "no value"},
    {FORMAT_TEXT, GAUGE "g one\n", "value is no number"},
    {FORMAT_TEXT, GAUGE "g 1 17e8\n", "value is no number"},
    {FORMAT_TEXT, GAUGE "g_more 1\n", "gauge sample's name"},
    {FORMAT_TEXT, GAUGE "g{le=\"1.0\"} 1\n", "le outside of a histogram"},
    {FORMAT_TEXT, COUNTER "a_total -1\n", "counter's value"},
    {FORMAT_TEXT, COUNTER "a_total NaN\n", "counter's value"},
    {FORMAT_TEXT, GAUGE "# EOF\n", "comment"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"1\"} 1\n", "le is not canonical"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"x\"} 1\n", "le"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket 1\n", "le"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\n",
     "buckets are not cumulative"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\n",
     "bounds do not ascend"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"1.0\"} 2\n" SUM,
     "histogram sample out of place"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"+Inf\"} 1\n" SUM,
     "_count is not the last bucket"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"+Inf\"} 2\nh_sum 1\n",
     "histogram sample"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"+Inf\"} 2\nh_count 2\n" GAUGE,
     "a histogram breaks off"},
    {FORMAT_TEXT, HISTOGRAM "h_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum NaN\n",
     "_sum is NaN"},
    {FORMAT_TEXT,
     HISTOGRAM "h_bucket{a=\"1\",le=\"1.0\"} 1\n"
               "h_bucket{a=\"2\",le=\"+Inf\"} 1\n",
     "bucket out of place"},
    {FORMAT_OPENMETRICS, "", "last line without end"},
    {FORMAT_OPENMETRICS, OM_COUNTER "a_total 1\n", "# EOF"},
    {FORMAT_OPENMETRICS, "# EOF\n# EOF\n", "something behind # EOF"},
    {FORMAT_OPENMETRICS, OM_COUNTER "a 1\n# EOF\n", "counter sample's name"},
    {FORMAT_OPENMETRICS, "# HELP a x\n# TYPE a counter\n# EOF\n",
     "metadata out of place"},
    {FORMAT_OPENMETRICS, "# TYPE a_total counter\n# EOF\n",
     "a family is named _total"},
    {FORMAT_OPENMETRICS,
     "# TYPE a_seconds gauge\n# UNIT a_seconds bytes\n# EOF\n", "UNIT"},
    {FORMAT_OPENMETRICS, "# TYPE a gauge\n# HELP a \"x\"\n# EOF\n", "HELP"},
};

START_TEST(pages_are_judged_as_scrapers_judge_them)
{
    const char *error =
        page_check(str_from(pages[_i].page), pages[_i].format, NULL);

    if (pages[_i].error == NULL)
        ck_assert_ptr_null(error);
    else
        ck_assert_pstr_eq(error, pages[_i].error);
}
END_TEST

START_TEST(samples_are_counted)
{
    size_t nsamples;

    page_check(STR(GAUGE "g{a=\"1\"} 1\ng 1\n"), FORMAT_TEXT, &nsamples);

    ck_assert_uint_eq(nsamples, 2);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, pages_are_judged_as_scrapers_judge_them, 0,
                        COUNT_OF(pages));
    tcase_add_test(tc, samples_are_counted);
}
