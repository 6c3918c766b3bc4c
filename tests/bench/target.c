#include "target.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "wire/amqp_lib.h"

#if __has_include(<rabbitmq-c/tcp_socket.h>)
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_tcp_socket.h>
#endif

enum { CHANNEL = 1, FRAME_MAX = 128 * 1024, RECEIVE_BUFFER = 4 << 20 };

struct target {
    int fd;
    amqp_connection_state_t amqp; /* NULL: Redis */
};

static bool
answers(struct target *t, const char *question)
{
    const amqp_rpc_reply_t reply = amqp_get_rpc_reply(t->amqp);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return true;
    fprintf(stderr, "%s: RabbitMQ refuses\n", question);
    return false;
}

static bool
declare_exchange(struct target *t)
{
    amqp_exchange_declare(t->amqp, CHANNEL, amqp_cstring_bytes("celeryev"),
                          amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                          amqp_empty_table);
    return answers(t, "exchange.declare");
}

static bool
open_amqp(struct target *t, uint16_t port)
{
    t->amqp = amqp_new_connection();
    amqp_socket_t *sock = amqp_tcp_socket_new(t->amqp);
    if (sock == NULL || amqp_socket_open(sock, "127.0.0.1", port) != 0) {
        fputs("cannot connect to RabbitMQ\n", stderr);
        return false;
    }
    const amqp_rpc_reply_t reply =
        amqp_login(t->amqp, "/", 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN,
                   "guest", "guest");
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        fputs("cannot log in to RabbitMQ\n", stderr);
        return false;
    }
    amqp_channel_open(t->amqp, CHANNEL);
    t->fd = amqp_get_sockfd(t->amqp);
    return answers(t, "channel.open") && declare_exchange(t);
}

static bool
open_redis(struct target *t, uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (t->fd < 0 ||
        connect(t->fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        perror("cannot connect to Redis");
        return false;
    }
    return true;
}

struct target *
target_open(const char *name)
{
    struct target *t = xcalloc(1, sizeof(*t));
    t->fd = -1;
    const char *port = strchr(name, ':');
    const uint16_t number =
        port == NULL ? 0 : (uint16_t)strtoul(port + 1, NULL, 10);
    bool ok = false;
    if (strncmp(name, "redis:", 6) == 0)
        ok = open_redis(t, number);
    else if (strncmp(name, "amqp:", 5) == 0)
        ok = open_amqp(t, number);
    else
        fprintf(stderr, "%s: not redis:PORT or amqp:PORT\n", name);
    if (ok)
        return t;
    target_close(t);
    return NULL;
}

void
target_close(struct target *t)
{
    if (t == NULL)
        return;
    if (t->amqp != NULL)
        amqp_destroy_connection(t->amqp);
    else if (t->fd >= 0)
        close(t->fd);
    free(t);
}

bool
target_is_redis(const struct target *t)
{
    return t->amqp == NULL;
}

int
target_fd(const struct target *t)
{
    return t->fd;
}

static bool
subscribe_redis(struct target *t)
{
    static const char command[] =
        "*2\r\n$10\r\nPSUBSCRIBE\r\n$13\r\n/0.celeryev/*\r\n";
    static const char answer[] =
        "*3\r\n$10\r\npsubscribe\r\n$13\r\n/0.celeryev/*\r\n:1\r\n";
    char got[sizeof(answer) - 1];
    const int room = RECEIVE_BUFFER;
    setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    return send(t->fd, command, sizeof(command) - 1, MSG_NOSIGNAL) ==
               (ssize_t)sizeof(command) - 1 &&
           recv(t->fd, got, sizeof(got), MSG_WAITALL) == (ssize_t)sizeof(got);
}

static bool
subscribe_amqp(struct target *t)
{
    amqp_queue_declare_ok_t *queue = amqp_queue_declare(
        t->amqp, CHANNEL, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
    if (queue == NULL)
        return answers(t, "queue.declare");
    const amqp_bytes_t name = amqp_bytes_malloc_dup(queue->queue);
    amqp_queue_bind(t->amqp, CHANNEL, name, amqp_cstring_bytes("celeryev"),
                    amqp_cstring_bytes("#"), amqp_empty_table);
    bool ok = answers(t, "queue.bind");
    amqp_basic_consume(t->amqp, CHANNEL, name, amqp_empty_bytes, 0, 1, 1,
                       amqp_empty_table);
    ok = ok && answers(t, "basic.consume");
    amqp_bytes_free(name);
    /* The library made it a socket that does not block. */
    return ok && fcntl(t->fd, F_SETFL, 0) == 0;
}

bool
target_subscribe(struct target *t)
{
    return target_is_redis(t) ? subscribe_redis(t) : subscribe_amqp(t);
}

bool
target_settle(struct target *t)
{
    return target_is_redis(t) || declare_exchange(t);
}
