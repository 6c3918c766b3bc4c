#pragma once

/* The time between the reports of one worker process, cut into intervals, and
 * what came in each: sorted by the worker's clock, by arrival where there is
 * none. Some closed ones wait for what is late. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Closed intervals that wait; more become one. */
enum { INTERVALS_WAITING = 4 };

struct interval {
    int64_t growth; /* of what the process has processed */
    int64_t starts;
    int64_t clock; /* of the report at its end; -1 = it had none */
    int64_t closed_ms;
    bool events; /* task events of any kind */
    bool blind;  /* part of it we were not subscribed */
};

struct intervals {
    int64_t begin_clock; /* of the oldest one */
    int64_t open_clock;  /* of the open one; -1 = none known */
    struct interval open;
    struct interval closed[INTERVALS_WAITING]; /* oldest first */
    size_t nclosed;
};

/* The first interval begins now. */
void intervals_init(struct intervals *intervals, int64_t clock);
/* The interval that an event of that clock, -1 = none, belongs to; NULL for
 * one that is gone already. */
struct interval *intervals_at(struct intervals *intervals, int64_t clock);
void intervals_close(struct intervals *intervals, int64_t growth, int64_t clock,
                     int64_t now_ms);
/* Drops the oldest closed one. */
void intervals_drop(struct intervals *intervals);
/* We were not subscribed for some time up to now. */
void intervals_blind(struct intervals *intervals);
/* Processed, and not seen to start; less than 0 the other way round. */
int64_t interval_deficit(const struct interval *interval);
/* The same of all closed ones. */
int64_t intervals_deficit(const struct intervals *intervals);
/* Processed, heard from end to end, and no task event came. */
bool interval_is_silent(const struct interval *interval);
/* Whether any has task events. */
bool intervals_have_events(const struct intervals *intervals);
