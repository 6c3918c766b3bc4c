/* What a page at least costs: floor_render [SAMPLES] [--json]
 *
 * Copying a page that is there; writing it of texts that are kept and integers
 * that are not; compressing it. */

#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/xalloc.h"
#include "cpu.h"

enum {
    ROUNDS = 5,
    TEXT_MOST = 160,
    NUMBER_MOST = 20,
    DEFAULT_SAMPLES = 100000
};

struct sample {
    char text[TEXT_MOST];
    size_t len;
    uint64_t value;
};

struct page {
    struct sample *samples;
    size_t nsamples;
    char *bytes;
    size_t len;
    char *other; /* where it is copied to, or compressed */
    size_t cap;
};

static void
copy_page(struct page *p)
{
    memcpy(p->other, p->bytes, p->len);
}

static char *
write_number(char *out, uint64_t value)
{
    char digits[NUMBER_MOST];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return out + (sizeof(digits) - at);
}

static void
write_page(struct page *p)
{
    char *out = p->bytes;
    for (size_t i = 0; i < p->nsamples; i++) {
        memcpy(out, p->samples[i].text, p->samples[i].len);
        out = write_number(out + p->samples[i].len, p->samples[i].value);
        *out++ = '\n';
    }
    p->len = (size_t)(out - p->bytes);
}

static void
compress_page(struct page *p)
{
    struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(1);
    if (deflate == NULL || libdeflate_gzip_compress(deflate, p->bytes, p->len,
                                                    p->other, p->cap) == 0)
        exit(EXIT_FAILURE);
    libdeflate_free_compressor(deflate);
}

static double
best_ms(struct page *p, void (*fn)(struct page *p))
{
    double best = 1e9;
    for (size_t i = 0; i < ROUNDS; i++) {
        const double began = cpu_seconds();
        fn(p);
        const double took = cpu_seconds() - began;
        best = took < best ? took : best;
    }
    return best * 1e3;
}

static void
page_init(struct page *p, size_t nsamples)
{
    *p = (struct page){.nsamples = nsamples};
    p->samples = xcalloc(nsamples, sizeof(*p->samples));
    for (size_t i = 0; i < nsamples; i++) {
        struct sample *s = &p->samples[i];
        const int len = snprintf(
            s->text, sizeof(s->text),
            "celery_task_runtime_bucket{hostname=\"worker-%zu\",le=\"2.5\","
            "name=\"shop.orders.tasks.update_customer_%zu\","
            "queue_name=\"celery\"} ",
            i % 20, i / 400);
        s->len = (size_t)len;
        s->value = i * i % 100003;
    }
    p->cap = nsamples * (TEXT_MOST + NUMBER_MOST) + 4096;
    p->bytes = xcalloc(1, p->cap);
    p->other = xcalloc(1, p->cap);
    write_page(p);
}

int
main(int argc, char **argv)
{
    const bool json = argc > 1 && strcmp(argv[argc - 1], "--json") == 0;
    const size_t nsamples =
        argc > 1 + json ? strtoul(argv[1], NULL, 10) : DEFAULT_SAMPLES;
    struct page page;
    page_init(&page, nsamples);
    const struct {
        const char *name;
        double ms;
    } rows[] = {
        {"copy", best_ms(&page, copy_page)},
        {"render", best_ms(&page, write_page)},
        {"compress", best_ms(&page, compress_page)},
    };

    if (json)
        fputs("{\"bench\": \"floor_render\", \"rows\": [", stdout);
    else
        printf("%zu samples, %.1f MB\n", nsamples, (double)page.len / 1e6);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (json)
            printf("%s{\"name\": \"%s\", \"value\": %.4f, \"unit\": \"ms\"}",
                   i == 0 ? "" : ", ", rows[i].name, rows[i].ms);
        else
            printf("%-20s %8.3f ms\n", rows[i].name, rows[i].ms);
    }
    if (json)
        puts("]}");
    free(page.other);
    free(page.bytes);
    free(page.samples);
    return EXIT_SUCCESS;
}
