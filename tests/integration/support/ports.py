"""Loopback ports for servers: below the range from which the kernel takes
ports for clients, a range of its own for each parallel test process."""
import itertools
import os
import socket

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_first = 20000 + 1500 * _worker + (os.getpid() * 7) % 1000
_candidates = itertools.cycle(range(_first, _first + 500))


def free_port():
    for port in _candidates:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
