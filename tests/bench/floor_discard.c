/* What receiving alone costs: floor_discard redis:PORT|amqp:PORT
 *
 * Subscribes to the events, and reads and forgets until the broker or a signal
 * ends it. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "target.h"

int
main(int argc, char **argv)
{
    static char bytes[1 << 18];
    if (argc != 2) {
        fputs("usage: floor_discard redis:PORT|amqp:PORT\n", stderr);
        return EXIT_FAILURE;
    }
    struct target *target = target_open(argv[1]);
    if (target == NULL || !target_subscribe(target))
        return EXIT_FAILURE;
    while (recv(target_fd(target), bytes, sizeof(bytes), 0) > 0)
        ;
    target_close(target);
    return EXIT_SUCCESS;
}
