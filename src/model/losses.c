#include "model/losses.h"

enum {
    /* The heartbeat is sent at once, while task events that are older may
     * still wait in the worker's buffer. */
    SETTLE_MS = 1000,
    /* Where no report follows: after a goodbye, and else longer than it takes
     * to notice that our connection died. */
    GOODBYE_MS = 5 * 1000,
    ALONE_MS = 12 * 1000,
    /* Uptimes are told in whole seconds, and replies take a while. */
    UPTIME_SLACK_MS = 3 * 1000,
};

/* No worker has started more tasks than this. */
#define MAX_PROCESSED (INT64_C(1) << 53)
/* Thirty years. */
#define MAX_UPTIME_S INT64_C(1000000000)

void
losses_init(struct losses *l, const struct losses_config *config)
{
    *l = (struct losses){
        .processed = -1,
        .began_clock = -1,
        .up_ms = config->up_ms,
    };
    intervals_init(&l->intervals, -1);
    suspicion_init(&l->suspicion);
    twins_init(&l->twins);
}

void
losses_close(struct losses *l)
{
    silent_tasks_close(&l->silent);
}

/* ---- events and reports ---- */

/* Of an interval that was judged: it comes off the sum of all. */
static void
count_late(struct losses *l, int64_t clock)
{
    l->nlate++;
    if (clock < l->began_clock)
        l->nearly++;
    else if (l->events != LOSSES_EVENTS_OFF)
        l->deficit--;
}

void
losses_task_event(struct losses *l, const struct event *ev)
{
    const bool started = ev->type == EVENT_TASK_STARTED;
    struct intervals *intervals = &l->intervals;
    struct interval *interval = intervals_at(intervals, ev->clock);
    if (l->processed < 0) {
        l->nearly += started;
        intervals->open.events = true;
    } else if (interval == NULL) {
        intervals->open.events = true;
        if (started)
            count_late(l, ev->clock);
    } else {
        interval->events = true;
        interval->starts += started;
        /* By arrival it may belong to the one before as well. */
        if (ev->clock < 0 && intervals->nclosed > 0)
            intervals->closed[intervals->nclosed - 1].events = true;
    }
}

static bool
goes_back(const struct losses *l, const struct event *ev)
{
    return ev->clock >= 0 && ev->clock < l->intervals.open_clock;
}

/* Another process of the same nodename and pid, as in containers: one after the
 * other, or both at once. */
static bool
is_another(const struct losses *l, const struct event *ev)
{
    return ev->processed < l->processed ||
           (goes_back(l, ev) &&
            (ev->processed > l->processed || ev->type == EVENT_WORKER_ONLINE));
}

static void
start_over(struct losses *l, const struct losses_config *config)
{
    const int64_t fresh = l->fresh;
    const int64_t nearly = l->intervals.open.starts + l->nlate;
    const struct twins twins = l->twins;
    losses_close(l);
    losses_init(l, config);
    l->fresh = fresh;
    l->nearly = nearly;
    l->twins = twins;
}

/* A restart says worker-online, unless we were not there to hear it. What
 * waits to be judged may be the other one's otherwise. */
static void
replace(struct losses *l, const struct losses_config *config,
        const struct event *ev, int64_t now_ms)
{
    const bool falls = ev->processed < l->processed;
    if (ev->type == EVENT_WORKER_ONLINE || l->intervals.open.blind)
        losses_judge(l, true, INT64_MAX);
    else
        twins_fall(&l->twins, falls ? l->processed : INT64_MAX, now_ms);
    start_over(l, config);
}

static void
begin(struct losses *l, const struct event *ev, int64_t now_ms)
{
    if (l->intervals.open.events)
        l->events = LOSSES_EVENTS_ON;
    l->processed = l->began_at = ev->processed;
    intervals_init(&l->intervals, ev->clock);
    if (ev->type == EVENT_WORKER_ONLINE && ev->processed == 0)
        l->from_zero = true;
    if (!l->from_zero) {
        l->began_clock = ev->clock;
        return;
    }
    silent_tasks_begin(&l->silent);
    if (ev->processed == 0)
        return;
    /* Its worker-online was not heard. */
    l->intervals.open.starts = l->nearly;
    l->intervals.open.blind = true;
    intervals_close(&l->intervals, ev->processed, ev->clock, now_ms);
}

