#include "io/amqp_lengths.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "io/amqp_words.h"

enum {
    /* Sent before the first answer: few, because a missing queue makes the
     * server forget those behind it. */
    WINDOW = 16,
    MAX_WAITING = 20000,
    MAX_NAME = 255,
    POOL_PAGE = 4096,
};

void
amqp_lengths_init(struct amqp_lengths *lengths,
                  const struct broker_handler *handler)
{
    *lengths = (struct amqp_lengths){.handler = handler};
    init_amqp_pool(&lengths->pool, POOL_PAGE);
}

static void
tell(struct amqp_lengths *lengths, amqp_method_number_t id, void *method)
{
    amqp_session_send(lengths->session, AMQP_CHANNEL_LENGTHS, id, method);
}

static void
open_channel(struct amqp_lengths *lengths)
{
    lengths->nsent = 0;
    lengths->opened = false;
    amqp_channel_open_t open = {0};
    tell(lengths, AMQP_CHANNEL_OPEN_METHOD, &open);
}

void
amqp_lengths_attach(struct amqp_lengths *lengths, struct amqp_session *session)
{
    lengths->session = session;
    open_channel(lengths);
}

static struct str
take_first(struct amqp_lengths *lengths)
{
    const struct str name = lengths->names[lengths->first++];
    if (--lengths->nnames == 0)
        lengths->first = 0;
    return name;
}

static void
drop(struct str name)
{
    free((void *)(uintptr_t)name.ptr);
}

void
amqp_lengths_lose(struct amqp_lengths *lengths)
{
    while (lengths->nnames > 0)
        drop(take_first(lengths));
    lengths->session = NULL;
    lengths->nsent = 0;
}

void
amqp_lengths_free(struct amqp_lengths *lengths)
{
    amqp_lengths_lose(lengths);
    free(lengths->names);
    empty_amqp_pool(&lengths->pool);
}

static void
send_some(struct amqp_lengths *lengths)
{
    while (lengths->opened && lengths->nsent < WINDOW &&
           lengths->nsent < lengths->nnames) {
        amqp_queue_declare_t declare = {
            .queue = amqp_bytes_of(
                lengths->names[lengths->first + lengths->nsent++]),
            .passive = true,
        };
        tell(lengths, AMQP_QUEUE_DECLARE_METHOD, &declare);
    }
}

/* Room for one more, where the first ones were if that is half of it. */
static void
make_room(struct amqp_lengths *lengths)
{
    if (lengths->first + lengths->nnames < lengths->names_cap)
        return;
    if (lengths->first > lengths->names_cap / 2) {
        memmove(lengths->names, lengths->names + lengths->first,
                lengths->nnames * sizeof(lengths->names[0]));
        lengths->first = 0;
        return;
    }
    lengths->names_cap = 2 * lengths->names_cap + WINDOW;
    lengths->names =
        xrealloc(lengths->names, lengths->names_cap, sizeof(lengths->names[0]));
}

bool
amqp_lengths_ask(struct amqp_lengths *lengths, struct str name)
{
    if (lengths->session == NULL || name.len == 0 || name.len > MAX_NAME ||
        lengths->nnames == MAX_WAITING)
        return false;
    make_room(lengths);
    lengths->names[lengths->first + lengths->nnames++] =
        (struct str){str_dup(name), name.len};
    send_some(lengths);
    return true;
}

/* The handler may ask for more. */
static void
answer(struct amqp_lengths *lengths, const struct queue_state *state)
{
    const struct broker_handler *handler = lengths->handler;
    const struct str name = take_first(lengths);
    handler->queue(handler->ctx, name, state);
    drop(name);
}

static bool
on_declare_ok(struct amqp_lengths *lengths, const amqp_queue_declare_ok_t *ok)
{
    if (lengths->nsent == 0)
        return false;
    lengths->nsent--;
    answer(lengths, &(struct queue_state){.length = ok->message_count,
                                          .consumers = ok->consumer_count});
    send_some(lengths);
    return true;
}

static void
warn_once(struct amqp_lengths *lengths, const amqp_channel_close_t *close)
{
    if (lengths->warned)
        return;
    lengths->warned = true;
    char why[320];
    amqp_words_of_code(why, sizeof(why), close->reply_code,
                       amqp_str(close->reply_text));
    LOG(LOG_WARN, "Cannot read queue lengths", "err", why, NULL);
}

static bool
on_close(struct amqp_lengths *lengths, const amqp_channel_close_t *close)
{
    const bool missing = close->reply_code == AMQP_NOT_FOUND;
    const bool asked = lengths->nsent > 0;
    if (!missing)
        warn_once(lengths, close);
    amqp_channel_close_ok_t ok = {0};
    tell(lengths, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    open_channel(lengths);
    if (asked)
        answer(lengths, &(struct queue_state){.length = missing ? 0 : -1,
                                              .consumers = missing ? 0 : -1,
                                              .missing = missing});
    return asked; /* a channel that closes by itself would do so for ever */
}

static bool
on_method(struct amqp_lengths *lengths, const amqp_method_t *method)
{
    if (method->id == AMQP_QUEUE_DECLARE_OK_METHOD)
        return on_declare_ok(lengths, method->decoded);
    if (method->id == AMQP_CHANNEL_CLOSE_METHOD)
        return on_close(lengths, method->decoded);
    if (method->id != AMQP_CHANNEL_OPEN_OK_METHOD || lengths->opened)
        return false;
    lengths->opened = true;
    send_some(lengths);
    return true;
}

bool
amqp_lengths_take(struct amqp_lengths *lengths, const struct amqp_frame *frame)
{
    amqp_method_t method = {0};
    const bool ok = lengths->session != NULL &&
                    frame->type == AMQP_FRAME_METHOD &&
                    amqp_read_method(frame->payload, &lengths->pool, &method) &&
                    on_method(lengths, &method);
    recycle_amqp_pool(&lengths->pool);
    return ok;
}
