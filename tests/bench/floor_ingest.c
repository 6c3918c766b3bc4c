/* What a program at least costs that takes events from a broker, counts them
 * by type, name, host and exception, and shows a page of that:
 *
 *   floor_ingest redis:PORT|amqp:PORT HTTP_PORT
 *   floor_ingest redis:FILE|amqp:FILE           prints ns of an event
 *
 * No validation, no limits, no reconnects, no rules beyond a count for each
 * event. What a real exporter may cost is told as a multiple of this one. */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "cpu.h"
#include "floor_count.h"
#include "target.h"

enum { ROOM = 1 << 18, FRAME_HEAD = 7, FRAME_BODY = 3 };

struct floor {
    struct floor_count *count;
    char *body; /* decoded */
    char *bytes;
    size_t len;
};

static void
take_payload(struct floor *f, const char *payload, size_t len)
{
    const size_t begin = strlen("{\"body\": \"");
    const char *end = memchr(payload + begin, '"', len - begin);
    floor_base64(f->body, payload + begin, (size_t)(end - payload) - begin);
    floor_scan(f->body, floor_count_event, f->count);
}

/* The number of "$12\r\n"; NULL when the line is not all there. */
static const char *
read_line(const char *p, const char *end, size_t *out)
{
    size_t n = 0;
    for (p++; p < end && *p != '\r'; p++)
        n = n * 10 + (size_t)(*p - '0');
    *out = n;
    return end - p < 2 ? NULL : p + 2;
}

/* One array of strings, whose last is the payload; NULL as above. */
static const char *
take_push(struct floor *f, const char *p, const char *end)
{
    size_t nitems = 0;
    size_t len = 0;
    const char *item = NULL;
    p = read_line(p, end, &nitems);
    for (size_t i = 0; i < nitems && p != NULL && p < end; i++) {
        item = p = read_line(p, end, &len);
        if (p == NULL || (size_t)(end - p) < len + 2)
            return NULL;
        p += len + 2;
        if (i + 1 < nitems)
            continue;
        take_payload(f, item, len);
        return p;
    }
    return NULL;
}

/* One frame; only bodies matter, and each is in one. */
static const char *
take_frame(struct floor *f, const char *p, const char *end)
{
    unsigned char head[FRAME_HEAD];
    if (end - p < FRAME_HEAD)
        return NULL;
    memcpy(head, p, FRAME_HEAD);
    const size_t len = (size_t)head[3] << 24 | (size_t)head[4] << 16 |
                       (size_t)head[5] << 8 | head[6];
    if ((size_t)(end - p) < FRAME_HEAD + len + 1)
        return NULL;
    if (head[0] == FRAME_BODY)
        floor_scan(p + FRAME_HEAD, floor_count_event, f->count);
    return p + FRAME_HEAD + len + 1;
}

/* Takes what is complete; the rest moves to the front. */
static void
take(struct floor *f, bool redis)
{
    const char *p = f->bytes;
    const char *end = p + f->len;
    for (const char *next = p; next != NULL && p < end;) {
        next = redis ? take_push(f, p, end) : take_frame(f, p, end);
        p = next != NULL ? next : p;
    }
    f->len = (size_t)(end - p);
    memmove(f->bytes, p, f->len);
}

static void
die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static int
listen_on(const char *port)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(fd, 16) != 0)
        die("listen");
    return fd;
}

/* Whatever was asked, the answer is the page. */
static void
answer(const struct floor *f, int listener)
{
    static char request[4096];
    struct buf page;
    const int fd = accept(listener, NULL, NULL);
    if (fd < 0 || recv(fd, request, sizeof(request), 0) <= 0) {
        close(fd);
        return;
    }
    buf_init(&page, 0);
    floor_count_page(f->count, &page);
    dprintf(fd,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
            "Content-Length: %zu\r\nConnection: close\r\n\r\n",
            page.len);
    for (size_t sent = 0; sent < page.len;) {
        const ssize_t n =
            send(fd, page.ptr + sent, page.len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    buf_close(&page);
    close(fd);
}

/* Until a signal ends it. */
static _Noreturn void
serve(struct floor *f, struct target *target, int listener)
{
    struct pollfd fds[] = {
        {.fd = target_fd(target), .events = POLLIN},
        {.fd = listener, .events = POLLIN},
    };
    for (;;) {
        poll(fds, 2, -1);
        if (fds[0].revents != 0) {
            const ssize_t n =
                recv(fds[0].fd, f->bytes + f->len, ROOM - f->len, 0);
            if (n <= 0)
                fds[0].fd = -1; /* cut off; what was counted can be seen */
            f->len += n > 0 ? (size_t)n : 0;
            take(f, target_is_redis(target));
        }
        if (fds[1].revents != 0)
            answer(f, listener);
    }
}

/* Where it lies. */
static void
replay(struct floor *f, bool redis)
{
    const double began = cpu_seconds();
    take(f, redis);
    const double took = cpu_seconds() - began;
    const size_t nevents = floor_count_nevents(f->count);
    printf("floor: %zu events, %.0f ns CPU an event\n", nevents,
           took * 1e9 / (double)nevents);
}

static void
read_file(struct floor *f, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die(path);
    f->len = (size_t)ftell(file);
    rewind(file);
    f->bytes = xrealloc(f->bytes, f->len + FLOOR_PADDING, 1);
    if (fread(f->bytes, f->len, 1, file) != 1)
        die(path);
    fclose(file);
}

int
main(int argc, char **argv)
{
    if (argc < 2 || strchr(argv[1], ':') == NULL) {
        fputs("usage: floor_ingest redis:PORT|amqp:PORT HTTP_PORT\n"
              "       floor_ingest redis:FILE|amqp:FILE\n",
              stderr);
        return EXIT_FAILURE;
    }
    struct floor f = {
        .count = floor_count_new(),
        .bytes = xcalloc(1, ROOM + FLOOR_PADDING),
        .body = xcalloc(1, ROOM + FLOOR_PADDING),
    };
    if (argc == 2) {
        read_file(&f, strchr(argv[1], ':') + 1);
        replay(&f, argv[1][0] == 'r');
    } else {
        struct target *target = target_open(argv[1]);
        if (target == NULL || !target_subscribe(target))
            return EXIT_FAILURE;
        serve(&f, target, listen_on(argv[2]));
    }
    free(f.body);
    free(f.bytes);
    floor_count_free(f.count);
    return EXIT_SUCCESS;
}
