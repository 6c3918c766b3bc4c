#include "app/questions.h"

#include <stdlib.h>

#include "app/queue_names.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "io/clock.h"
#include "io/uuid.h"
#include "wire/pidbox.h"

/* More names than that make a command that costs more than it saves. */
enum { MAX_DESTINATION = 100 };

static const char *const methods[QUESTION_COUNT] = {
    [ASK_STATS] = "stats",
    [ASK_QUEUES] = "active_queues",
    [ASK_ACTIVE] = "active",
    [ASK_RESERVED] = "reserved",
    [ASK_SCHEDULED] = "scheduled",
    [ASK_REGISTERED] = "registered",
    [ASK_ENABLE_EVENTS] = "enable_events",
};

struct asked {
    bool asked;
    bool alone; /* some nodenames, not every worker */
    size_t nnodes;
    size_t nreplies;
    size_t nanswered; /* nodenames */
    char ticket[UUID_LEN + 1];
};

struct questions {
    uv_loop_t *loop;
    struct broker *broker;
    struct metrics *metrics;
    struct queues *queues;
    struct roster *roster;
    struct queue_names direct;
    struct buf exchange; /* of replies, NUL-terminated */
    bool open;           /* a round is going on */
    bool sent;
    struct asked asked[QUESTION_COUNT];
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
    questions->open = true;
    questions->sent = true;
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
            .method = methods[question],
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
    questions->asked[question].alone = true;
    questions->asked[question].nnodes = nnodes;
}

static bool
is_answered(const struct asked *asked, size_t nworkers)
{
    if (!asked->asked)
        return true;
    return asked->alone ? asked->nanswered >= asked->nnodes
                        : asked->nreplies >= nworkers;
}

bool
questions_answered(const struct questions *questions)
{
    const size_t nworkers = metrics_nworkers_up(questions->metrics);
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        if (!is_answered(&questions->asked[i], nworkers))
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

/* ---- replies ---- */

/* What a reply is read into. */
struct reading {
    struct questions *questions;
    enum question question;
    struct now now;
    /* Whose result is read now; NULL when the roster is full. */
    struct roster_node *node;
};

/* Each result of a node begins with this. */
static void
count_reply(struct reading *reading, struct str name)
{
    struct questions *questions = reading->questions;
    struct asked *asked = &questions->asked[reading->question];
    asked->nreplies++;
    reading->node = roster_find_or_add(questions->roster, name);
    if (reading->node == NULL)
        return;
    roster_count(questions->roster, reading->node, reading->question);
    if (reading->node->nreplies[reading->question] == 1)
        asked->nanswered++;
}

static void
on_stats(void *ctx, struct str name, const struct pidbox_stats *stats)
{
    struct reading *reading = ctx;
    struct questions *questions = reading->questions;
    count_reply(reading, name);
    metrics_worker_stats(questions->metrics, name, stats, reading->now);
    queues_set_processes(questions->queues, name, stats->processes);
}

static void
on_queue(void *ctx, struct str name, const struct pidbox_queue *queue)
{
    struct reading *reading = ctx;
    struct questions *questions = reading->questions;
    if (queue == NULL) {
        count_reply(reading, name);
        metrics_worker_replied(questions->metrics, name, reading->now);
        queues_set_consumed(questions->queues, name, str_from(NULL),
                            reading->now);
        if (reading->node != NULL)
            roster_begin_list(reading->node);
        return;
    }
    if (reading->node != NULL)
        roster_add_queue(reading->node, queue->name);
    if (queue->direct)
        queue_names_add(&questions->direct, queue->name);
    if (!queue_name_is_delay(queue->name))
        queues_set_consumed(questions->queues, name, queue->name, reading->now);
}

static void
on_request(void *ctx, struct str name, const struct pidbox_request *request)
{
    struct reading *reading = ctx;
    struct questions *questions = reading->questions;
    if (request == NULL) {
        count_reply(reading, name);
        metrics_worker_replied(questions->metrics, name, reading->now);
        return;
    }
    if (reading->node != NULL && reading->question == ASK_RESERVED)
        reading->node->nreserved++;
    if (reading->node != NULL && reading->question == ASK_SCHEDULED)
        reading->node->nscheduled++;
    struct pidbox_request known = *request;
    if (queue_names_has(&questions->direct, request->direct))
        known.queue = request->direct;
    metrics_learn_task(questions->metrics, name, &known, reading->now);
}

static void
on_registered(void *ctx, struct str name, struct str task)
{
    struct reading *reading = ctx;
    struct metrics *metrics = reading->questions->metrics;
    if (task.ptr == NULL) {
        count_reply(reading, name);
        metrics_worker_replied(metrics, name, reading->now);
        return;
    }
    metrics_register_task(metrics, task, reading->now);
}

static void
tell_of_events(struct roster_node *node, bool ok, struct str words)
{
    node->events_told = true;
    char *text = str_dup(words);
    if (ok)
        LOG(LOG_INFO, "Enabled the task events of a worker", "worker",
            node->name, NULL);
    else
        LOG(LOG_WARN, "A worker cannot enable its task events", "worker",
            node->name, "err", text, NULL);
    free(text);
}

static void
on_enabled(void *ctx, struct str name, bool ok, struct str words)
{
    struct reading *reading = ctx;
    count_reply(reading, name);
    metrics_worker_replied(reading->questions->metrics, name, reading->now);
    struct roster_node *node = reading->node;
    const bool already = str_eq(words, STR("task events already enabled"));
    if (node != NULL && !node->events_told && !already)
        tell_of_events(node, ok, words);
}

static void
read_reply(struct reading *reading, const struct message *message)
{
    const struct str body = message->body;
    const enum serializer serializer = message->serializer;
    bool good = false;
    switch (reading->question) {
    case ASK_STATS:
        good = pidbox_read_stats(body, serializer, on_stats, reading);
        break;
    case ASK_QUEUES:
        good = pidbox_read_queues(body, serializer, on_queue, reading);
        break;
    case ASK_ACTIVE:
    case ASK_RESERVED:
    case ASK_SCHEDULED:
        good = pidbox_read_requests(body, serializer, on_request, reading);
        break;
    case ASK_REGISTERED:
        good = pidbox_read_registered(body, serializer, on_registered, reading);
        break;
    case ASK_ENABLE_EVENTS:
        good = pidbox_read_ok(body, serializer, on_enabled, reading);
        break;
    case QUESTION_COUNT:
        break;
    }
    if (!good)
        LOG_LIMITED(LOG_DEBUG, methods[reading->question],
                    "Cannot use the reply of a worker", "command",
                    methods[reading->question], NULL);
}

void
questions_reply(struct questions *questions, const struct message *message)
{
    if (!questions->open || message->ticket.len == 0)
        return;
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        if (str_eq(message->ticket, str_from(questions->asked[i].ticket)))
            read_reply(&(struct reading){.questions = questions,
                                         .question = (enum question)i,
                                         .now = clock_now(questions->loop)},
                       message);
}

/* ---- the end of a round ---- */

static bool
is_alive(void *ctx, struct str node)
{
    return metrics_worker_is_up(((struct questions *)ctx)->metrics, node);
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
    queues_poll_end(questions->queues, is_alive, questions, now);
}

void
questions_drop(struct questions *questions)
{
    if (questions->open)
        close_round(questions);
}
