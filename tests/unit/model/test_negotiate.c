#include "model/negotiate.h"

#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "negotiate";

#define PROTOBUF                       \
    "application/vnd.google.protobuf;" \
    "proto=io.prometheus.client."      \
    "MetricFamily;encoding=delimited"
#define OM "application/openmetrics-text"

#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8; escaping="
#define OM_TYPE OM "; version=1.0.0; charset=utf-8; escaping="

struct accept_case {
    const char *accept;
    const char *content_type;
};

/* What the servers really send, taken off the wire. */
static const struct accept_case scrapers[] = {
    /* Prometheus 2.42 */
    {OM ";version=1.0.0," OM ";version=0.0.1;q=0.75,text/plain;version=0.0.4;"
        "q=0.5,*/*;q=0.1",
     OM_TYPE "underscores"},
    /* Prometheus 2.53 */
    {OM ";version=1.0.0;q=0.5," OM ";version=0.0.1;q=0.4,text/plain;version="
        "0.0.4;q=0.3,*/*;q=0.2",
     OM_TYPE "underscores"},
    /* the same with native histograms */
    {PROTOBUF ";q=0.5," OM ";version=1.0.0;q=0.4," OM ";version=0.0.1;q=0.3,"
              "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
     OM_TYPE "underscores"},
    /* Prometheus 3 */
    {OM ";version=1.0.0;escaping=allow-utf-8;q=0.6," OM ";version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
     OM_TYPE "allow-utf-8"},
    /* the same, protobuf first */
    {PROTOBUF ";q=0.6," OM ";version=1.0.0;escaping=allow-utf-8;q=0.5," OM
              ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-"
              "utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
     OM_TYPE "allow-utf-8"},
    /* metric_name_escaping_scheme: underscores */
    {OM ";version=1.0.0;escaping=underscores;q=0.6," OM ";version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=underscores;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
     OM_TYPE "underscores"},
    /* text only, as scrape_protocols can be set */
    {"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.2",
     TEXT_TYPE "allow-utf-8"},
    /* curl */
    {"*/*", TEXT_TYPE "underscores"},
    /* Firefox, Chrome */
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
     "image/webp,*/*;q=0.8",
     TEXT_TYPE "underscores"},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
     "image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
     TEXT_TYPE "underscores"},
};

