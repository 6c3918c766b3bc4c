/* Publishes the events of a cluster of workers: storm [OPTION...] WHERE
 *
 * WHERE is redis:PORT, amqp:PORT, or redis:FILE, amqp:FILE for a file of what
 * a subscriber or consumer would have read. All of it is made before the first
 * byte is sent, as fast as the broker takes it or at a steady rate. With
 * --wait, only the workers come online; then "ready" is printed, and a line on
 * standard input begins the rest.
 * Printed in the end, as JSON: how many messages and events that was, how long
 * it took, and what must have been counted, [family, name, host, exception, n]
 * a line. */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "event_text.h"
#include "target.h"
#include "wrap.h"

struct storm {
    struct stream_config stream;
    double rate; /* messages a second; 0 = as fast as possible */
    bool wait;
    bool file;
    bool redis;
    const char *where;
};

static double
seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* How many messages of nmost may have been sent by now. */
static size_t
due(const struct storm *storm, size_t nmost, double began)
{
    if (storm->rate <= 0)
        return nmost;
    const double n = (seconds(CLOCK_MONOTONIC) - began) * storm->rate + 1;
    return n < (double)nmost ? (size_t)n : nmost;
}

/* Redis answers each command in a line; returns how many lines came. */
static size_t
read_answers(int fd)
{
    static char bytes[65536];
    const ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN)
        die("the broker");
    size_t n = 0;
    for (ssize_t i = 0; i < got; i++)
        n += bytes[i] == '\n';
    return n;
}

static size_t
send_some(int fd, const struct wrapped *w, size_t sent, size_t until)
{
    const ssize_t n = send(fd, w->bytes.ptr + sent, until - sent,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        die("the broker");
    return n < 0 ? 0 : (size_t)n;
}

/* From message number `from` up to `to`, and waits until the broker has them.
 */
static void
publish(const struct storm *storm, struct target *target,
        const struct wrapped *w, size_t from, size_t to)
{
    const double began = seconds(CLOCK_MONOTONIC);
    const size_t nanswers = storm->redis ? to - from : 0;
    const size_t end = w->ends[to - 1];
    size_t sent = from == 0 ? 0 : w->ends[from - 1];
    size_t answered = 0;
    struct pollfd fd = {.fd = target_fd(target)};
    while (sent < end || answered < nanswers) {
        const size_t n = from + due(storm, to - from, began);
        const size_t until = w->ends[n - 1];
        fd.events =
            (short)((storm->redis ? POLLIN : 0) | (sent < until ? POLLOUT : 0));
        poll(&fd, 1, n < to ? 1 : 1000);
        if (fd.revents & POLLIN)
            answered += read_answers(fd.fd);
        if (fd.revents & POLLOUT)
            sent += send_some(fd.fd, w, sent, until);
        if (fd.revents & (POLLHUP | POLLERR)) {
            fputs("the broker has ended the connection\n", stderr);
            exit(EXIT_FAILURE);
        }
    }
    if (!target_settle(target))
        exit(EXIT_FAILURE);
}

static void
write_file(const struct storm *storm, const struct wrapped *w)
{
    FILE *file = fopen(strchr(storm->where, ':') + 1, "wb");
    if (file == NULL || fwrite(w->bytes.ptr, w->bytes.len, 1, file) != 1 ||
        fclose(file) != 0)
        die(storm->where);
}

static void
print_count(const char *comma, struct str kind, size_t name, struct str host,
            struct str exception, uint64_t n)
{
    struct buf text;
    buf_init(&text, 0);
    event_add_name(&text, name);
    printf("%s\n[\"celery_task_%.*s_total\", \"%.*s\", \"%.*s\", \"%.*s\", "
           "%llu]",
           comma, STR_FMT(kind), STR_FMT(buf_str(&text)), STR_FMT(host),
           STR_FMT(exception), (unsigned long long)n);
    buf_close(&text);
}

static void
print_counts(const struct stream_config *config,
             const struct stream_truth *truth)
{
    const char *comma = "";
    for (size_t i = 0; i < config->nworkers * config->nnames; i++) {
        const size_t worker = i / config->nnames;
        const size_t name = i % config->nnames;
        struct buf node;
        buf_init(&node, 0);
        event_add_nodename(&node, worker);
        const size_t at = str_find(buf_str(&node), '@') + 1;
        const struct str host = str_slice(buf_str(&node), at, node.len);
        for (enum stream_kind kind = 0; kind < STREAM_NKINDS; kind++) {
            const uint64_t n = stream_count(config, truth, worker, name, kind);
            if (n == 0)
                continue;
            print_count(comma, stream_kind_name(kind), name,
                        kind == STREAM_SENT ? STR(STREAM_CLIENT) : host,
                        kind < STREAM_FAILED ? STR("") : stream_exception(kind),
                        n);
            comma = ",";
        }
        buf_close(&node);
    }
}

static size_t
whole(const char *text)
{
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0) {
        fprintf(stderr, "storm: not a number above 0: %s\n", text);
        exit(EXIT_FAILURE);
    }
    return value;
}

