/* worker_check: whatever the query of /-/workers says, the answer is one line
 * of printable text, and the verdict is that of the numbers. The first byte
 * says how many workers there are; the query follows, its escapes decoded. */

#include <stdlib.h>
#include <string.h>

#include "app/worker_check.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static void
give_parameters(struct worker_check *check, struct str query)
{
    struct str parameter;
    while (query.ptr != NULL && str_split(&query, '&', &parameter)) {
        const size_t equals = str_find(parameter, '=');
        worker_check_parameter(check, str_slice(parameter, 0, equals),
                               str_slice(parameter, equals + 1, parameter.len));
    }
}

static void
check_line(struct str line)
{
    require(line.len > 1 && line.ptr[line.len - 1] == '\n');
    require(line.len < 1024 && utf8_valid(line));
    for (size_t i = 0; i + 1 < line.len; i++)
        require((unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 1)
        return 0;
    const struct worker_counts counts = {
        .nworkers = bytes[0] % 16,
        .is_known = bytes[0] < 128,
        .away_ms = bytes[0] & 16 ? bytes[0] : 0,
    };
    struct worker_check check;
    struct buf line;
    worker_check_init(&check);
    buf_init(&line, 0);

    give_parameters(&check, (struct str){(const char *)bytes + 1, len - 1});
    const enum worker_verdict verdict =
        worker_check_answer(&check, &counts, &line);

    check_line(buf_str(&line));
    require((verdict == WORKER_CHECK_WRONG) == (check.problem.len > 0));
    if (verdict != WORKER_CHECK_WRONG) {
        require(check.min >= 1 && check.min <= 1000000);
        require(!check.by_queue || check.queue.len > 0);
        require((verdict == WORKER_CHECK_OK) ==
                (counts.nworkers >= (size_t)check.min));
    }
    buf_close(&line);
    worker_check_close(&check);
    return 0;
}
