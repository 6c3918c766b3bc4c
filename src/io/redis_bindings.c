#include "io/redis_bindings.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "io/redis_binding.h"
#include "io/redis_names.h"
#include "io/redis_words.h"

/* Of one question, and members of one set: a giant must not keep us from the
 * others. */
enum { MAX_PAGES = 2000, MAX_READ = 10000, MAX_MEMBERS = 10000 };

#define PAGE_COUNT "1000"
#define FIRST_PAGE "0"

static void
set_first(char *cursor)
{
    memcpy(cursor, FIRST_PAGE, sizeof(FIRST_PAGE));
}

static bool
is_first(const char *cursor)
{
    return strcmp(cursor, FIRST_PAGE) == 0;
}

static void
drop_sets(struct redis_bindings *bindings)
{
    for (size_t i = 0; i < bindings->nsets; i++)
        free(bindings->sets[i]);
    free(bindings->sets);
    bindings->sets = NULL;
    bindings->nsets = 0;
}

static void
begin_keys(struct redis_bindings *bindings)
{
    drop_sets(bindings);
    set_first(bindings->cursor);
    set_first(bindings->set_cursor);
    bindings->at_end = false;
    bindings->set_len = 0;
}

static void
finish(struct redis_bindings *bindings)
{
    const struct broker_handler *handler = bindings->handler;
    if (bindings->at_end && bindings->nsets == 0)
        begin_keys(bindings);
    bindings->asking = false;
    handler->binding(handler->ctx, (struct str){0}, !bindings->refused);
}

static void on_pause_over(uv_timer_t *timer);

static void
pause_for(struct redis_bindings *bindings, int64_t ms)
{
    uv_timer_start(&bindings->timer, on_pause_over, (uint64_t)ms, 0);
}

static void ask_next(struct redis_bindings *bindings);

static void
refuse(struct redis_bindings *bindings, const struct resp_reply *reply)
{
    bindings->refused = true;
    redis_warn_refused(&bindings->warned, "Cannot look for queues",
                       reply->items[0].str);
}

/* A page: the cursor of the next one, and an array. False when it is none. */
static bool
take_cursor(const struct resp_reply *reply, char *cursor)
{
    const struct resp_item *items = reply->items;
    if (!reply->array || reply->nitems < 2 || items[0].type != RESP_STRING ||
        items[0].str.len == 0 || items[0].str.len > REDIS_CURSOR_LEN ||
        items[1].type != RESP_ARRAY)
        return false;
    memcpy(cursor, items[0].str.ptr, items[0].str.len);
    cursor[items[0].str.len] = '\0';
    return true;
}

static bool
is_error(const struct resp_reply *reply)
{
    return !reply->array && reply->items[0].type == RESP_ERROR;
}

/* Members */

static void
drop_set(struct redis_bindings *bindings)
{
    free(bindings->sets[--bindings->nsets]);
    set_first(bindings->set_cursor);
    bindings->set_len = 0;
    bindings->nread++;
}

static void
hand_on(struct redis_bindings *bindings, const struct resp_reply *reply)
{
    const struct broker_handler *handler = bindings->handler;
    struct str queue;
    for (size_t i = 2; i < reply->nitems; i++)
        if (reply->items[i].type == RESP_STRING &&
            redis_binding_queue(bindings->config, reply->items[i].str, &queue))
            handler->binding(handler->ctx, queue, true);
    bindings->nread += reply->nitems - 2;
    bindings->set_len += reply->nitems - 2;
}

static void
on_members(void *ctx, const struct resp_reply *reply)
{
    struct redis_bindings *bindings = ctx;
    if (reply == NULL || !bindings->asking)
        return;
    const bool ok = take_cursor(reply, bindings->set_cursor);
    if (ok)
        hand_on(bindings, reply);
    else if (is_error(reply) &&
             !str_starts(reply->items[0].str, STR("WRONGTYPE")))
        refuse(bindings, reply);
    if (ok && !is_first(bindings->set_cursor) &&
        bindings->set_len < MAX_MEMBERS) {
        bindings->npages++;
        pause_for(bindings, bindings->deadlines->page_ms);
        return;
    }
    drop_set(bindings);
    ask_next(bindings);
}

