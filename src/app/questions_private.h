#pragma once

/* What app/questions.c and app/questions_read.c share. */

#include "app/questions.h"
#include "app/queue_names.h"
#include "io/uuid.h"

/* Celery's names of the commands. */
extern const char *const question_methods[QUESTION_COUNT];

struct asked {
    bool asked;
    bool alone; /* some nodenames, not every worker */
    size_t nnodes;
    size_t nreplies;
    size_t nlive;     /* of them, of workers that events tell of */
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
    bool open;           /* a round is going on, */
    bool of_some;        /* in which not every worker is asked */
    bool sent;
    size_t nquiet; /* workers that answered the last poll of all, though no
                      event tells of them */
    struct asked asked[QUESTION_COUNT];
};
