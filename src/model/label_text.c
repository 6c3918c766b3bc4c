#include "model/label_text.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "model/values.h"

/* One label of all, and where its value comes from. */
struct part {
    struct str name;
    struct str value; /* of a static one */
    bool open;        /* differs from line to line */
};

/* What stands before the first value, between two, and behind the last. */
struct pieces {
    struct buf bytes;
    size_t ends[SERIES_MAX_LABELS + 2];
    size_t n;
};

struct label_text {
    const struct label *labels;
    size_t nlabels;
    size_t nbefore_le;
    struct pieces plain;
    struct pieces with_le;
};

static int
compare_parts(const void *a, const void *b)
{
    return str_cmp(((const struct part *)a)->name,
                   ((const struct part *)b)->name);
}

static void
end_piece(struct pieces *pieces)
{
    pieces->ends[pieces->n++] = pieces->bytes.len;
}

static void
make_pieces(struct pieces *pieces, const struct part *parts, size_t nparts)
{
    struct buf *out = &pieces->bytes;
    buf_init(out, 0);
    for (size_t i = 0; i < nparts; i++) {
        buf_add_byte(out, i == 0 ? '{' : ',');
        buf_add_str(out, parts[i].name);
        buf_add_str(out, STR("=\""));
        if (parts[i].open)
            end_piece(pieces);
        else
            buf_add_str(out, parts[i].value);
        buf_add_byte(out, '"');
    }
    buf_add_str(out, nparts > 0 ? STR("} ") : STR(" "));
    end_piece(pieces);
}

struct label_text *
label_text_new(const struct label *labels, size_t nlabels,
               const struct static_label *fixed, size_t nfixed)
{
    struct label_text *text = xcalloc(1, sizeof(*text));
    text->labels = labels;
    text->nlabels = nlabels;
    struct part *parts = xcalloc(nlabels + nfixed + 1, sizeof(*parts));
    size_t n = 0;
    for (size_t i = 0; i < nlabels; i++) {
        parts[n++] = (struct part){str_from(labels[i].name), .open = true};
        text->nbefore_le += str_cmp(parts[i].name, STR("le")) < 0;
    }
    for (size_t i = 0; i < nfixed; i++)
        parts[n++] = (struct part){fixed[i].name, fixed[i].value, false};
    qsort(parts, n, sizeof(*parts), compare_parts);
    make_pieces(&text->plain, parts, n);
    parts[n++] = (struct part){STR("le"), .open = true};
    qsort(parts, n, sizeof(*parts), compare_parts);
    make_pieces(&text->with_le, parts, n);
    free(parts);
    return text;
}

void
label_text_free(struct label_text *text)
{
    if (text == NULL)
        return;
    buf_close(&text->plain.bytes);
    buf_close(&text->with_le.bytes);
    free(text);
}

static void
add_piece(const struct pieces *pieces, size_t i, struct buf *out)
{
    const size_t begin = i == 0 ? 0 : pieces->ends[i - 1];
    buf_add(out, pieces->bytes.ptr + begin, pieces->ends[i] - begin);
}

static void
add_value(const struct label_text *text, size_t i, const uint32_t *ids,
          struct buf *out)
{
    buf_add_str(out, values_text(text->labels[i].values, ids[i]));
}

void
label_text_add(const struct label_text *text, const uint32_t *ids,
               struct buf *out)
{
    for (size_t i = 0; i < text->nlabels; i++) {
        add_piece(&text->plain, i, out);
        add_value(text, i, ids, out);
    }
    add_piece(&text->plain, text->nlabels, out);
}

void
label_text_add_le(const struct label_text *text, const uint32_t *ids,
                  struct buf *head, struct buf *tail)
{
    const size_t le = text->nbefore_le;
    for (size_t i = 0; i < le; i++) {
        add_piece(&text->with_le, i, head);
        add_value(text, i, ids, head);
    }
    add_piece(&text->with_le, le, head);
    for (size_t i = le; i < text->nlabels; i++) {
        add_piece(&text->with_le, i + 1, tail);
        add_value(text, i, ids, tail);
    }
    add_piece(&text->with_le, text->nlabels + 1, tail);
}