static bool
ask_members(struct redis_bindings *bindings)
{
    const struct str args[] = {
        STR("SSCAN"), str_from(bindings->sets[bindings->nsets - 1]),
        str_from(bindings->set_cursor), STR("COUNT"), STR(PAGE_COUNT)};
    return redis_session_send(bindings->session, args, COUNT_OF(args),
                              on_members, bindings);
}

/* Keys */

static void
keep_sets(struct redis_bindings *bindings, const struct resp_reply *reply)
{
    bindings->sets =
        xrealloc(bindings->sets, reply->nitems, sizeof(bindings->sets[0]));
    for (size_t i = 2; i < reply->nitems; i++)
        if (reply->items[i].type == RESP_STRING &&
            redis_binding_is_of_tasks(bindings->config, reply->items[i].str))
            bindings->sets[bindings->nsets++] = str_dup(reply->items[i].str);
}

static void
on_keys(void *ctx, const struct resp_reply *reply)
{
    struct redis_bindings *bindings = ctx;
    if (reply == NULL || !bindings->asking)
        return;
    if (!take_cursor(reply, bindings->cursor)) {
        bindings->refused = true;
        if (is_error(reply))
            refuse(bindings, reply);
        begin_keys(bindings);
        finish(bindings);
        return;
    }
    bindings->npages++;
    bindings->at_end = is_first(bindings->cursor);
    keep_sets(bindings, reply);
    if (bindings->at_end)
        ask_next(bindings);
    else
        pause_for(bindings, bindings->deadlines->page_ms);
}

static bool
ask_keys(struct redis_bindings *bindings)
{
    struct buf pattern;
    buf_init(&pattern, 0);
    redis_binding_pattern(&pattern, bindings->config);
    const struct str args[] = {STR("SCAN"),  str_from(bindings->cursor),
                               STR("MATCH"), buf_str(&pattern),
                               STR("COUNT"), STR(PAGE_COUNT)};
    const bool ok = redis_session_send(bindings->session, args, COUNT_OF(args),
                                       on_keys, bindings);
    buf_close(&pattern);
    return ok;
}

static void
ask_next(struct redis_bindings *bindings)
{
    bool ok = true;
    if (bindings->npages >= MAX_PAGES || bindings->nread >= MAX_READ)
        finish(bindings);
    else if (bindings->nsets > 0)
        ok = ask_members(bindings);
    else if (bindings->at_end)
        finish(bindings);
    else
        ok = ask_keys(bindings);
    if (!ok) /* too much is asked at the moment */
        pause_for(bindings, bindings->deadlines->page_ms);
}

static void
on_pause_over(uv_timer_t *timer)
{
    ask_next(timer->data);
}

bool
redis_bindings_ask(struct redis_bindings *bindings)
{
    if (bindings->asking || bindings->session == NULL)
        return false;
    bindings->asking = true;
    bindings->refused = false;
    bindings->npages = bindings->nread = 0;
    pause_for(bindings, 0);
    return true;
}

void
redis_bindings_attach(struct redis_bindings *bindings,
                      struct redis_session *session)
{
    bindings->session = session;
    bindings->asking = false;
    uv_timer_stop(&bindings->timer);
    begin_keys(bindings);
}

void
redis_bindings_init(struct redis_bindings *bindings, uv_loop_t *loop,
                    const struct broker_config *config,
                    const struct redis_deadlines *deadlines,
                    const struct broker_handler *handler)
{
    *bindings = (struct redis_bindings){
        .config = config, .deadlines = deadlines, .handler = handler};
    uv_timer_init(loop, &bindings->timer);
    bindings->timer.data = bindings;
    begin_keys(bindings);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    const struct redis_bindings *bindings = handle->data;
    bindings->closed(bindings->closed_ctx);
}

void
redis_bindings_close(struct redis_bindings *bindings, void (*closed)(void *ctx),
                     void *ctx)
{
    drop_sets(bindings);
    bindings->session = NULL;
    bindings->closed = closed;
    bindings->closed_ctx = ctx;
    uv_close((uv_handle_t *)&bindings->timer, on_timer_closed);
}