/* Nothing is known of their intervals: they begin once there is one of them. */
static int64_t
report_twins(struct losses *l, const struct losses_config *config,
             const struct event *ev, int64_t now_ms)
{
    twins_watch(&l->twins, ev->processed, ev->type == EVENT_WORKER_ONLINE,
                now_ms);
    if (!l->twins.found) {
        start_over(l, config);
        l->origin_told = true;
        begin(l, ev, now_ms);
    }
    return twins_count_found(&l->twins, ev->processed);
}

static void
look_for_twins(struct losses *l, const struct losses_config *config,
               const struct event *ev, int64_t now_ms)
{
    if (is_another(l, ev))
        replace(l, config, ev, now_ms);
    else
        twins_rise(&l->twins, ev->processed, now_ms);
    if (l->twins.found)
        start_over(l, config);
}

int64_t
losses_report(struct losses *l, const struct losses_config *config,
              const struct event *ev, int64_t now_ms)
{
    if (ev->processed < 0 || ev->processed > MAX_PROCESSED)
        return 0;
    if (l->processed >= 0)
        look_for_twins(l, config, ev, now_ms);
    if (l->twins.found)
        return report_twins(l, config, ev, now_ms);
    if (l->processed < 0) {
        begin(l, ev, now_ms);
        return twins_count(&l->twins, ev->processed);
    }
    if (goes_back(l, ev))
        return 0;
    const int64_t growth = ev->processed - l->processed;
    intervals_close(&l->intervals, growth, ev->clock, now_ms);
    l->processed = ev->processed;
    l->nlate = 0;
    return twins_count(&l->twins, growth);
}

void
losses_blind(struct losses *l)
{
    intervals_blind(&l->intervals);
}

/* ---- what `stats` tells ---- */

/* A process that started while we were blind is known from zero all the same.
 * One that we should have heard come is not believed: its clock was set. */
static void
learn_origin(struct losses *l, const struct losses_config *config,
             const struct pidbox_stats *stats, int64_t now_ms)
{
    if (l->origin_told || stats->uptime_s < 0 || stats->uptime_s > MAX_UPTIME_S)
        return;
    l->origin_told = true;
    const int64_t start_ms = now_ms - 1000 * stats->uptime_s;
    if (l->from_zero || start_ms <= config->first_up_ms + UPTIME_SLACK_MS ||
        start_ms >= l->up_ms + UPTIME_SLACK_MS)
        return;
    l->from_zero = true;
    if (l->processed < 0)
        return;
    silent_tasks_begin(&l->silent);
    l->began_clock = -1;
    if (l->events == LOSSES_EVENTS_ON)
        l->deficit += l->began_at - l->nearly;
    else if (l->events == LOSSES_EVENTS_UNKNOWN)
        l->pending += l->began_at - l->nearly;
}

/* Neither seen nor silent nor counted as missed, with so many more. */
static int64_t
unaccounted(const struct losses *l, int64_t more)
{
    return l->deficit + more - silent_tasks_n(&l->silent) - l->missed;
}

static void
settle(struct losses *l, int64_t deficit)
{
    l->deficit += deficit;
    const int64_t over = unaccounted(l, 0);
    if (over <= 0)
        return;
    l->missed += over;
    l->fresh += over;
}

void
losses_stats(struct losses *l, const struct losses_config *config,
             const struct pidbox_stats *stats, int64_t now_ms)
{
    learn_origin(l, config, stats, now_ms);
    suspicion_answer(&l->suspicion, stats->clock,
                     str_eq(stats->pool, STR("solo")), now_ms);
    if (l->processed < 0 || l->events == LOSSES_EVENTS_OFF)
        return;
    const struct intervals *ivs = &l->intervals;
    const int64_t grown = silent_tasks_total(stats) - l->processed;
    silent_tasks_update(&l->silent, &config->names, stats,
                        unaccounted(l, l->pending + intervals_deficit(ivs) -
                                           ivs->open.starts +
                                           (grown > 0 ? grown : 0)));
    /* A name may have turned out to have events. */
    if (l->events == LOSSES_EVENTS_ON)
        settle(l, 0);
}

/* ---- the judgement ---- */

static bool
is_ripe(const struct losses *l, size_t i, bool gone, int64_t now_ms)
{
    const int64_t age_ms = now_ms - l->intervals.closed[i].closed_ms;
    if (i + 1 < l->intervals.nclosed)
        return age_ms >= SETTLE_MS;
    return age_ms >= (gone ? GOODBYE_MS : ALONE_MS);
}

/* From here on all is counted anew: whatever ran silently meanwhile is not
 * known. */
static void
count_anew(struct losses *l, enum losses_events events)
{
    l->events = events;
    l->deficit = l->pending = l->missed = 0;
    silent_tasks_forget(&l->silent);
}

