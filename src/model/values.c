#include "model/values.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/utf8.h"
#include "base/xalloc.h"

enum { CUT_MARK_LEN = 9 };
static const uint32_t NONE = UINT32_MAX;

struct value {
    struct hash128 hash;
    char *text; /* NULL while the number is free */
    uint32_t text_len;
    uint32_t next_free;
    bool pinned;
};

struct values {
    struct hash_key key;
    size_t max;
    size_t max_len;
    struct value *items; /* by number */
    size_t nitems;       /* numbers given out so far */
    size_t cap;
    size_t nlive;
    uint32_t first_free;
    struct index index;
    uint64_t noverflows;
};

/* The mark must not change when the exporter restarts, or the series would:
 * an unkeyed hash. */
static void
add_cut_mark(struct buf *out, struct str raw)
{
    const struct hash128 h = hash_bytes((struct hash_key){0}, raw);
    buf_printf(out, "~%08x", (unsigned)h.low);
}

/* Control bytes reach operators' terminals; a line feed has an escape. */
static bool
is_control(char byte)
{
    const unsigned char c = (unsigned char)byte;
    return (c < 0x20 && c != '\n') || c == 0x7f;
}

static void
add_without_controls(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (is_control(s.ptr[i]))
            buf_add_str(out, STR("\xef\xbf\xbd"));
        else
            buf_add_byte(out, s.ptr[i]);
}

/* What the value is known by: repaired, cut, but not yet escaped. */
static void
make_fit(const struct values *values, struct buf *out, struct str raw)
{
    const size_t max_len = values->max_len;
    struct buf repaired;
    buf_init(&repaired, 0);
    /* Repair can treble the length: no more than what can survive the cut. */
    utf8_repair(&repaired, str_slice(raw, 0, max_len + 4));
    add_without_controls(out, buf_str(&repaired));
    buf_close(&repaired);
    if (out->len <= max_len && raw.len <= max_len + 4)
        return;
    const size_t kept = max_len > CUT_MARK_LEN ? max_len - CUT_MARK_LEN : 0;
    out->len = utf8_cut(buf_str(out), kept).len;
    add_cut_mark(out, raw);
}

static void
set_text(struct value *value, struct str fit)
{
    char *text = xmalloc(2 * fit.len);
    size_t len = 0;
    for (size_t i = 0; i < fit.len; i++) {
        const char c = fit.ptr[i];
        if (c == '\\' || c == '"' || c == '\n')
            text[len++] = '\\';
        text[len++] = c == '\n' ? 'n' : c;
    }
    value->text = xrealloc(text, len, 1);
    value->text_len = (uint32_t)len;
}

static struct hash128
hash_of(const void *owner, uint32_t id)
{
    return ((const struct values *)owner)->items[id].hash;
}

static uint32_t
take_number(struct values *values)
{
    if (values->first_free != NONE) {
        const uint32_t id = values->first_free;
        values->first_free = values->items[id].next_free;
        return id;
    }
    if (values->nitems == values->cap) {
        values->cap = values->cap == 0 ? 16 : 2 * values->cap;
        values->items =
            xrealloc(values->items, values->cap, sizeof(*values->items));
    }
    return (uint32_t)values->nitems++;
}

static uint32_t
add(struct values *values, struct hash128 hash, struct str fit)
{
    const uint32_t id = take_number(values);
    values->items[id] = (struct value){.hash = hash};
    set_text(&values->items[id], fit);
    index_add(&values->index, hash, id);
    values->nlive++;
    return id;
}

struct values *
values_new(struct hash_key key, size_t max, size_t max_len)
{
    struct values *values = xmalloc(sizeof(*values));
    *values = (struct values){
        .key = key, .max = max, .max_len = max_len, .first_free = NONE};
    index_init(&values->index, hash_of, values);
    const struct str other = STR("__other__");
    values_pin(values, add(values, hash_bytes(key, other), other));
    return values;
}

void
values_free(struct values *values)
{
    if (values == NULL)
        return;
    for (size_t i = 0; i < values->nitems; i++)
        free(values->items[i].text);
    free(values->items);
    index_close(&values->index);
    free(values);
}

static uint32_t
find_or_add(struct values *values, struct str fit)
{
    const struct hash128 hash = hash_bytes(values->key, fit);
    const uint32_t found = index_find(&values->index, hash);
    if (found != INDEX_NONE)
        return found;
    if (values_n(values) >= values->max) {
        values->noverflows++;
        return VALUES_OTHER;
    }
    return add(values, hash, fit);
}

uint32_t
values_id(struct values *values, struct str raw)
{
    /* Only what is fit as it came can be found so; nearly everything is. */
    const uint32_t found =
        index_find(&values->index, hash_bytes(values->key, raw));
    if (LIKELY(found != INDEX_NONE))
        return found;
    struct buf fit;
    buf_init(&fit, 0);
    make_fit(values, &fit, raw);
    const uint32_t id = find_or_add(values, buf_str(&fit));
    buf_close(&fit);
    return id;
}

void
values_pin(struct values *values, uint32_t id)
{
    values->items[id].pinned = true;
}

bool
values_is_pinned(const struct values *values, uint32_t id)
{
    return values->items[id].pinned;
}

void
values_drop(struct values *values, uint32_t id)
{
    struct value *value = &values->items[id];
    if (value->pinned || value->text == NULL)
        return;
    index_remove(&values->index, value->hash);
    free(value->text);
    *value = (struct value){.next_free = values->first_free};
    values->first_free = id;
    values->nlive--;
}

struct str
values_text(const struct values *values, uint32_t id)
{
    const struct value *value = &values->items[id];
    return (struct str){.ptr = value->text, .len = value->text_len};
}

size_t
values_n(const struct values *values)
{
    return values->nlive - 1; /* __other__ is ours */
}

size_t
values_max(const struct values *values)
{
    return values->max;
}

uint64_t
values_noverflows(const struct values *values)
{
    return values->noverflows;
}
