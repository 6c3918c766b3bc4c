"""What is measured: a process, its processor time, its memory, its pages."""
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

from support.ports import free_port

SAMPLE = re.compile(r'^(\w+)\{(.*)\} (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def environment():
    """Ours, without anything that configures an exporter."""
    return {key: value for key, value in os.environ.items()
            if not key.startswith(("CE_", "CELERY_BROKER"))}


class Process:
    def __init__(self, command, log):
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out,
                                          env=environment())
        self.log = pathlib.Path(log)
        self.pid = self.popen.pid

    def cpu(self):
        """Seconds, of all threads, to the nanosecond: Linux makes the number of
        a process's clock of its id."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident(self, field="VmRSS"):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M)[1]) * 1024

    def running(self):
        return self.popen.poll() is None

    def check(self):
        if not self.running():
            raise BenchError(f"ended with {self.popen.returncode}: "
                             f"{self.log.read_text()[-500:]}")

    def stop(self):
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()


class BenchError(Exception):
    """This figure cannot be had, or would be wrong."""


class Subject:
    """A program of the exporters' contract: `command` has {broker} and {port}.
    home: the build folder whose bench programs belong to it."""

    pages = True

    def __init__(self, name, command, home=None, ours=False):
        self.name, self.command = name, command
        self.home, self.ours = home, ours

    def start(self, broker, folder, *args):
        port = free_port()
        words = [word.format(broker=broker.url, port=port,
                             target=broker.target)
                 for word in shlex.split(self.command)]
        process = Process([*words, *map(str, args)], folder / f"{self.name}.log")
        return Running(self, process, port)


class Floor(Subject):
    """What others are told as multiples of."""


class Discard(Floor):
    """Reads, and shows nothing."""

    pages = False


class Running:
    """A subject that was started."""

    def __init__(self, subject, process, port):
        self.subject, self.process, self.port = subject, process, port
        self.stop = process.stop
        self.cpu = process.cpu

    def request(self, path="/metrics", gzip=False, timeout=120):
        """[status, head, body]; the server ends the connection."""
        accept = "Accept-Encoding: gzip\r\n" if gzip else ""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{accept}"
                      "Connection: close\r\n\r\n".encode())
            chunks = []
            while chunk := s.recv(1 << 20):
                chunks.append(chunk)
        head, _, body = b"".join(chunks).partition(b"\r\n\r\n")
        if not head:
            raise ConnectionError("no answer")
        return int(head.split()[1]), head, body

    def wait_page(self, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            try:
                if self.request()[0] == 200:
                    return self
            except OSError:
                pass
            self.process.check()
            if time.monotonic() > deadline:
                raise BenchError("shows no page")
            time.sleep(0.0005)

    def wait_idle(self, seconds=0.3, timeout=120, used=0.0):
        """Until it has done next to nothing for so long; returns when it had
        spent nearly all of its processor time since `used`. A poll may come
        behind the events, and is none of them."""
        begun = since = time.monotonic()
        spent = [(begun, self.cpu())]
        while spent[-1][0] - since < seconds:
            time.sleep(0.01)
            self.process.check()
            before, spent_before = spent[-1]
            spent.append((time.monotonic(), self.cpu()))
            now, cpu = spent[-1]
            if cpu - spent_before > 0.1 * (now - before):
                since = now
            if now - begun > timeout:
                raise BenchError("is never done")
        enough = used + 0.95 * (spent[-1][1] - used)
        return next(at for at, cpu in spent if cpu >= enough)

    def samples(self):
        """{(name, frozenset of labels): value} of what has labels."""
        status, head, body = self.request()
        if status != 200:
            raise BenchError(f"answers {head[:100]}")
        found = {}
        for line in unchunked(head, body).decode().splitlines():
            match = SAMPLE.match(line)
            if match:
                labels = frozenset(LABEL.findall(match[2]))
                found[match[1], labels] = float(match[3])
        return found


def unchunked(head, body):
    if b"chunked" not in head.lower():
        return body
    parts = []
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return b"".join(parts)
        parts.append(body[:length])
        body = body[length + 2:]
