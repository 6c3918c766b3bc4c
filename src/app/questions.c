#include "app/questions.h"

#include <stdlib.h>

#include "app/questions_private.h"
#include "base/xalloc.h"
#include "io/clock.h"
#include "wire/pidbox.h"

/* More names than that make a command that costs more than it saves. */
enum { MAX_DESTINATION = 100 };

const char *const question_methods[QUESTION_COUNT] = {
    [ASK_STATS] = "stats",
    [ASK_QUEUES] = "active_queues",
    [ASK_ACTIVE] = "active",
    [ASK_RESERVED] = "reserved",
    [ASK_SCHEDULED] = "scheduled",
    [ASK_REGISTERED] = "registered",
    [ASK_ENABLE_EVENTS] = "enable_events",
};

struct questions *
questions_new(uv_loop_t *loop, const struct options *options,
              struct broker *broker, struct metrics *metrics,
              struct queues *queues, struct roster *roster)
{
    struct questions *questions = xcalloc(1, sizeof(*questions));
    *questions = (struct questions){
        .loop = loop,
        .broker = broker,
        .metrics = metrics,
        .queues = queues,
        .roster = roster,
    };
    queue_names_init(&questions->direct,
                     registry_hash_key(metrics_registry(metrics)));
    buf_init(&questions->exchange, 0);
    buf_printf(&questions->exchange, "reply.%s.pidbox",
               options->control_exchange);
    buf_add_byte(&questions->exchange, '\0');
    return questions;
}

void
questions_free(struct questions *questions)
{
    queue_names_close(&questions->direct);
    buf_close(&questions->exchange);
    free(questions);
}

/* ---- asking ---- */

void
questions_begin(struct questions *questions)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        questions->asked[i] = (struct asked){0};
    questions->open = questions->sent = true;
    questions->of_some = false;
    queues_poll_begin(questions->queues);
    broker_collect_replies(questions->broker, true);
}

static void
ask(struct questions *questions, enum question question,
    const struct str *nodes, size_t nnodes)
{
    struct asked *asked = &questions->asked[question];
    asked->asked = true;
    uuid_random(asked->ticket);
    struct buf command;
    buf_init(&command, 0);
    pidbox_encode(
        &command,
        &(struct pidbox_command){
            .method = question_methods[question],
            .ticket = asked->ticket,
            .exchange = questions->exchange.ptr,
            .reply_key = broker_reply_key(questions->broker),
            .destination = nodes,
            .ndestination = nnodes,
            /* Arguments as short texts; Celery before 5.2 ignores it. */
            .flag = question == ASK_ACTIVE ? "safe" : NULL,
        });
    if (!broker_broadcast(questions->broker, buf_str(&command)))
        questions->sent = false;
    buf_close(&command);
}

void
questions_ask_all(struct questions *questions, enum question question)
{
    ask(questions, question, NULL, 0);
}

void
questions_ask_wanted(struct questions *questions, enum question question)
{
    const struct roster *roster = questions->roster;
    struct str nodes[MAX_DESTINATION];
    size_t nnodes = 0;
    for (size_t i = 0; i < roster->n; i++) {
        if ((roster->items[i].wanted & 1U << question) == 0)
            continue;
        if (nnodes < MAX_DESTINATION)
            nodes[nnodes] = roster_name(&roster->items[i]);
        nnodes++;
    }
    if (nnodes == 0)
        return;
    ask(questions, question, nodes, nnodes > MAX_DESTINATION ? 0 : nnodes);
    questions->of_some = questions->asked[question].alone = true;
    questions->asked[question].nnodes = nnodes;
}

static bool
is_answered(const struct asked *asked, size_t nworkers, size_t nquiet)
{
    if (!asked->asked)
        return true;
    if (asked->alone)
        return asked->nanswered >= asked->nnodes;
    return nworkers + nquiet > 0 && asked->nlive >= nworkers &&
           asked->nreplies >= nworkers + nquiet;
}

bool
questions_answered(const struct questions *questions)
{
    const size_t nworkers = metrics_nworkers_up(questions->metrics);
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        if (!is_answered(&questions->asked[i], nworkers, questions->nquiet))
            return false;
    return true;
}

bool
questions_sent(const struct questions *questions)
{
    return questions->sent;
}

size_t
questions_nreplies(const struct questions *questions, enum question question)
{
    return questions->asked[question].nreplies;
}

/* ---- the end of a round ---- */

/* Who was not asked has not failed to answer. */
static bool
is_alive(void *ctx, struct str node)
{
    const struct questions *questions = ctx;
    return questions->of_some || metrics_worker_is_up(questions->metrics, node);
}

static void
sum_up(struct questions *questions, const struct roster_node *node,
       struct now now)
{
    struct metrics *metrics = questions->metrics;
    const struct str name = roster_name(node);
    if (node->nreplies[ASK_QUEUES] > 0)
        metrics_worker_queue(metrics, name, roster_only_queue(node), now);
    if (node->nreplies[ASK_RESERVED] > 0)
        metrics_worker_holds(metrics, name, WORKER_RESERVED, node->nreserved,
                             now);
    if (node->nreplies[ASK_SCHEDULED] > 0)
        metrics_worker_holds(metrics, name, WORKER_SCHEDULED, node->nscheduled,
                             now);
}

/* Whom the next poll waits for beside those that are alive. */
static void
count_quiet(struct questions *questions)
{
    questions->nquiet = 0;
    for (size_t i = 0; i < questions->roster->n; i++) {
        struct roster_node *node = &questions->roster->items[i];
        node->quiet =
            roster_in_round(questions->roster, node) &&
            !metrics_worker_is_up(questions->metrics, roster_name(node));
        questions->nquiet += node->quiet;
    }
}

static void
close_round(struct questions *questions)
{
    questions->open = false;
    broker_collect_replies(questions->broker, false);
}

void
questions_end(struct questions *questions)
{
    const struct now now = clock_now(questions->loop);
    const struct roster *roster = questions->roster;
    close_round(questions);
    for (size_t i = 0; i < roster->n; i++)
        if (roster_in_round(roster, &roster->items[i]))
            sum_up(questions, &roster->items[i], now);
    if (!questions->of_some)
        count_quiet(questions);
    queues_poll_end(questions->queues, is_alive, questions, now);
}

void
questions_drop(struct questions *questions)
{
    if (questions->open)
        close_round(questions);
}
