#pragma once

/* The labels of a series as a page has them, {name="value",...}, sorted by
 * name, with the static ones among them. What all label sets of a group have
 * in common is made once; the values are put between it when a line is
 * written, so that no series carries a text of its own. */

#include <stdint.h>

#include "base/buf.h"

enum { SERIES_MAX_LABELS = 6 };

struct values;

struct label {
    const char *name;
    struct values *values; /* borrowed */
};

struct static_label {
    struct str name;
    struct str value; /* escaped */
};

struct label_text;

/* labels: sorted, borrowed. fixed: none named like a label, copied. */
struct label_text *label_text_new(const struct label *labels, size_t nlabels,
                                  const struct static_label *fixed,
                                  size_t nfixed);
void label_text_free(struct label_text *text);
/* Empty values are written too, as the Python exporter does: exception="".
 * Ends in the space before the sample; that is all where there are no
 * labels. */
void label_text_add(const struct label_text *text, const uint32_t *ids,
                    struct buf *out);
/* The same with le="" among them: head ends in its first quote, tail begins
 * with the second. */
void label_text_add_le(const struct label_text *text, const uint32_t *ids,
                       struct buf *head, struct buf *tail);
