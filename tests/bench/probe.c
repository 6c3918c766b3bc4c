/* How long a server keeps one waiting: probe PORT PATH SECONDS
 *
 * Asks for PATH every two milliseconds, on a connection of its own each time,
 * and prints how many answers came, and the longest and the 99th percentile of
 * the waits in milliseconds, as JSON. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"

enum { PAUSE_NS = 2000000, MOST = 1000000 };

static double
seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* To the last byte of an answer. */
static void
ask(const struct sockaddr_in *to, const char *path)
{
    static char answer[65536];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 ||
        dprintf(fd,
                "GET %s HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n",
                path) < 0) {
        perror("probe");
        exit(EXIT_FAILURE);
    }
    ssize_t total = 0;
    for (ssize_t n; (n = recv(fd, answer, sizeof(answer), 0)) > 0;)
        total += n;
    if (total == 0) {
        fputs("probe: no answer\n", stderr);
        exit(EXIT_FAILURE);
    }
    close(fd);
}

static int
by_size(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: probe PORT PATH SECONDS\n", stderr);
        return EXIT_FAILURE;
    }
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    double *waits = xcalloc(MOST, sizeof(*waits));
    size_t n = 0;
    const double end = seconds() + strtod(argv[3], NULL);
    do {
        const double began = seconds();
        ask(&to, argv[2]);
        waits[n++] = (seconds() - began) * 1e3;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    } while (n < MOST && seconds() < end);
    qsort(waits, n, sizeof(*waits), by_size);
    printf("{\"answers\": %zu, \"longest_ms\": %.3f, \"p99_ms\": %.3f}\n", n,
           waits[n - 1], waits[n * 99 / 100]);
    free(waits);
    return EXIT_SUCCESS;
}
