#pragma once

/* The answer of /-/workers: whether enough workers are alive, and one line
 * that says so. Nobody is asked for it. */

#include "base/buf.h"

enum worker_verdict {
    WORKER_CHECK_OK,
    WORKER_CHECK_TOO_FEW,
    WORKER_CHECK_WRONG, /* the question cannot be answered */
};

struct worker_check {
    int64_t min;      /* ?min=N */
    struct buf queue; /* ?queue=NAME, when by_queue */
    bool by_queue;
    bool has_min;
    struct buf problem; /* what is wrong with the parameters */
};

/* What is known. */
struct worker_counts {
    size_t nworkers; /* that are alive, or consume the queue */
    bool is_known;   /* the queue, and who consumes queues */
    int64_t away_ms; /* how long the broker has been away, 0 = it is there */
};

void worker_check_init(struct worker_check *check);
void worker_check_close(struct worker_check *check);
/* One parameter of the query, for http_each_parameter. */
void worker_check_parameter(void *check, struct str key, struct str value);
/* Appends the line, for people, without what could act on their terminals. */
enum worker_verdict worker_check_answer(const struct worker_check *check,
                                        const struct worker_counts *counts,
                                        struct buf *line);