enum verdict {
    VERDICT_WAIT,
    VERDICT_OFF,
    VERDICT_COUNT,
};

/* What the closed interval, up to which so many tasks wait, is when events
 * were on before it. */
static enum verdict
verdict_on(const struct losses *l, size_t i, int64_t deficit, bool gone,
           int64_t now_ms)
{
    const struct interval *interval = &l->intervals.closed[i];
    if (!is_ripe(l, i, gone, now_ms))
        return VERDICT_WAIT;
    if (unaccounted(l, deficit) <= 0)
        return VERDICT_COUNT;
    if (!gone && !suspicion_is_answered(&l->suspicion, interval) &&
        !suspicion_has_waited(&l->suspicion, now_ms))
        return VERDICT_WAIT;
    return interval_is_silent(interval) ? VERDICT_OFF : VERDICT_COUNT;
}

/* Events that went off in the middle of an interval show in the next one. */
static enum verdict
verdict_off_next(const struct losses *l, int64_t deficit, bool gone,
                 int64_t now_ms)
{
    if (deficit <= 0 || l->intervals.closed[0].blind ||
        l->intervals.nclosed < 2 ||
        !interval_is_silent(&l->intervals.closed[1]))
        return VERDICT_COUNT;
    return verdict_on(l, 1, deficit + interval_deficit(&l->intervals.closed[1]),
                      gone, now_ms);
}

/* One that runs silent tasks and cannot be asked any more most likely ran
 * some. */
static void
settle_first(struct losses *l, int64_t deficit, bool gone)
{
    const int64_t over = unaccounted(l, deficit);
    if (over > 0 && gone && l->silent.any &&
        !suspicion_is_answered(&l->suspicion, &l->intervals.closed[0]))
        l->silent.done += over;
    l->events = LOSSES_EVENTS_ON;
    l->pending = 0;
    settle(l, deficit);
}

static bool
judge_on(struct losses *l, bool gone, int64_t now_ms)
{
    const int64_t deficit =
        interval_deficit(&l->intervals.closed[0]) + l->pending;
    enum verdict verdict = verdict_on(l, 0, deficit, gone, now_ms);
    if (verdict == VERDICT_COUNT)
        verdict = verdict_off_next(l, deficit, gone, now_ms);
    switch (verdict) {
    case VERDICT_WAIT:
        return false;
    case VERDICT_OFF:
        count_anew(l, LOSSES_EVENTS_OFF);
        return true;
    case VERDICT_COUNT:
        settle_first(l, deficit, gone);
        return true;
    }
    return true;
}

/* Whether the oldest interval is done with. */
static bool
judge_first(struct losses *l, bool gone, int64_t now_ms)
{
    const struct interval *first = &l->intervals.closed[0];
    if (l->events == LOSSES_EVENTS_ON ||
        (l->events == LOSSES_EVENTS_UNKNOWN && first->events))
        return judge_on(l, gone, now_ms);
    if (!is_ripe(l, 0, gone, now_ms))
        return false;
    if (l->events == LOSSES_EVENTS_OFF) {
        if (first->events)
            count_anew(l, LOSSES_EVENTS_ON);
    } else if (interval_is_silent(first)) {
        count_anew(l, LOSSES_EVENTS_OFF);
    } else {
        l->pending += interval_deficit(first);
    }
    return true;
}

static bool
wants_stats(const struct losses *l)
{
    const struct intervals *ivs = &l->intervals;
    if (l->events == LOSSES_EVENTS_OFF || ivs->nclosed == 0)
        return false;
    if (l->events != LOSSES_EVENTS_ON && !intervals_have_events(ivs))
        return false;
    return unaccounted(l, l->pending + intervals_deficit(ivs)) > 0 &&
           !suspicion_is_answered(&l->suspicion,
                                  &ivs->closed[ivs->nclosed - 1]);
}

void
losses_judge(struct losses *l, bool gone, int64_t now_ms)
{
    while (l->intervals.nclosed > 0 && judge_first(l, gone, now_ms))
        intervals_drop(&l->intervals);
    suspicion_set(&l->suspicion, !gone && wants_stats(l), now_ms);
}

int64_t
losses_take(struct losses *l)
{
    const int64_t fresh = l->fresh;
    l->fresh = 0;
    return fresh;
}

bool
losses_is_suspect(const struct losses *l)
{
    return l->suspicion.is_open;
}

bool
losses_is_mute(const struct losses *l)
{
    return l->events == LOSSES_EVENTS_OFF &&
           !intervals_have_events(&l->intervals);
}
