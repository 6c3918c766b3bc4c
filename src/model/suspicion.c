#include "model/suspicion.h"

enum {
    ANSWER_MS = 5 * 1000,
    SOLO_ANSWER_MS = 30 * 1000,
    /* No process is asked more often. */
    AGAIN_MS = 5 * 1000,
};

void
suspicion_init(struct suspicion *s)
{
    *s =
        (struct suspicion){.answer_clock = -1, .answer_ms = -1, .since_ms = -1};
}

void
suspicion_answer(struct suspicion *s, int64_t clock, bool is_solo,
                 int64_t now_ms)
{
    s->answer_clock = clock;
    s->answer_ms = now_ms;
    s->is_solo = is_solo;
}

bool
suspicion_is_answered(const struct suspicion *s,
                      const struct interval *interval)
{
    if (interval->clock >= 0 && s->answer_clock >= 0)
        return s->answer_clock >= interval->clock;
    return s->answer_ms >= interval->closed_ms;
}

bool
suspicion_has_waited(const struct suspicion *s, int64_t now_ms)
{
    return s->since_ms >= 0 &&
           now_ms - s->since_ms >= (s->is_solo ? SOLO_ANSWER_MS : ANSWER_MS);
}

void
suspicion_set(struct suspicion *s, bool suspect, int64_t now_ms)
{
    if (!suspect) {
        /* Its events were only late, most likely nobody asked. */
        if (s->since_ms >= 0 && s->answer_ms < s->since_ms)
            s->again_ms = now_ms;
        s->since_ms = -1;
    } else if (s->since_ms < 0 && now_ms >= s->again_ms) {
        s->since_ms = now_ms;
        s->again_ms = now_ms + AGAIN_MS;
    }
    s->is_open = s->since_ms >= 0 && !suspicion_has_waited(s, now_ms);
}
