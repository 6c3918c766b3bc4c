"""Loopback ports for servers: below the range from which the kernel takes
ports for clients; each test process begins elsewhere in it."""
import itertools
import os
import socket

_first = 20000 + os.getpid() * 97 % 11500
_candidates = itertools.cycle(range(_first, _first + 500))


def free_port():
    for port in _candidates:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
