#include "app/errands.h"

enum {
    /* A worker is seen some time before it listens to commands: it says
     * worker-online first, then looks for its neighbours for a second, and
     * takes its first tasks right before it listens. Their queue is to be
     * known while they wait for it, so it is asked often at first. */
    NEW_QUESTIONS = 1 << ASK_STATS | 1 << ASK_QUEUES | 1 << ASK_ACTIVE |
                    1 << ASK_RESERVED | 1 << ASK_SCHEDULED |
                    1 << ASK_REGISTERED,
    TRIES = 10,
    HASTY_TRIES = 6, /* of these, the first */
    HASTY_PAUSE_MS = 100,
    HASTY_REPLY_MS = 250, /* an idle worker takes a tenth of that */
    PAUSE_MS = 1000,
    REPLY_MS = 1000,
    SUSPECTS_MS = 1000, /* how often they are looked for */
    /* A suspect that does not answer is left alone for a while. */
    UNANSWERED_MS = 10 * 1000,
};

void
errands_init(struct errands *errands, const struct options *options,
             struct metrics *metrics, struct roster *roster, struct now now)
{
    *errands = (struct errands){
        .options = options,
        .metrics = metrics,
        .roster = roster,
        .due_ms = now.mono_ms + SUSPECTS_MS,
        .suspects_ms = now.mono_ms,
    };
}

void
errands_saw(struct errands *errands, struct str nodename, struct now now)
{
    struct roster_node *node = roster_find_or_add(errands->roster, nodename);
    if (node == NULL)
        return;
    node->ntries = TRIES;
    node->stats_due_ms = node->events_due_ms = 0;
    /* What it has said a moment ago still holds. */
    if (!roster_in_round(errands->roster, node))
        node->answered = 0;
    const int64_t due_ms = now.mono_ms + HASTY_PAUSE_MS;
    if (due_ms < errands->due_ms)
        errands->due_ms = due_ms;
}

static unsigned
still_open(const struct errands *errands, const struct roster_node *node)
{
    /* It is the same to a worker how often it is told: events that are on
     * stay on. So every new one is told, whether it needs it or not. */
    const unsigned questions = errands->options->enable_events_s > 0
                                   ? NEW_QUESTIONS | 1U << ASK_ENABLE_EVENTS
                                   : NEW_QUESTIONS;
    return node->ntries > 0 ? questions & ~node->answered : 0;
}

struct search {
    struct errands *errands;
    struct now now;
    bool any;
};

static void
want(struct search *search, struct roster_node *node, unsigned questions)
{
    node->wanted |= questions;
    search->any = search->any || questions != 0;
}

static struct roster_node *
find(const struct search *search, struct str nodename)
{
    return roster_find_or_add(search->errands->roster, nodename);
}

static void
on_suspect(void *ctx, struct str nodename)
{
    struct search *search = ctx;
    struct roster_node *node = find(search, nodename);
    if (node == NULL || search->now.mono_ms < node->stats_due_ms)
        return;
    node->stats_due_ms = search->now.mono_ms + UNANSWERED_MS;
    want(search, node, 1U << ASK_STATS);
}

static void
on_mute(void *ctx, struct str nodename)
{
    struct search *search = ctx;
    struct roster_node *node = find(search, nodename);
    if (node == NULL || search->now.mono_ms < node->events_due_ms)
        return;
    node->events_due_ms =
        search->now.mono_ms + 1000 * search->errands->options->enable_events_s;
    want(search, node, 1U << ASK_ENABLE_EVENTS);
}

static void
want_new(struct search *search)
{
    struct errands *errands = search->errands;
    errands->ntries = 0;
    for (size_t i = 0; i < errands->roster->n; i++) {
        struct roster_node *node = &errands->roster->items[i];
        const unsigned questions = still_open(errands, node);
        if (questions == 0) {
            node->ntries = 0;
            continue;
        }
        want(search, node, questions);
        if (node->ntries > errands->ntries)
            errands->ntries = node->ntries;
        node->ntries--;
    }
}

bool
errands_want(struct errands *errands, struct now now)
{
    struct search search = {.errands = errands, .now = now};
    want_new(&search);
    if (now.mono_ms - errands->suspects_ms >= SUSPECTS_MS) {
        errands->suspects_ms = now.mono_ms;
        metrics_each_suspect(errands->metrics, on_suspect, &search);
        if (errands->options->enable_events_s > 0)
            metrics_each_mute(errands->metrics, on_mute, &search);
    }
    return search.any;
}

static bool
is_hasty(unsigned ntries)
{
    return ntries > TRIES - HASTY_TRIES;
}

uint64_t
errands_patience_ms(const struct errands *errands)
{
    return is_hasty(errands->ntries) ? HASTY_REPLY_MS : REPLY_MS;
}

static void
settle_node(struct errands *errands, struct roster_node *node, struct now now)
{
    const int64_t again_ms = now.mono_ms + SUSPECTS_MS;
    if (roster_in_round(errands->roster, node) &&
        node->nreplies[ASK_STATS] > 0 && node->stats_due_ms > again_ms)
        node->stats_due_ms = again_ms;
    if (still_open(errands, node) == 0)
        node->ntries = 0;
}

void
errands_settle(struct errands *errands, bool sent, struct now now)
{
    unsigned ntries = 0;
    for (size_t i = 0; i < errands->roster->n; i++) {
        struct roster_node *node = &errands->roster->items[i];
        if (!sent && node->wanted != 0 && node->ntries < TRIES)
            node->ntries++;
        settle_node(errands, node, now);
        if (node->ntries > ntries)
            ntries = node->ntries;
    }
    const int64_t pause_ms = is_hasty(ntries) ? HASTY_PAUSE_MS : PAUSE_MS;
    errands->due_ms = now.mono_ms + pause_ms;
}
