/* pidbox: any reply is read, or gives nothing; every byte handed out is there,
 * texts are UTF-8 and numbers in their range. */

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "wire/pidbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check(bool holds)
{
    if (!holds)
        abort();
}

static void
check_text(struct str text)
{
    check(utf8_valid(text));
    check(str_find(text, '\0') == text.len);
}

static void
check_time(double time_s)
{
    check(isnan(time_s) || isfinite(time_s));
}

static void
on_stats(void *ctx, struct str node, const struct pidbox_stats *stats)
{
    unsigned *n = ctx;
    check_text(node);
    check_text(stats->pool);
    check(stats->pid >= 0 && stats->clock >= -1 && stats->processes >= 0);
    check(stats->prefetch >= -1 && stats->maxrss >= -1 &&
          stats->uptime_s >= -1);
    for (size_t i = 0; i < stats->ntotals; i++) {
        check_text(stats->totals[i].name);
        check(stats->totals[i].n >= 0);
    }
    ++*n;
}

static void
on_queue(void *ctx, struct str node, const struct pidbox_queue *queue)
{
    unsigned *n = ctx;
    check_text(node);
    if (queue == NULL) {
        ++*n;
        return;
    }
    check(*n > 0 && queue->name.len > 0);
    check_text(queue->name);
}

static void
on_request(void *ctx, struct str node, const struct pidbox_request *request)
{
    unsigned *n = ctx;
    check_text(node);
    if (request == NULL) {
        ++*n;
        return;
    }
    check(*n > 0 && request->id.len > 0 && request->name.len > 0);
    check_text(request->id);
    check_text(request->name);
    check_text(request->queue);
    check_text(request->direct);
    check(request->queue.len == 0 || request->direct.len == 0);
    check_time(request->started_s);
    check_time(request->eta_s);
}

static void
on_registered(void *ctx, struct str node, struct str name)
{
    unsigned *n = ctx;
    check_text(node);
    if (name.ptr == NULL)
        ++*n;
    else
        check(*n > 0);
    check_text(name);
}

static void
on_ok(void *ctx, struct str node, bool ok, struct str words)
{
    unsigned *n = ctx;
    check_text(node);
    check_text(words);
    *n += ok ? 1 : 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct str body = {(const char *)bytes, len};
    for (int i = 0; i < 2; i++) {
        const enum serializer serializer =
            i == 0 ? SERIALIZER_JSON : SERIALIZER_MSGPACK;
        unsigned n = 0;
        check(pidbox_read_stats(body, serializer, on_stats, &n) == (n > 0));
        n = 0;
        check(pidbox_read_queues(body, serializer, on_queue, &n) == (n > 0));
        n = 0;
        check(pidbox_read_requests(body, serializer, on_request, &n) ==
              (n > 0));
        n = 0;
        check(pidbox_read_registered(body, serializer, on_registered, &n) ==
              (n > 0));
        n = 0;
        check(pidbox_read_ok(body, serializer, on_ok, &n) == (n > 0));
    }
    return 0;
}
