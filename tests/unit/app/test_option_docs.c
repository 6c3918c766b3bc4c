#include "app/option_docs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

const char suite_name[] = "option_docs";

static struct buf out;

static void
set_up(void)
{
    buf_init(&out, 0);
}

static void
tear_down(void)
{
    buf_close(&out);
}

/* A file of the source tree, of which $TEST_CASES is tests/cases. */
static void
read_source(const char *name, struct buf *text)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/../../%s", getenv("TEST_CASES"), name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    buf_init(text, 0);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_add(text, chunk, n);
    fclose(file);
}

/* The names of what differs are enough; scripts/docs mends it. */
static void
expect_same(const char *name, struct str got, struct str want)
{
    ck_assert_msg(str_eq(got, want),
                  "%s is not what the option table makes: run scripts/docs",
                  name);
}

START_TEST(options_page_is_made_from_the_table)
{
    struct buf page;
    read_source("docs/options.md", &page);

    option_docs_markdown(&out);

    expect_same("docs/options.md", buf_str(&page), buf_str(&out));
    buf_close(&page);
}
END_TEST

START_TEST(man_page_is_made_from_the_table)
{
    struct buf page;
    read_source("docs/celery-exporter.1", &page);

    option_docs_man(&out);

    expect_same("docs/celery-exporter.1", buf_str(&page), buf_str(&out));
    buf_close(&page);
}
END_TEST

START_TEST(readme_list_is_made_from_the_table)
{
    static const char begin[] = "<!-- options: begin -->\n";
    static const char end[] = "<!-- options: end -->";
    struct buf readme;
    read_source("README.md", &readme);
    buf_add_byte(&readme, '\0');
    const char *from = strstr(readme.ptr, begin);
    ck_assert_ptr_nonnull(from);
    from += strlen(begin);
    const char *to = strstr(from, end);
    ck_assert_ptr_nonnull(to);

    option_docs_readme(&out);

    expect_same("README.md",
                (struct str){.ptr = from, .len = (size_t)(to - from)},
                buf_str(&out));
    buf_close(&readme);
}
END_TEST

START_TEST(help_fits_eighty_columns)
{
    option_docs_help(&out);

    struct str rest = buf_str(&out);
    struct str line;
    while (str_split(&rest, '\n', &line))
        ck_assert_msg(line.len < 80, "%.*s", STR_FMT(line));
}
END_TEST

START_TEST(help_names_every_option_its_variable_and_default)
{
    option_docs_help(&out);
    buf_add_byte(&out, '\0');

    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        struct buf name;
        buf_init(&name, 0);
        option_docs_spelling(row, &name);
        buf_add_byte(&name, '\0');
        ck_assert_msg((strstr(out.ptr, name.ptr) != NULL) ==
                          (row->group != OPTION_HIDDEN),
                      "%s", name.ptr);
        buf_clear(&name);
        if (option_variable(row, &name)) {
            buf_add_byte(&name, '\0');
            ck_assert_msg(strstr(out.ptr, name.ptr) != NULL, "%s", name.ptr);
        }
        if (row->preset != NULL)
            ck_assert_msg(strstr(out.ptr, row->preset) != NULL, "%s",
                          row->preset);
        buf_close(&name);
    }
}
END_TEST

START_TEST(table_has_no_name_twice)
{
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *a = option_at(i);
        for (size_t k = 0; k < i; k++) {
            const struct option_row *b = option_at(k);
            ck_assert_str_ne(a->name, b->name);
            ck_assert(a->letter == '\0' || a->letter != b->letter);
            ck_assert(a->type >= OPTION_HELP || a->type == OPTION_LABEL_CAPS ||
                      b->type >= OPTION_HELP || b->type == OPTION_LABEL_CAPS ||
                      a->field != b->field);
        }
    }
}
END_TEST

START_TEST(texts_are_whole_sentences)
{
    for (size_t i = 0; i < option_count(); i++) {
        const struct str help = str_from(option_at(i)->help);
        ck_assert_msg(help.ptr[help.len - 1] == '.', "%s", help.ptr);
        ck_assert_msg(strstr(help.ptr, "  ") == NULL, "%s", help.ptr);
        ck_assert_msg(strchr(help.ptr, '|') == NULL, "%s", help.ptr);
    }
}
END_TEST

static const struct {
    struct str word;
    struct str literal;
} words[] = {
    {STR_INIT("--port,"), STR_INIT("--port")},
    {STR_INIT("CE_PORT."), STR_INIT("CE_PORT")},
    {STR_INIT("__other__."), STR_INIT("__other__")},
    {STR_INIT(":9808"), STR_INIT(":9808")},
    {STR_INIT("/metrics"), STR_INIT("/metrics")},
    {STR_INIT("billing.*;"), STR_INIT("billing.*")},
    {STR_INIT("\\1"), STR_INIT("\\1")},
    {STR_INIT("Celery:"), STR_INIT("")},
    {STR_INIT("word."), STR_INIT("")},
    {STR_INIT("..."), STR_INIT("")},
};

START_TEST(typed_words_are_told_from_prose)
{
    ck_assert(str_eq(option_docs_literal(words[_i].word), words[_i].literal));
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, options_page_is_made_from_the_table);
    tcase_add_test(tc, man_page_is_made_from_the_table);
    tcase_add_test(tc, readme_list_is_made_from_the_table);
    tcase_add_test(tc, help_fits_eighty_columns);
    tcase_add_test(tc, help_names_every_option_its_variable_and_default);
    tcase_add_test(tc, table_has_no_name_twice);
    tcase_add_test(tc, texts_are_whole_sentences);
    tcase_add_loop_test(tc, typed_words_are_told_from_prose, 0,
                        COUNT_OF(words));
}
