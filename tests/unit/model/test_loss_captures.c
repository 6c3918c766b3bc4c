/* Recorded runs of real workers, and how many tasks whose events they had lost
 * or not sent at all. A line is: milliseconds, type, nodename, pid, clock,
 * processed, the beginning of the task's id. A "silent" task is one that sends
 * no events, known from the worker's own record. */

#include <inttypes.h>

#include "../cases.h"
#include "rig.h"

const char suite_name[] = "loss captures";

static struct rig rig;

struct process {
    int64_t pid;
    int64_t clock;
    int64_t processed;
    int64_t silent;
};

static struct process processes[8];

static struct process *
process_of(int64_t pid)
{
    size_t i = 0;
    while (processes[i].pid != 0 && processes[i].pid != pid)
        i++;
    ck_assert_uint_lt(i, COUNT_OF(processes) - 1);
    processes[i].pid = pid;
    return &processes[i];
}

static enum event_type
type_of(const char *name)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        if (str_eq(event_type_name((enum event_type)i), str_from(name)))
            return (enum event_type)i;
    ck_abort_msg("no type %s", name);
}

static void
on_suspect(void *ctx, struct str nodename)
{
    (void)nodename;
    *(bool *)ctx = true;
}

static void
answer_suspects(const char *nodename)
{
    bool any = false;
    metrics_each_suspect(rig.metrics, on_suspect, &any);
    for (size_t i = 0; any && processes[i].pid != 0; i++) {
        const struct process *process = &processes[i];
        const struct pidbox_total totals[] = {
            {STR("proto.silent"), process->silent},
            {STR("demo.add"), process->processed - process->silent},
        };
        metrics_worker_stats(rig.metrics, str_from(nodename),
                             &(struct pidbox_stats){.pid = process->pid,
                                                    .clock = process->clock,
                                                    .processes = 1,
                                                    .uptime_s = -1,
                                                    .totals = totals,
                                                    .ntotals = 2},
                             rig.now);
    }
}

static void
replay_line(const char *line, int64_t start_ms)
{
    int64_t ms, pid, clock, processed;
    char type[32], nodename[64], id[16];
    ck_assert_int_eq(sscanf(line,
                            "%" SCNd64 " %31s %63s %" SCNd64 " %" SCNd64
                            " %" SCNd64 " %15s",
                            &ms, type, nodename, &pid, &clock, &processed, id),
                     7);
    rig_pass(&rig, (double)(start_ms + ms - rig.now.mono_ms) / 1000);
    struct process *process = process_of(pid);
    if (strcmp(type, "silent") == 0) {
        process->silent++;
        return;
    }
    process->clock = clock;
    if (processed >= 0)
        process->processed = processed;
    SEND(&rig, type_of(type), .hostname = str_from(nodename), .pid = pid,
         .clock = clock, .processed = processed, .uuid = str_from(id),
         .name = STR("demo.add"));
    answer_suspects(nodename);
}

static void
check_case(const struct test_case *c)
{
    const struct metrics_config config = rig_config();
    rig_open(&rig, &config);
    memset(processes, 0, sizeof(processes));
    const int64_t start_ms = rig.now.mono_ms;
    struct str events = case_file(c, "events");
    struct str want = case_file(c, "missed");
    struct str rest = events;
    struct str line;
    while (str_split(&rest, '\n', &line) && line.len > 0) {
        char text[256];
        snprintf(text, sizeof(text), "%.*s", STR_FMT(line));
        replay_line(text, start_ms);
    }
    rig_pass(&rig, 60);
    char got[32];
    snprintf(got, sizeof(got), "%.0f\n",
             rig_sum(&rig, "celery_exporter_missed_tasks_total{", NULL));
    case_expect(c, str_from(got), want);
    case_close(events);
    case_close(want);
    rig_close(&rig);
}

START_TEST(what_recorded_workers_lost_is_missed)
{
    case_walk("losses", check_case);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, what_recorded_workers_lost_is_missed);
}
