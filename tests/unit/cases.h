#pragma once

/* Cases that lie in files, $TEST_CASES/<decoder>/<name>/: one folder each, so
 * that a message recorded in the field becomes a test by being copied. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "suite.h"

struct test_case {
    const char *folder; /* its path */
    const char *name;
};

/* The bytes of one file of a case, in an allocation of just that size, so
 * that a read past the end is seen; ptr NULL when there is no such file. To be
 * given to case_close. */
static inline struct str
case_file(const struct test_case *c, const char *name)
{
    char path[4096 + 64]; /* of the case, and the name */
    snprintf(path, sizeof(path), "%s/%s", c->folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return (struct str){0};
    fseek(file, 0, SEEK_END);
    const size_t len = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(len == 0 ? 1 : len);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, len, file), len);
    fclose(file);
    return (struct str){bytes, len};
}

static inline void
case_close(struct str file)
{
    free((char *)(uintptr_t)file.ptr);
}

static inline int
case_is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Calls fn for every case of a decoder, in the order of their names. */
static inline void
case_walk(const char *decoder, void (*fn)(const struct test_case *))
{
    const char *root = getenv("TEST_CASES");
    ck_assert_msg(root != NULL, "TEST_CASES is not set");
    char folder[2048];
    snprintf(folder, sizeof(folder), "%s/%s", root, decoder);
    struct dirent **entries;
    const int n = scandir(folder, &entries, case_is_visible, alphasort);
    ck_assert_msg(n > 0, "no cases in %s", folder);
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        fn(&(struct test_case){path, entries[i]->d_name});
        free(entries[i]);
    }
    free(entries);
}

/* Compares what a decoder said with what the case expects. */
static inline void
case_expect(const struct test_case *c, struct str got, struct str want)
{
    ck_assert_msg(str_eq(got, want), "%s:\n--- expected\n%.*s--- got\n%.*s",
                  c->name, STR_FMT(want), STR_FMT(got));
}
