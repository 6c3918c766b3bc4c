#include "io/redis_length.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "io/redis_names.h"
#include "io/redis_words.h"

/* One queue: the lengths of its lists, one for each priority step. */
struct question {
    const struct broker_handler *handler;
    char *name;
    size_t name_len;
    int64_t *steps; /* and behind them their lengths */
    int64_t *lengths;
    size_t nasked;
    size_t nanswered; /* in the order of the questions */
    bool asking;
    bool refused;
    bool *warned;
    bool lost;
};

static void
hand_on(const struct question *question)
{
    const struct broker_handler *handler = question->handler;
    const struct str name = {question->name, question->name_len};
    struct queue_state state = {.length = -1, .consumers = -1};
    if (!question->refused) {
        state.length = 0;
        for (size_t i = 0; i < question->nanswered; i++)
            state.length += question->lengths[i];
        state.steps = question->steps;
        state.step_lengths = question->lengths;
        state.nsteps = question->nanswered;
    }
    handler->queue(handler->ctx, name, &state);
}

/* The last answer is handed on. */
static void
finish(struct question *question)
{
    if (question->asking || question->nanswered < question->nasked)
        return;
    if (!question->lost)
        hand_on(question);
    free(question->name);
    free(question->steps);
    free(question);
}

static void
refused(struct question *question, const struct resp_reply *reply)
{
    question->refused = true;
    if (!reply->array && reply->items[0].type == RESP_ERROR)
        redis_warn_refused(question->warned, "Cannot read queue lengths",
                           reply->items[0].str);
}

/* No list is that long, and no sum of them is past 64 bits. */
static bool
is_length(const struct resp_reply *reply)
{
    return !reply->array && reply->items[0].type == RESP_INTEGER &&
           reply->items[0].integer >= 0 &&
           reply->items[0].integer <= INT64_MAX / REDIS_MAX_STEPS;
}

static void
on_length(void *ctx, const struct resp_reply *reply)
{
    struct question *question = ctx;
    if (reply == NULL)
        question->lost = true;
    else if (is_length(reply))
        question->lengths[question->nanswered] = reply->items[0].integer;
    else
        refused(question, reply);
    question->nanswered++;
    finish(question);
}

static bool
ask_list(struct redis_session *session, const struct broker_config *config,
         struct question *question, int64_t step)
{
    struct buf key;
    buf_init(&key, 0);
    redis_queue_key(&key, config,
                    (struct str){question->name, question->name_len}, step);
    const struct str args[] = {STR("LLEN"), buf_str(&key)};
    question->steps[question->nasked++] = step;
    const bool ok =
        redis_session_send(session, args, COUNT_OF(args), on_length, question);
    buf_close(&key);
    if (!ok)
        question->nasked--;
    return ok;
}

static struct question *
new_question(const struct broker_handler *handler, struct str name,
             size_t nsteps, bool *warned)
{
    struct question *question = xcalloc(1, sizeof(*question));
    int64_t *steps = xcalloc(2 * nsteps, sizeof(*steps));
    *question = (struct question){
        .handler = handler,
        .warned = warned,
        .name = str_dup(name),
        .name_len = name.len,
        .steps = steps,
        .lengths = steps + nsteps,
        .asking = true,
    };
    return question;
}

bool
redis_length_ask(struct redis_session *session,
                 const struct broker_config *config,
                 const struct broker_handler *handler, struct str name,
                 bool *warned)
{
    static const int64_t default_steps[] = {0, 3, 6, 9};
    const bool given = config->priority_steps != NULL;
    const int64_t *steps = given ? config->priority_steps : default_steps;
    size_t nsteps = given ? config->npriority_steps : COUNT_OF(default_steps);
    nsteps = nsteps < REDIS_MAX_STEPS ? nsteps : REDIS_MAX_STEPS - 1;
    struct question *question = new_question(handler, name, nsteps + 1, warned);
    bool ok = ask_list(session, config, question, 0);
    for (size_t i = 0; i < nsteps && ok; i++)
        ok = steps[i] == 0 || ask_list(session, config, question, steps[i]);
    question->lost |= !ok;
    question->asking = false;
    finish(question);
    return ok;
}
