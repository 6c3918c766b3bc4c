"""What the kernel may answer to a system call, injected by strace (F32 of
docs/reliability.md): some of it must not be noticed at all, the rest is got
over; and each scrape is answered within a second throughout."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

from support.exporter import SANITIZED
from support.wait import wait_until
from test_faults import measured, watch

__all__ = ["measured", "watch"]  # fixtures

pytestmark = pytest.mark.skipif(
    SANITIZED or subprocess.run(["which", "strace"],
                                capture_output=True).returncode != 0,
    reason="needs strace, and a build without sanitizers")
# TLS has its own idea of a read that must be done again.
on_both = pytest.mark.parametrize("broker", ["redis", "amqp+tls"],
                                  indirect=True)


class Injected:
    """strace on a running exporter; only: the sockets that are meant."""

    def __init__(self, exporter, calls, error, when, only=()):
        self.exporter = exporter
        self.report = exporter.log_path.with_suffix(f".{calls}-{error}")
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", self.report,
             *(word for path in only for word in ("-P", path)),
             "-e", f"trace={calls}",
             "-e", f"inject={calls}:error={error}:when={when}", "-p",
             str(exporter.process.pid)], stderr=subprocess.DEVNULL)

    def attached(self):
        status = pathlib.Path(f"/proc/{self.exporter.process.pid}/status")
        return f"TracerPid:\t{self.process.pid}\n" in status.read_text()

    def ntimes(self):
        return self.report.read_text().count("(INJECTED)")

    def __enter__(self):
        wait_until(self.attached, 10, "strace does not attach")
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


def sockets_to(exporter, port):
    """As strace's -P wants them."""
    folder = pathlib.Path(f"/proc/{exporter.process.pid}")
    inodes = set()
    for table in "tcp", "tcp6":
        for line in (folder / "net" / table).read_text().splitlines()[1:]:
            words = line.split()
            if int(words[2].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{words[9]}]")
    return sorted(inodes & set(open_files(folder / "fd")))


def open_files(folder):
    for link in folder.iterdir():
        try:
            yield os.readlink(link)
        except OSError:  # closed meanwhile
            pass


def goes_on(witness, injected, nevents=8):
    """That many events are counted while it is injected, at least once."""
    before = witness.last.received
    witness.until(lambda s: s.received > before + nevents, 20)
    wait_until(lambda: injected.ntimes() > 0, 10, "nothing was injected")


INVISIBLE = {"read": ["EINTR", "EAGAIN"],
             "write": ["EINTR", "EAGAIN", "ENOBUFS"],
             "epoll_wait,epoll_pwait": ["EINTR"], "recvfrom": ["EINTR"],
             "sendmsg": ["EINTR"], "accept4": ["EINTR", "EAGAIN"],
             "setsockopt": ["ENOBUFS", "ENOMEM"]}


@on_both
@pytest.mark.parametrize("calls", INVISIBLE)
def test_f32_interrupted_calls_are_invisible(broker, run_exporter, watch,
                                             calls):
    exporter = run_exporter("--poll-interval", "1")
    witness = watch(exporter, memory=12 << 20)
    with broker.pump():
        for error in INVISIBLE[calls]:
            # Not every other one: loop and HTTP server take turns.
            with Injected(exporter, calls, error, "2+3") as injected:
                goes_on(witness, injected)
    assert witness.last.connects == 1 and not witness.last.disconnects
    assert witness.last.up == 1


# Of the connections to the broker. After a write that failed, what the server
# said before is read for another second.
BROKEN = {"read": ["ECONNRESET", "ETIMEDOUT", "ENOBUFS", "ENOMEM"],
          "write": ["EPIPE", "ECONNRESET", "ENOMEM"]}


@on_both
@pytest.mark.parametrize("calls", BROKEN)
def test_f32_broken_connections_are_replaced(broker, run_exporter, watch,
                                             measured, calls):
    exporter = run_exporter("--poll-interval", "1")
    witness = watch(exporter, memory=12 << 20)

    def complete():
        sockets = sockets_to(exporter, broker.port)
        return len(sockets) == broker.nconnections and sockets

    with broker.pump():
        for error in BROKEN[calls]:
            before = wait_until(complete, 15)
            with Injected(exporter, calls, error, "1..3", before) as injected:
                start = time.monotonic()
                wait_until(lambda old=before: complete() not in (False, old),
                           25, lambda: exporter.log[-2000:])
                took = time.monotonic() - start
                goes_on(witness, injected)
            measured("F32", f"{error} from {calls}: connected anew after", 2,
                     took)
    assert sum(witness.last.errors.values()) == 0, exporter.log


# Of making a connection anew.
REFUSED = {"socket": ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"],
           "connect": ["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS", "ECONNRESET",
                       "ENETUNREACH"],
           "getsockopt": ["ENOBUFS", "ENOMEM"]}


@on_both
@pytest.mark.parametrize("calls", REFUSED)
def test_f32_attempts_that_fail_are_repeated(broker, run_exporter, watch,
                                             calls):
    exporter = run_exporter("--retry-interval", "1")
    witness = watch(exporter, memory=12 << 20)
    with broker.pump():
        for error in REFUSED[calls]:
            witness.until(lambda s: s.up == 1, 15)
            connects = witness.last.connects
            with Injected(exporter, calls, error, "1") as injected:
                broker.cut()
                witness.until(lambda s, n=connects: s.connects > n, 15)
                goes_on(witness, injected)


# Of a scrape itself: those that are hit may be lost, the next ones are not.
SCRAPES = {"recvfrom": ["ECONNRESET", "ENOMEM"],
           "sendmsg": ["EPIPE", "ECONNRESET", "ENOBUFS", "ENOMEM"],
           "accept4": ["ECONNABORTED", "EMFILE", "ENFILE", "ENOBUFS",
                       "ENOMEM"],
           "openat": ["EMFILE", "ENOMEM"]}


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
@pytest.mark.parametrize("calls", SCRAPES)
def test_f32_scrapes_that_fail_cost_only_themselves(broker, exporter, watch,
                                                    calls):
    witness = watch(exporter, memory=12 << 20)
    with broker.pump():
        for error in SCRAPES[calls]:
            with Injected(exporter, calls, error, "1..3") as injected:
                goes_on(witness, injected)
            assert len(witness.failures) <= injected.ntimes()
            witness.failures.clear()
    assert witness.last.connects == 1 and not witness.last.disconnects
