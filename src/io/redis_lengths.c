#include "io/redis_lengths.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "io/redis_names.h"
#include "io/redis_words.h"

/* Commands on their way: those of a few hundred queues, and always those of
 * one with REDIS_MAX_STEPS. */
enum { WINDOW = 1024 };

struct redis_length {
    struct redis_lengths *owner;
    struct redis_length *next; /* that is not sent yet */
    char *name;
    size_t name_len;
    int64_t *steps; /* and behind them their lengths; once it is sent */
    int64_t *counts;
    size_t nsteps;
    size_t nanswered; /* in the order of the steps */
    bool refused;
    bool lost;
};

static void
drop(struct redis_length *length)
{
    free(length->name);
    free(length->steps);
    free(length);
}

/* Answers */

static void send_some(struct redis_lengths *lengths);

static void
hand_on(const struct redis_length *length)
{
    const struct broker_handler *handler = length->owner->handler;
    const struct str name = {length->name, length->name_len};
    struct queue_state state = {.length = -1, .consumers = -1};
    if (!length->refused) {
        state.length = 0;
        for (size_t i = 0; i < length->nsteps; i++)
            state.length += length->counts[i];
        state.steps = length->steps;
        state.step_lengths = length->counts;
        state.nsteps = length->nsteps;
    }
    handler->queue(handler->ctx, name, &state);
}

static void
refuse(struct redis_length *length, const struct resp_reply *reply)
{
    length->refused = true;
    if (!reply->array && reply->items[0].type == RESP_ERROR)
        redis_warn_refused(&length->owner->warned, "Cannot read queue lengths",
                           reply->items[0].str);
}

/* No list is so long that the sum of all steps would be past 64 bits. */
static bool
is_count(const struct resp_reply *reply)
{
    return !reply->array && reply->items[0].type == RESP_INTEGER &&
           reply->items[0].integer >= 0 &&
           reply->items[0].integer <= INT64_MAX / REDIS_MAX_STEPS;
}

static void
on_count(void *ctx, const struct resp_reply *reply)
{
    struct redis_length *length = ctx;
    struct redis_lengths *lengths = length->owner;
    lengths->nsent--;
    if (reply == NULL)
        length->lost = true;
    else if (is_count(reply))
        length->counts[length->nanswered] = reply->items[0].integer;
    else
        refuse(length, reply);
    if (++length->nanswered < length->nsteps)
        return;
    if (!length->lost)
        hand_on(length);
    const bool go_on = !length->lost;
    drop(length);
    if (go_on)
        send_some(lengths);
}

/* Questions */

static const int64_t default_steps[] = {0, 3, 6, 9};

/* Step 0 is always one, and the first. */
static size_t
take_steps(const struct broker_config *config, int64_t *out)
{
    const bool given = config->priority_steps != NULL;
    const int64_t *steps = given ? config->priority_steps : default_steps;
    const size_t nsteps =
        given ? config->npriority_steps : COUNT_OF(default_steps);
    size_t n = 1;
    out[0] = 0;
    for (size_t i = 0; i < nsteps && n < REDIS_MAX_STEPS; i++)
        if (steps[i] != 0)
            out[n++] = steps[i];
    return n;
}

static bool
send_step(struct redis_length *length, int64_t step)
{
    struct redis_lengths *lengths = length->owner;
    struct buf key;
    buf_init(&key, 0);
    redis_queue_key(&key, lengths->config,
                    (struct str){length->name, length->name_len}, step);
    const struct str args[] = {STR("LLEN"), buf_str(&key)};
    const bool ok = redis_session_send(lengths->session, args, COUNT_OF(args),
                                       on_count, length);
    buf_close(&key);
    lengths->nsent += ok;
    return ok;
}

static void
send_one(struct redis_length *length, const int64_t *steps, size_t nsteps)
{
    length->steps = xcalloc(2 * nsteps, sizeof(*length->steps));
    length->counts = length->steps + nsteps;
    for (size_t i = 0; i < nsteps; i++)
        length->steps[i] = steps[i];
    while (length->nsteps < nsteps && send_step(length, steps[length->nsteps]))
        length->nsteps++;
    length->lost = length->nsteps < nsteps; /* the session has ended */
    if (length->nsteps == 0)
        drop(length);
}

static struct redis_length *
take_first(struct redis_lengths *lengths)
{
    struct redis_length *length = lengths->first;
    lengths->first = length->next;
    if (lengths->first == NULL)
        lengths->last = NULL;
    lengths->nwaiting--;
    return length;
}

static void
send_some(struct redis_lengths *lengths)
{
    if (lengths->first == NULL)
        return;
    int64_t steps[REDIS_MAX_STEPS];
    const size_t nsteps = take_steps(lengths->config, steps);
    while (lengths->first != NULL && lengths->nsent + nsteps <= WINDOW)
        send_one(take_first(lengths), steps, nsteps);
}

bool
redis_lengths_ask(struct redis_lengths *lengths, struct str name)
{
    if (lengths->session == NULL || lengths->nwaiting == REDIS_MAX_LENGTHS)
        return false;
    struct redis_length *length = xcalloc(1, sizeof(*length));
    *length = (struct redis_length){
        .owner = lengths, .name = str_dup(name), .name_len = name.len};
    if (lengths->last == NULL)
        lengths->first = length;
    else
        lengths->last->next = length;
    lengths->last = length;
    lengths->nwaiting++;
    send_some(lengths);
    return true;
}

void
redis_lengths_attach(struct redis_lengths *lengths,
                     struct redis_session *session)
{
    lengths->session = session;
    while (lengths->first != NULL)
        drop(take_first(lengths));
}
