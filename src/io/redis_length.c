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
    size_t nleft;
    int64_t sum;
    bool refused;
    bool *warned;
    bool lost;
};

/* The last answer is handed on. */
static void
answered(struct question *question)
{
    if (--question->nleft > 0)
        return;
    const struct broker_handler *handler = question->handler;
    const struct str name = {question->name, question->name_len};
    if (!question->lost)
        handler->queue(handler->ctx, name,
                       &(struct queue_state){
                           .length = question->refused ? -1 : question->sum,
                           .consumers = -1,
                       });
    free(question->name);
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

static void
on_length(void *ctx, const struct resp_reply *reply)
{
    struct question *question = ctx;
    if (reply == NULL)
        question->lost = true;
    else if (!reply->array && reply->items[0].type == RESP_INTEGER)
        question->sum += reply->items[0].integer;
    else
        refused(question, reply);
    answered(question);
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
    question->nleft++;
    const bool ok =
        redis_session_send(session, args, COUNT_OF(args), on_length, question);
    buf_close(&key);
    if (!ok)
        question->nleft--;
    return ok;
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
    const size_t nsteps =
        given ? config->npriority_steps : COUNT_OF(default_steps);
    struct question *question = xcalloc(1, sizeof(*question));
    *question = (struct question){
        .handler = handler,
        .warned = warned,
        .name = str_dup(name),
        .name_len = name.len,
        .nleft = 1, /* until all is asked */
    };
    bool ok = ask_list(session, config, question, 0);
    for (size_t i = 0; i < nsteps && ok; i++)
        ok = steps[i] == 0 || ask_list(session, config, question, steps[i]);
    question->lost |= !ok;
    answered(question);
    return ok;
}