static void
usage(void)
{
    fputs("usage: storm [--tasks N] [--names N] [--workers N] [--batch N]\n"
          "  [--in-flight N] [--failed SHARE] [--retried SHARE] [--sent]\n"
          "  [--cover] [--unfinished] [--seed N] [--start UNIX_SECONDS]\n"
          "  [--rate MESSAGES_PER_SECOND] [--wait]\n"
          "  redis:PORT | amqp:PORT | redis:FILE | amqp:FILE\n",
          stderr);
    exit(EXIT_FAILURE);
}

enum option_id {
    TASKS,
    NAMES,
    WORKERS,
    BATCH,
    IN_FLIGHT,
    FAILED,
    RETRIED,
    SENT,
    COVER,
    UNFINISHED,
    SEED,
    START,
    RATE,
    WAIT,
};

static void
take_option(struct storm *storm, int id)
{
    struct stream_config *c = &storm->stream;
    switch (id) {
    case TASKS:
        c->ntasks = whole(optarg);
        break;
    case NAMES:
        c->nnames = whole(optarg);
        break;
    case WORKERS:
        c->nworkers = whole(optarg);
        break;
    case BATCH:
        c->batch_most = whole(optarg);
        break;
    case IN_FLIGHT:
        c->nlanes = whole(optarg);
        break;
    case FAILED:
        c->failed = strtod(optarg, NULL);
        break;
    case RETRIED:
        c->retried = strtod(optarg, NULL);
        break;
    case SENT:
        c->sent = true;
        break;
    case COVER:
        c->cover = true;
        break;
    case UNFINISHED:
        c->unfinished = true;
        break;
    case SEED:
        c->seed = whole(optarg);
        break;
    case START:
        c->start_us = whole(optarg) * 1000000;
        break;
    case RATE:
        storm->rate = strtod(optarg, NULL);
        break;
    case WAIT:
        storm->wait = true;
        break;
    default:
        usage();
    }
}

static void
parse(struct storm *storm, int argc, char **argv)
{
    static const struct option options[] = {
        {"tasks", required_argument, NULL, TASKS},
        {"names", required_argument, NULL, NAMES},
        {"workers", required_argument, NULL, WORKERS},
        {"batch", required_argument, NULL, BATCH},
        {"in-flight", required_argument, NULL, IN_FLIGHT},
        {"failed", required_argument, NULL, FAILED},
        {"retried", required_argument, NULL, RETRIED},
        {"sent", no_argument, NULL, SENT},
        {"cover", no_argument, NULL, COVER},
        {"unfinished", no_argument, NULL, UNFINISHED},
        {"seed", required_argument, NULL, SEED},
        {"start", required_argument, NULL, START},
        {"rate", required_argument, NULL, RATE},
        {"wait", no_argument, NULL, WAIT},
        {0},
    };
    for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
        take_option(storm, id);
    if (optind + 1 != argc || strchr(argv[optind], ':') == NULL)
        usage();
    storm->where = argv[optind];
    storm->redis = strncmp(storm->where, "redis:", 6) == 0;
    const char *place = strchr(storm->where, ':') + 1;
    storm->file = place[strspn(place, "0123456789")] != '\0';
}

static enum wrap_form
form_of(const struct storm *storm)
{
    if (storm->file)
        return storm->redis ? WRAP_PMESSAGE : WRAP_DELIVER;
    return storm->redis ? WRAP_PUBLISH : WRAP_BASIC_PUBLISH;
}

static void
wait_for_go(void)
{
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF)
        exit(EXIT_FAILURE);
}

int
main(int argc, char **argv)
{
    struct storm storm = {
        .stream = {.ntasks = 20000,
                   .nnames = 50,
                   .nworkers = 10,
                   .nlanes = 1000,
                   .batch_most = 20,
                   .failed = 0.05,
                   .retried = 0.03,
                   .start_us = (uint64_t)seconds(CLOCK_REALTIME) * 1000000,
                   .seed = 1},
    };
    parse(&storm, argc, argv);
    struct target *target = NULL;
    if (!storm.file && (target = target_open(storm.where)) == NULL)
        return EXIT_FAILURE;
    struct wrapped wrapped;
    struct stream_truth truth;
    wrapped_init(&wrapped, form_of(&storm));
    stream_run(&storm.stream, &truth, wrap, &wrapped);

    size_t from = 0;
    if (storm.wait && target != NULL) {
        from = storm.stream.nworkers;
        publish(&storm, target, &wrapped, 0, from);
        wait_for_go();
    }
    const double began = seconds(CLOCK_MONOTONIC);
    if (storm.file)
        write_file(&storm, &wrapped);
    else
        publish(&storm, target, &wrapped, from, wrapped.n);

    printf("{\"messages\": %zu, \"events\": %zu, \"bytes\": %zu, "
           "\"seconds\": %.6f, \"runtimes\": %zu, \"runtime_s\": %.9f, "
           "\"counts\": [",
           truth.nmessages, truth.nevents, wrapped.bytes.len,
           seconds(CLOCK_MONOTONIC) - began, truth.nruntimes, truth.runtime_s);
    print_counts(&storm.stream, &truth);
    puts("]}");
    stream_truth_close(&truth);
    wrapped_close(&wrapped);
    target_close(target);
    return EXIT_SUCCESS;
}
