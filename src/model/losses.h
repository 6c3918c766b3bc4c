#pragma once

/* Tasks that a worker process started and whose start was never seen: what its
 * reports, heartbeats with figures, say it has processed, against the
 * task-started events that came. An interval between reports is judged one
 * report late, as events may be.
 *
 * Not missed is what ran silently (send_events=False), and what ran while the
 * task events of the process were off. They were when it processed tasks in an
 * interval that we listened to from end to end, and sent no task event at
 * all. Nothing is missed of two processes that cannot be told apart. */

#include "model/intervals.h"
#include "model/silent_tasks.h"
#include "model/suspicion.h"
#include "model/twins.h"
#include "wire/event.h"

struct losses_config {
    struct silent_names names;
    /* When we subscribed first, and last, on our clock; -1 = not yet. */
    int64_t first_up_ms;
    int64_t up_ms;
};

enum losses_events {
    LOSSES_EVENTS_UNKNOWN,
    LOSSES_EVENTS_ON,
    LOSSES_EVENTS_OFF,
};

/* One process. Counts are of tasks. */
struct losses {
    int64_t processed;   /* of the last report; -1 before it, and of twins */
    int64_t began_at;    /* of the first one */
    int64_t began_clock; /* starts before it are not counted */
    int64_t nearly;      /* such starts */
    int64_t nlate;       /* starts since the last report, but long before it */
    int64_t up_ms;       /* last subscription before it was first heard */
    bool from_zero;      /* known from its very start */
    bool origin_told;    /* `stats` has said when it started */
    enum losses_events events;
    struct intervals intervals;
    int64_t deficit; /* judged; less than 0 when more starts came than tasks */
    int64_t pending; /* the same, if its task events turn out to be on */
    int64_t missed;  /* the most that the deficit has been */
    int64_t fresh;   /* missed and not yet taken */
    struct silent_tasks silent;
    struct suspicion suspicion;
    struct twins twins;
};

void losses_init(struct losses *losses, const struct losses_config *config);
void losses_close(struct losses *losses);
/* A task event of the process, no exact repeat. */
void losses_task_event(struct losses *losses, const struct event *ev);
/* A worker-online, -heartbeat or -offline, no exact repeat. Gives how many
 * tasks more the process has processed: all of them, the first time. Of twins
 * at most that. What it gives in all never wraps. */
int64_t losses_report(struct losses *losses, const struct losses_config *config,
                      const struct event *ev, int64_t now_ms);
/* Its reply to `stats`. */
void losses_stats(struct losses *losses, const struct losses_config *config,
                  const struct pidbox_stats *stats, int64_t now_ms);
/* We were not subscribed for some time up to now. */
void losses_blind(struct losses *losses);
/* Judges what is due. gone: it will answer nothing any more. */
void losses_judge(struct losses *losses, bool gone, int64_t now_ms);
/* How many tasks were missed since the last call. */
int64_t losses_take(struct losses *losses);
/* Tasks are unaccounted for, and `stats` would tell which ran silently. */
bool losses_is_suspect(const struct losses *losses);
/* Its task events are off, and none has come since. */
bool losses_is_mute(const struct losses *losses);
