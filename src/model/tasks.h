#pragma once

/* What is known of each task: a bounded table from task id to name, queue and
 * times. Any event may make an entry. When the table is full the longest
 * finished task goes first, then the least recently touched one; memory grows
 * only as it is used, 64 bytes and an index entry a task. */

#include <stdint.h>

#include "base/hash.h"

enum task_flag {
    TASK_SENT = 1 << 0,     /* a task-sent event was seen */
    TASK_NAMED = 1 << 1,    /* name is from task-received, which outranks
                               task-sent: a shadow name, a replacement */
    TASK_RUNNING = 1 << 2,  /* started, not ended */
    TASK_RAN = 1 << 3,      /* was started at least once */
    TASK_RENEWED = 1 << 4,  /* since the last start: retried, requeued, sent or
                               replaced, so that another start is right */
    TASK_FINISHED = 1 << 5, /* a terminal event was seen */
    TASK_WAITED = 1 << 6,   /* queue wait observed for the last start */
    TASK_OVERTAKEN =
        1 << 7, /* the start of the run came before its task-sent */
};

/* In place of the number of a label value: not known; or a name that
 * --task-include and --task-exclude leave out, whose events make no series. */
enum { TASK_NO_VALUE = 0xffffff, TASK_EXCLUDED = 0xfffffe };
#define TASK_NO_WORKER UINT32_MAX

/* Whether a task waits for a worker, see model/backlog.h. */
enum task_backlog {
    BACKLOG_NONE,
    BACKLOG_QUEUED, /* sent, not received */
    BACKLOG_HELD,   /* received, not started */
    BACKLOG_UNSURE, /* the same, if the next answer of its worker says so */
};

struct task {
    struct hash128 key;
    double sent; /* Unix seconds, NaN when unknown; so are the next two */
    double eta;
    double at;            /* received until started, then started */
    uint32_t name : 24;   /* number of the label value, or one of the above */
    uint32_t flags : 8;   /* enum task_flag */
    uint32_t queue : 24;  /* as name, never TASK_EXCLUDED */
    uint32_t retries : 5; /* of the run last announced, modulo 32 */
    uint32_t learnt : 1;  /* while TASK_RUNNING: by a reply, not by an event */
    uint32_t backlog : 2; /* enum task_backlog */
    union {
        uint32_t worker;     /* who runs it or received it last */
        uint32_t finished_s; /* our monotonic clock, while TASK_FINISHED */
    };
    uint32_t waiting; /* first of its events that wait for a name, 0 = none */
    uint32_t older;   /* neighbours in the order of use */
    uint32_t newer;
};

struct tasks;

/* Called with an entry that must make room, before it is gone. */
typedef void (*tasks_evict_fn)(void *ctx, struct task *task);

/* capacity: at least 1. */
struct tasks *tasks_new(size_t capacity, tasks_evict_fn evict, void *ctx);
void tasks_free(struct tasks *tasks);
/* Tasks go by the keyed hash of their ids. Finds or makes the entry, and marks
 * it as just used. The pointer is good until the next call that may make
 * one. */
struct task *tasks_get(struct tasks *tasks, struct hash128 key);
/* Finds the entry, or gives NULL; its place in the order of use stays. */
struct task *tasks_find(struct tasks *tasks, struct hash128 key);
/* Makes an entry, which must not be there yet, for what is only hearsay: it is
 * the first of the live ones to go, and no live one goes for it. NULL when
 * there is no room. */
struct task *tasks_add_hearsay(struct tasks *tasks, struct hash128 key);
/* Places an entry among the finished, or back among the live ones. */
void tasks_finish(struct tasks *tasks, struct task *task, uint32_t now_s);
void tasks_revive(struct tasks *tasks, struct task *task);
/* A number that leads back to the entry as long as it is in the table. */
uint32_t tasks_number(const struct tasks *tasks, const struct task *task);
struct task *tasks_at(struct tasks *tasks, uint32_t number);
/* Drops entries that finished before then, at most `max` of them a call. */
void tasks_expire(struct tasks *tasks, uint32_t before_s, size_t max);
/* Numbers of entries are below this; tasks_at then also gives entries that
 * are not in the table, as the call of evict left them. */
uint32_t tasks_nnumbers(const struct tasks *tasks);
size_t tasks_n(const struct tasks *tasks);
size_t tasks_capacity(const struct tasks *tasks);
uint64_t tasks_nevicted(const struct tasks *tasks);
