#include "wire/resp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/xalloc.h"
#include "wire/resp_framer.h"
#include "wire/resp_strings.h"

/* An empty reader gives its buffer back above this. */
enum { KEEP_BUFFER = 256 * 1024 };

/* An array of strings that lies whole in the input is taken apart where it
 * lies. All else goes through hiredis, which is fed one reply at a time and
 * asked only once it has the whole of it: so it never allocates by a number
 * from the wire, and never moves a rest of its buffer forward (fed with 256 KiB
 * at once it takes ten times as long).
 */
struct resp {
    struct resp_framer framer;
    resp_fn fn;
    void *ctx;
    redisReader *reader;
    redisReplyObjectFunctions functions;
    bool dead;
    bool stopped;
    struct resp_item *items; /* max_items */
    size_t nitems;           /* that the reader has made of this reply */
};

static void
deliver(struct resp *resp)
{
    resp->fn(resp->ctx, &(struct resp_reply){
                            .array = resp->framer.array,
                            .nitems = resp->nitems,
                            .items = resp->items,
                            .wire_bytes = resp->framer.wire_bytes,
                        });
}

/* What the reader calls for each item. Nothing is allocated; what is returned
 * only must not be NULL. The reader trims its buffer before
 * redisReaderGetReply returns, so that the slices are good now and not later:
 * the last item delivers the reply. */
static void *
record(struct resp *resp, struct resp_item item)
{
    assert(resp->nitems < resp->framer.nitems);
    resp->items[resp->nitems++] = item;
    if (resp->nitems == resp->framer.nitems)
        deliver(resp);
    return resp;
}

static enum resp_type
string_type(int type)
{
    return type == REDIS_REPLY_ERROR    ? RESP_ERROR
           : type == REDIS_REPLY_STATUS ? RESP_STATUS
                                        : RESP_STRING;
}

static void *
create_string(const redisReadTask *task, char *ptr, size_t len)
{
    return record(task->privdata, (struct resp_item){
                                      .type = string_type(task->type),
                                      .str = {ptr, len},
                                  });
}

/* hiredis 1.0 made the count a size_t. */
#if HIREDIS_MAJOR >= 1
typedef size_t array_len;
#else
typedef int array_len;
#endif

static void *
create_array(const redisReadTask *task, array_len n)
{
    struct resp *resp = task->privdata;
    if (task->parent != NULL)
        return record(resp, (struct resp_item){
                                .type = RESP_ARRAY,
                                .integer = (int64_t)n,
                            });
    if (n == 0)
        deliver(resp);
    return resp;
}

static void *
create_integer(const redisReadTask *task, long long value)
{
    return record(task->privdata, (struct resp_item){
                                      .type = RESP_INTEGER,
                                      .integer = value,
                                  });
}

static void *
create_nil(const redisReadTask *task)
{
    struct resp *resp = task->privdata;
    const bool skipped = resp->framer.skipped[resp->nitems];
    return record(resp, (struct resp_item){
                            .type = skipped ? RESP_SKIPPED : RESP_NIL,
                        });
}

static void
free_object(void *object)
{
    (void)object;
}

static bool
keep(void *ctx, const char *ptr, size_t len)
{
    struct resp *resp = ctx;
    return redisReaderFeed(resp->reader, ptr, len) == REDIS_OK;
}

struct resp *
resp_new(const struct resp_limits *limits, resp_fn fn, void *ctx)
{
    struct resp *resp = xcalloc(1, sizeof(*resp));
    *resp = (struct resp){.fn = fn, .ctx = ctx};
    framer_init(&resp->framer, limits, keep, resp);
    resp->items = xcalloc(limits->max_items, sizeof(resp->items[0]));
    resp->reader = redisReaderCreate();
    if (resp->reader == NULL) {
        resp_free(resp);
        return NULL;
    }
    /* By name: the table grew between the versions. */
    resp->functions = *resp->reader->fn;
    resp->functions.createString = create_string;
    resp->functions.createArray = create_array;
    resp->functions.createInteger = create_integer;
    resp->functions.createNil = create_nil;
    resp->functions.freeObject = free_object;
    resp->reader->fn = &resp->functions;
    resp->reader->maxbuf = KEEP_BUFFER;
    resp->reader->privdata = resp;
    return resp;
}

void
resp_free(struct resp *resp)
{
    if (resp == NULL)
        return;
    if (resp->reader != NULL)
        redisReaderFree(resp->reader);
    framer_close(&resp->framer);
    free(resp->items);
    free(resp);
}

void
resp_stop(struct resp *resp)
{
    resp->stopped = true;
}

bool
resp_pending(const struct resp *resp)
{
    return resp->framer.wire_bytes > 0;
}

/* The reader has the whole of a reply. */
static bool
read_reply(struct resp *resp)
{
    void *object = NULL;
    const bool ok = redisReaderGetReply(resp->reader, &object) == REDIS_OK &&
                    object != NULL;
    framer_next(&resp->framer);
    resp->nitems = 0;
    return ok;
}

/* Delivers the reply that the bytes begin with and steps over it, if it can be
 * had without the reader. */
static bool
take_strings(struct resp *resp, struct str *bytes)
{
    size_t nitems;
    const size_t len =
        resp_strings(*bytes, &resp->framer.limits, resp->items, &nitems);
    if (len == 0)
        return false;
    resp->fn(resp->ctx, &(struct resp_reply){
                            .array = true,
                            .nitems = nitems,
                            .items = resp->items,
                            .wire_bytes = len,
                        });
    *bytes = str_slice(*bytes, len, bytes->len);
    return true;
}

enum resp_status
resp_feed(struct resp *resp, struct str bytes)
{
    while (bytes.len > 0 && !resp->dead && !resp->stopped) {
        if (!resp_pending(resp) && take_strings(resp, &bytes))
            continue;
        switch (framer_read(&resp->framer, &bytes)) {
        case FRAMER_MORE:
            break;
        case FRAMER_END:
            resp->dead = !read_reply(resp);
            break;
        case FRAMER_ERROR:
            resp->dead = true;
            break;
        }
    }
    return resp->dead ? RESP_PROTOCOL : RESP_OK;
}

void
resp_command(struct buf *out, const struct str *args, size_t n)
{
    enum { MAX_ARGS = 16 };
    const char *ptrs[MAX_ARGS];
    size_t lens[MAX_ARGS];
    assert(n <= MAX_ARGS);
    for (size_t i = 0; i < n; i++) {
        ptrs[i] = args[i].len == 0 ? "" : args[i].ptr;
        lens[i] = args[i].len;
    }
    char *command = NULL;
    const long long len = redisFormatCommandArgv(&command, (int)n, ptrs, lens);
    if (len < 0) {
        out->failed = true;
        return;
    }
    buf_add(out, command, (size_t)len);
    explicit_bzero(command, (size_t)len); /* AUTH has a password in it */
    redisFreeCommand(command);
}
