#include "app/worker_check.h"

#include "base/number.h"
#include "base/utf8.h"

enum { MAX_MIN = 1000000, MAX_SHOWN = 256 };

void
worker_check_init(struct worker_check *check)
{
    *check = (struct worker_check){.min = 1};
    buf_init(&check->queue, 0);
    buf_init(&check->problem, 0);
}

void
worker_check_close(struct worker_check *check)
{
    buf_close(&check->queue);
    buf_close(&check->problem);
}

/* In quotes, cut, and on one line. */
static void
add_quoted(struct buf *out, struct str text)
{
    struct buf repaired;
    buf_init(&repaired, 0);
    utf8_repair(&repaired, str_slice(text, 0, MAX_SHOWN));
    const struct str shown = utf8_cut(buf_str(&repaired), MAX_SHOWN);
    buf_add_byte(out, '\'');
    for (size_t i = 0; i < shown.len; i++) {
        const unsigned char c = (unsigned char)shown.ptr[i];
        buf_add_byte(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
    buf_add_str(out, text.len > MAX_SHOWN ? STR("...'") : STR("'"));
    buf_close(&repaired);
}

static void
set_min(struct worker_check *check, struct str value)
{
    if (check->has_min) {
        buf_add_str(&check->problem, STR("min is given twice"));
        return;
    }
    check->has_min = true;
    if (number_parse_int(value, &check->min) && check->min >= 1 &&
        check->min <= MAX_MIN)
        return;
    buf_add_str(&check->problem, STR("min is "));
    add_quoted(&check->problem, value);
    buf_printf(&check->problem, " and not a number from 1 to %d", (int)MAX_MIN);
}

static void
set_queue(struct worker_check *check, struct str value)
{
    if (check->by_queue)
        buf_add_str(&check->problem, STR("queue is given twice"));
    else if (value.len == 0)
        buf_add_str(&check->problem, STR("queue is empty"));
    check->by_queue = true;
    buf_add_str(&check->queue, value);
}

void
worker_check_parameter(void *ctx, struct str key, struct str value)
{
    struct worker_check *check = ctx;
    if (check->problem.len > 0)
        return; /* one at a time */
    if (str_eq(key, STR("min"))) {
        set_min(check, value);
    } else if (str_eq(key, STR("queue"))) {
        set_queue(check, value);
    } else {
        /* A check that silently checks less than was meant is worse. */
        buf_add_str(&check->problem, STR("there is no parameter "));
        add_quoted(&check->problem, key);
        buf_add_str(&check->problem, STR(", only min and queue"));
    }
}

/* "3 workers are alive", "no worker consumes queue 'x'" */
static void
add_count(const struct worker_check *check, size_t n, struct buf *line)
{
    if (n == 0)
        buf_add_str(line, STR("no worker"));
    else
        buf_printf(line, n == 1 ? "%zu worker" : "%zu workers", n);
    if (check->by_queue) {
        buf_add_str(line,
                    n > 1 ? STR(" consume queue ") : STR(" consumes queue "));
        add_quoted(line, buf_str(&check->queue));
    } else {
        buf_add_str(line, n > 1 ? STR(" are alive") : STR(" is alive"));
    }
}

enum worker_verdict
worker_check_answer(const struct worker_check *check,
                    const struct worker_counts *counts, struct buf *line)
{
    if (check->problem.len > 0) {
        buf_add_str(line, buf_str(&check->problem));
        buf_add_byte(line, '\n');
        return WORKER_CHECK_WRONG;
    }
    const bool enough = counts->nworkers >= (size_t)check->min;
    if (check->by_queue && !counts->is_known) {
        buf_add_str(line, STR("queue "));
        add_quoted(line, buf_str(&check->queue));
        buf_add_str(line, STR(" is not known: no worker consumes it, or "
                              "workers cannot be asked"));
    } else {
        add_count(check, counts->nworkers, line);
    }
    if (!enough && check->min > 1)
        buf_printf(line, ", %lld wanted", (long long)check->min);
    if (counts->away_ms > 0)
        buf_printf(line,
                   "; the broker has been away for %lld s, this is what was "
                   "known before",
                   (long long)(counts->away_ms + 999) / 1000);
    buf_add_byte(line, '\n');
    return enough ? WORKER_CHECK_OK : WORKER_CHECK_TOO_FEW;
}
