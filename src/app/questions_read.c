#include <stdlib.h>

#include "app/questions_private.h"
#include "base/log.h"
#include "io/clock.h"
#include "wire/pidbox.h"

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
    metrics_worker_replied(questions->metrics, name, reading->now);
    asked->nreplies++;
    if (metrics_worker_is_up(questions->metrics, name))
        asked->nlive++;
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
    if (task.ptr == NULL)
        count_reply(reading, name);
    else
        metrics_register_task(reading->questions->metrics, task, reading->now);
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
        LOG_LIMITED(LOG_DEBUG, question_methods[reading->question],
                    "Cannot use the reply of a worker", "command",
                    question_methods[reading->question], NULL);
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
