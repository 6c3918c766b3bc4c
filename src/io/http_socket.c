#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/http_private.h"

/* Or -1, and errno says why. The backlog is as long as the system allows: when
 * it is full, a scraper's first packet is dropped, and the next comes a second
 * later. */
static int
listen_on(const struct addrinfo *address)
{
    const int on = 1, off = 0;
    const int fd = socket(address->ai_family,
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* Every address means IPv4 too, whatever net.ipv6.bindv6only says. */
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The first address of that family that can be listened on. */
static int
listen_on_family(const struct addrinfo *list, int family)
{
    int fd = -1;
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
        if (a->ai_family == family)
            fd = listen_on(a);
    return fd;
}

static uint16_t
bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    char port[8];
    if (getnameinfo((struct sockaddr *)&address, len, NULL, 0, port,
                    sizeof(port), NI_NUMERICSERV) != 0)
        return 0;
    return (uint16_t)strtoul(port, NULL, 10);
}

static void
log_outcome(bool ok, const char *host, uint16_t port, const char *why)
{
    const bool bare = host == NULL || strchr(host, ':') == NULL;
    char address[300];
    snprintf(address, sizeof(address), bare ? "%s:%u" : "[%s]:%u",
             host == NULL ? "" : host, (unsigned)port);
    if (ok)
        LOG(LOG_INFO, "Listening on", "address", address, NULL);
    else
        LOG(LOG_ERROR, "Cannot listen", "address", address, "error", why, NULL);
}

int
http_socket_open(const char *host, uint16_t *port)
{
    const bool any = host == NULL || host[0] == '\0';
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    char service[8];
    snprintf(service, sizeof(service), "%u", (unsigned)*port);
    struct addrinfo *list = NULL;
    const int error = getaddrinfo(any ? NULL : host, service, &hints, &list);
    if (error != 0) {
        log_outcome(false, host, *port, gai_strerror(error));
        return -1;
    }
    /* The IPv6 wildcard takes both. A name, like localhost, means its IPv4
     * address first: that is where people look for it. */
    int fd = listen_on_family(list, any ? AF_INET6 : AF_INET);
    if (fd < 0)
        fd = listen_on_family(list, any ? AF_INET : AF_INET6);
    const int why = errno;
    freeaddrinfo(list);
    if (fd >= 0)
        *port = bound_port(fd);
    log_outcome(fd >= 0, host, *port, strerror(why));
    return fd;
}