static const struct accept_case clauses[] = {
    /* nothing said, nothing that we have */
    {NULL, TEXT_TYPE "underscores"},
    {"", TEXT_TYPE "underscores"},
    {"application/json", TEXT_TYPE "underscores"},
    {PROTOBUF, TEXT_TYPE "underscores"},
    /* versions */
    {OM, OM_TYPE "underscores"},
    {OM ";version=0.0.1", OM_TYPE "underscores"},
    {OM ";version=1.0.0", OM_TYPE "underscores"},
    {OM "; version=\"1.0.0\" ; charset=utf-8", OM_TYPE "underscores"},
    {OM ";version=2.0.0", TEXT_TYPE "underscores"},
    {OM ";version=2.0.0," OM ";version=1.0.0;q=0.1", OM_TYPE "underscores"},
    {"text/plain;version=0.0.9;escaping=dots", TEXT_TYPE "underscores"},
    {"text/plain;version=0.0.4;escaping=dots", TEXT_TYPE "dots"},
    /* weights */
    {"text/plain;q=0.5," OM ";q=0.6", OM_TYPE "underscores"},
    {"text/plain;q=0.6," OM ";q=0.6", TEXT_TYPE "underscores"},
    {OM ";q=0.6,text/plain;q=0.6", OM_TYPE "underscores"},
    {"text/plain;q=0.8," OM, OM_TYPE "underscores"},
    {OM ";q=0,text/plain;q=0.001", TEXT_TYPE "underscores"},
    {OM ";q=0", TEXT_TYPE "underscores"},
    {OM ";q=0.000," OM ";version=0.0.1;q=0.1", OM_TYPE "underscores"},
    {"text/*;q=0.4," OM ";q=0.3", TEXT_TYPE "underscores"},
    {"*/*;q=0.4," OM ";q=0.3", TEXT_TYPE "underscores"},
    {OM " ; Q=1.000 , text/plain ; q=0.9", OM_TYPE "underscores"},
    /* escaping: of the clause that was chosen */
    {OM ";escaping=values", OM_TYPE "values"},
    {OM ";escaping=underscores", OM_TYPE "underscores"},
    {OM ";escaping=sideways", OM_TYPE "underscores"},
    {PROTOBUF ";escaping=dots;q=1," OM ";q=0.5", OM_TYPE "underscores"},
    /* any case */
    {"Application/OpenMetrics-Text;Version=1.0.0;ESCAPING=allow-utf-8",
     OM_TYPE "allow-utf-8"},
    /* malformed clauses are passed over */
    {OM ";q=banana,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {OM ";q=1.1,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {OM ";q=2,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {OM ";q=-1,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {OM ";q=,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {OM ";=1.0.0,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {OM ";version,text/plain;escaping=dots;q=0.1", TEXT_TYPE "dots"},
    {"/;q=1,*;q=1,text;q=1," OM ";q=0.2", OM_TYPE "underscores"},
    {"text/plain/x," OM ";q=0.2", OM_TYPE "underscores"},
    {"text /plain," OM ";q=0.2", OM_TYPE "underscores"},
    {",,,;;;," OM ";;;", OM_TYPE "underscores"},
    {"x/y;a=\"," OM "\",text/plain;escaping=dots", TEXT_TYPE "dots"},
    {"x/y;a=\"\\\"," OM "\",text/plain;escaping=dots", TEXT_TYPE "dots"},
    {"x/y;a=\"" OM, TEXT_TYPE "underscores"},
    {"x/y;a=\"\\", TEXT_TYPE "underscores"},
};

static void
check_content_type(const struct accept_case *c)
{
    enum escaping escaping = ESCAPING_VALUES;

    const enum format format = negotiate_format(str_from(c->accept), &escaping);

    ck_assert_str_eq(negotiate_content_type(format, escaping), c->content_type);
}

START_TEST(scrapers_get_what_they_prefer)
{
    check_content_type(&scrapers[_i]);
}
END_TEST

START_TEST(clauses_are_taken_by_weight_and_version)
{
    check_content_type(&clauses[_i]);
}
END_TEST

START_TEST(clauses_past_the_sixty_fourth_are_not_read)
{
    char accept[4096] = "";
    enum escaping escaping;

    for (int i = 0; i < 63; i++)
        strcat(accept, "x/y,");
    strcat(accept, OM);
    ck_assert_int_eq(negotiate_format(str_from(accept), &escaping),
                     FORMAT_OPENMETRICS);
    memmove(accept + 4, accept, strlen(accept) + 1);

    ck_assert_int_eq(negotiate_format(str_from(accept), &escaping),
                     FORMAT_TEXT);
}
END_TEST

static const struct {
    const char *accept_encoding;
    bool gzip;
} codings[] = {
    {NULL, false},
    {"", false},
    {"gzip", true},
    {"GZIP", true},
    {"x-gzip", true},
    {"identity", false},
    {"gzip, deflate, br, zstd", true},
    {"deflate, br", false},
    {"gzip;q=0", false},
    {"gzip;q=0.000", false},
    {"gzip;q=0.001", true},
    {"gzip;q=0.5, identity", false},
    {"gzip;q=0.5, identity;q=0.5", true},
    {"identity;q=0.5, gzip", true},
    {"identity;q=0, gzip;q=0.1", true},
    {"identity;q=0", false},
    {"*", true},
    {"*;q=0", false},
    {"*;q=0, gzip", true},
    {"gzip;q=0, *", false},
    {"identity, *;q=0.5", false},
    {"gzip;q=x", false},
    {"gzip;q=x, *", true},
    {" gzip ; q=1.0 ", true},
    {";q=1", false},
    {"gzipped", false},
};

START_TEST(gzip_is_used_when_it_is_asked_for)
{
    const struct str header = str_from(codings[_i].accept_encoding);

    ck_assert_msg(negotiate_gzip(header) == codings[_i].gzip, "%s",
                  codings[_i].accept_encoding);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_loop_test(tc, scrapers_get_what_they_prefer, 0,
                        (int)(sizeof(scrapers) / sizeof(scrapers[0])));
    tcase_add_loop_test(tc, clauses_are_taken_by_weight_and_version, 0,
                        (int)(sizeof(clauses) / sizeof(clauses[0])));
    tcase_add_test(tc, clauses_past_the_sixty_fourth_are_not_read);
    tcase_add_loop_test(tc, gzip_is_used_when_it_is_asked_for, 0,
                        (int)(sizeof(codings) / sizeof(codings[0])));
}
