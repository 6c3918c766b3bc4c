#include "wire/resp_framer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void
framer_init(struct resp_framer *f, const struct resp_limits *limits,
            framer_fn keep, void *ctx)
{
    assert(limits->max_items > 0);
    *f = (struct resp_framer){.limits = *limits, .keep = keep, .ctx = ctx};
    f->skipped = xcalloc(limits->max_items, sizeof(f->skipped[0]));
}

void
framer_close(struct resp_framer *f)
{
    free(f->skipped);
    f->skipped = NULL;
}

void
framer_next(struct resp_framer *f)
{
    if (f->any_skip)
        memset(f->skipped, 0, f->nitems * sizeof(f->skipped[0]));
    f->any_skip = false;
    f->array = false;
    f->nitems = f->nseen = 0;
    f->kept = f->wire_bytes = 0;
}

/* An item other than a non-empty array is complete; true when the reply is. */
static bool
finish_item(struct resp_framer *f)
{
    f->state = FRAMER_HEADER;
    while (f->depth > 0) {
        if (--f->todo[f->depth - 1] > 0)
            return false;
        f->depth--;
    }
    return true;
}

/* Strictly as hiredis reads it: no plus, no leading zero, no "-0". */
static bool
parse_number(struct str text, int64_t *out)
{
    const bool negative = text.len > 0 && text.ptr[0] == '-';
    const struct str digits = str_slice(text, negative, text.len);
    if (digits.len == 0 ||
        (digits.ptr[0] == '0' && (digits.len > 1 || negative)))
        return false;
    int64_t value = 0; /* summed up below zero, where the range is longer */
    for (size_t i = 0; i < digits.len; i++) {
        const int digit = digits.ptr[i] - '0';
        if (digit < 0 || digit > 9 ||
            __builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, (int64_t)digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *out = value;
    return true;
}

enum step {
    STEP_ERROR,
    STEP_MORE, /* the item goes on */
    STEP_ITEM, /* it is complete */
    STEP_SKIP, /* its header is to be replaced by that of a null */
};

static enum step
begin_array(struct resp_framer *f, int64_t n)
{
    if (n < -1 || n > (int64_t)(f->limits.max_items - f->nitems) ||
        (n > 0 && f->depth == FRAMER_MAX_DEPTH))
        return STEP_ERROR;
    /* The outermost array is no item itself; null in its place is one. */
    const bool outermost = f->depth == 0;
    f->array |= outermost && n >= 0;
    f->nitems += n == -1 ? outermost : (size_t)n;
    f->nseen += n == -1 || !outermost;
    if (n <= 0)
        return STEP_ITEM;
    f->todo[f->depth++] = (size_t)n;
    return STEP_MORE;
}

static enum step
begin_string(struct resp_framer *f, int64_t len)
{
    if (len < -1 || len > INT64_MAX - 2)
        return STEP_ERROR;
    const size_t index = f->nseen++;
    if (len == -1)
        return STEP_ITEM;
    f->left = (size_t)len + 2;
    if (resp_keeps(&f->limits, f->kept, (size_t)len)) {
        f->kept += (size_t)len;
        f->state = FRAMER_STRING;
        return STEP_MORE;
    }
    f->skipped[index] = f->any_skip = true;
    f->state = FRAMER_SKIPPED;
    return STEP_SKIP;
}

/* A whole header with a number, CR LF included. */
static enum step
take_header(struct resp_framer *f, struct str header)
{
    int64_t number;
    if (header.len < 4 || header.ptr[header.len - 2] != '\r' ||
        !parse_number(str_slice(header, 1, header.len - 2), &number))
        return STEP_ERROR;
    if (header.ptr[0] == '*')
        return begin_array(f, number);
    f->nitems += f->depth == 0;
    if (header.ptr[0] == '$')
        return begin_string(f, number);
    f->nseen++;
    return STEP_ITEM;
}

/* The bytes of one framer_read. */
struct input {
    const char *from; /* not yet passed on */
    const char *at;
    const char *end;
};

static bool
keep(struct resp_framer *f, struct input *in)
{
    const size_t len = (size_t)(in->at - in->from);
    const bool ok = len == 0 || f->keep(f->ctx, in->from, len);
    in->from = in->at;
    return ok;
}

static void
advance(struct resp_framer *f, struct input *in, size_t n)
{
    in->at += n;
    f->wire_bytes += n;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A header from its first byte on. */
static enum step
read_header(struct resp_framer *f, struct input *in)
{
    const size_t avail = (size_t)(in->end - in->at);
    const char *lf = memchr(in->at, '\n', least(avail, FRAMER_MAX_NUMBER));
    if (lf == NULL) {
        if (avail >= FRAMER_MAX_NUMBER || !keep(f, in))
            return STEP_ERROR;
        memcpy(f->header, in->at, avail);
        f->header_len = avail;
        advance(f, in, avail);
        in->from = in->at;
        return STEP_MORE;
    }
    const struct str header = {in->at, (size_t)(lf + 1 - in->at)};
    const enum step step = take_header(f, header);
    if (step == STEP_SKIP && !keep(f, in))
        return STEP_ERROR;
    advance(f, in, header.len);
    return step;
}

/* A header whose beginning is in f->header and was not passed on. */
static enum step
read_cut_header(struct resp_framer *f, struct input *in)
{
    const char byte = *in->at;
    f->header[f->header_len++] = byte;
    advance(f, in, 1);
    in->from = in->at;
    if (byte != '\n')
        return f->header_len < FRAMER_MAX_NUMBER ? STEP_MORE : STEP_ERROR;
    const struct str header = {f->header, f->header_len};
    const enum step step = take_header(f, header);
    f->header_len = 0;
    if (step != STEP_SKIP && !f->keep(f->ctx, header.ptr, header.len))
        return STEP_ERROR;
    return step;
}

static enum step
read_line(struct resp_framer *f, struct input *in)
{
    const size_t avail =
        least((size_t)(in->end - in->at), FRAMER_MAX_LINE - f->line_len);
    if (avail == 0)
        return STEP_ERROR;
    const char *lf = memchr(in->at, '\n', avail);
    const size_t n = lf == NULL ? avail : (size_t)(lf - in->at) + 1;
    /* Nothing but a line feed follows a return: hiredis 1.0 refuses others. */
    const char *cr = memchr(in->at, '\r', n);
    const size_t text = f->last == '\r' ? 0
                        : cr == NULL    ? n
                                        : (size_t)(cr - in->at) + 1;
    if (text != n - (lf != NULL))
        return STEP_ERROR;
    f->last = in->at[n - 1];
    f->line_len += n;
    advance(f, in, n);
    return lf == NULL ? STEP_MORE : STEP_ITEM;
}

static enum step
read_string(struct resp_framer *f, struct input *in)
{
    if (f->left > 2) {
        const size_t n = least((size_t)(in->end - in->at), f->left - 2);
        f->left -= n;
        advance(f, in, n);
    } else {
        if (*in->at != (f->left == 2 ? '\r' : '\n'))
            return STEP_ERROR;
        f->left--;
        advance(f, in, 1);
    }
    if (f->state == FRAMER_SKIPPED)
        in->from = in->at;
    return f->left == 0 ? STEP_ITEM : STEP_MORE;
}

static enum step
begin_item(struct resp_framer *f, struct input *in)
{
    switch (*in->at) {
    case '*':
    case '$':
    case ':':
        return read_header(f, in);
    case '+':
    case '-':
        f->nitems += f->depth == 0;
        f->nseen++;
        f->state = FRAMER_LINE;
        f->line_len = 0;
        return read_line(f, in);
    default: /* RESP3, HTTP, TLS, ... */
        return STEP_ERROR;
    }
}

static enum step
read_item(struct resp_framer *f, struct input *in)
{
    switch (f->state) {
    case FRAMER_HEADER:
        return f->header_len > 0 ? read_cut_header(f, in) : begin_item(f, in);
    case FRAMER_LINE:
        return read_line(f, in);
    case FRAMER_STRING:
    case FRAMER_SKIPPED:
        return read_string(f, in);
    }
    return STEP_ERROR;
}

static enum framer_status
take_step(struct resp_framer *f, struct input *in)
{
    switch (read_item(f, in)) {
    case STEP_ERROR:
        return FRAMER_ERROR;
    case STEP_MORE:
        return FRAMER_MORE;
    case STEP_SKIP:
        in->from = in->at;
        return f->keep(f->ctx, "$-1\r\n", 5) ? FRAMER_MORE : FRAMER_ERROR;
    case STEP_ITEM:
        return finish_item(f) ? FRAMER_END : FRAMER_MORE;
    }
    return FRAMER_ERROR;
}

enum framer_status
framer_read(struct resp_framer *f, struct str *bytes)
{
    struct input in = {bytes->ptr, bytes->ptr, bytes->ptr + bytes->len};
    enum framer_status status = FRAMER_MORE;
    while (in.at < in.end && status == FRAMER_MORE)
        status = take_step(f, &in);
    if (status != FRAMER_ERROR && !keep(f, &in))
        status = FRAMER_ERROR;
    *bytes = (struct str){in.at, (size_t)(in.end - in.at)};
    return status;
}
