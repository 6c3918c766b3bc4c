"""Watches an exporter through a fault: scrapes it all the time, each scrape
within a second, and knows when the broker was down and when events counted
again."""
import http.client
import json
import re
import threading
import time
from dataclasses import dataclass

import amqp
import redis

from support.events import Publisher, Sender, task_id
from support.exporter import SANITIZED
from support.rabbit import AmqpPublisher

EVERY_S = 0.04
FIELDS = {
    "up": "celery_exporter_broker_up",
    "memory": "process_resident_memory_bytes",
    "fds": "process_open_fds",
    "connects": "celery_exporter_broker_connects_total",
}
VALUE = {key: re.compile(rf"^{name} (\S+)$", re.M)
         for key, name in FIELDS.items()}
# Counted by task only a moment later, as hand-made workers do not answer when
# they are asked for their queues.
RECEIVED = re.compile(
    r'^celery_exporter_events_total\{event="task-received"\} (\S+)$', re.M)
ATTEMPT_FAILED = re.compile(
    r'^celery_exporter_broker_connect_errors_total\{reason="(\w+)"\} (\S+)$',
    re.M)
DISCONNECT = re.compile(
    r'^celery_exporter_broker_disconnects_total\{reason="(\w+)"\} (\S+)$',
    re.M)


@dataclass
class Sample:
    at: float
    took: float
    up: float
    memory: float
    fds: float
    connects: float
    received: float
    errors: dict
    disconnects: dict


def _reasons(pattern, text):
    return {reason: float(value) for reason, value in pattern.findall(text)
            if float(value)}


class Witness:
    def __init__(self, exporter):
        self.exporter = exporter
        self.samples = []
        self.failures = []
        self.paused = False  # while the exporter itself is stopped
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.until(lambda s: True, 5)
        return self

    def __exit__(self, *exc):
        self._done.set()
        self._thread.join()

    def _scrape(self):
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1",
                                                self.exporter.port, timeout=1)
        try:
            connection.request("GET", "/metrics")
            reply = connection.getresponse()
            text = reply.read().decode()
            assert reply.status == 200, reply.status
        finally:
            connection.close()
        now = time.monotonic()
        values = {key: float(pattern.search(text).group(1))
                  for key, pattern in VALUE.items()}
        return Sample(at=now, took=now - start, errors=_reasons(
            ATTEMPT_FAILED, text), disconnects=_reasons(DISCONNECT, text),
            received=sum(map(float, RECEIVED.findall(text))), **values)

    def _run(self):
        while not self._done.is_set():
            if not self.paused:
                self._look()
            self._done.wait(EVERY_S)

    def _look(self):
        start = time.monotonic()
        try:
            sample = self._scrape()
            if sample.took > 1:
                self.failures.append(f"took {sample.took:.2f} s")
            self.samples.append(sample)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            if not self.paused and not self._done.is_set():
                self.failures.append(
                    f"{error!r} after {time.monotonic() - start:.2f} s")

    @property
    def last(self):
        return self.samples[-1]

    def until(self, condition, timeout, since=None):
        """Waits for a sample that is not older than `since`; how long after
        `since` it was taken."""
        since = time.monotonic() if since is None else since
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            while seen < len(self.samples):
                sample = self.samples[seen]
                seen += 1
                if sample.at >= since and condition(sample):
                    return sample.at - since
            assert time.monotonic() < deadline, (
                f"not within {timeout} s; last: {self.samples[-1:]}; "
                f"log: {self.exporter.log[-2500:]}")
            time.sleep(0.01)

    def down(self, since, timeout):
        return self.until(lambda s: s.up == 0, timeout, since)

    def counts(self, since, timeout):
        """Until something that came after `since` was counted."""
        before = max((s.received for s in self.samples if s.at < since),
                     default=0)
        return self.until(lambda s: s.received > before and s.up == 1,
                          timeout, since)

    def check(self, baseline, memory=8 << 20, fds=0):
        """Answered throughout; holds no more than before, but for what a
        connection takes."""
        assert not self.failures, self.failures[:5]
        self.until(lambda s: s.fds <= baseline.fds + fds, 10)
        if not SANITIZED:  # whose allocator keeps what is freed for a while
            self.until(lambda s: s.memory <= baseline.memory + memory, 10)

    def slowest(self):
        return max(s.took for s in self.samples)


class _Pump:
    """Publishes events all the time, whatever happens to the server."""

    errors = OSError,  # a fresh connection after each

    def __init__(self, every_s=0.03):
        self.every_s = every_s
        self.worker = Sender("w1@host-a")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._done.set()
        self._thread.join()

    def _run(self):
        publisher = None
        while not self._done.wait(self.every_s):
            try:
                if publisher is None:
                    publisher = self.publisher()
                event = self.worker.received(task_id(), "demo.add")
                publisher.body(json.dumps(event).encode(), "task.received")
            except self.errors:
                publisher = None


class Pump(_Pump):
    errors = OSError, redis.RedisError

    def __init__(self, server, prefix="/0.celeryev", **options):
        super().__init__(**options)
        self.server = server
        self.prefix = prefix

    def publisher(self):
        client = self.server.connect()
        client.connection_pool.connection_kwargs.update(socket_timeout=1)
        return Publisher(client, self.prefix)


class AmqpPump(_Pump):
    errors = OSError, amqp.AMQPError

    def __init__(self, vhost, **options):
        super().__init__(**options)
        self.vhost = vhost

    def channel(self):
        connection = amqp.Connection(
            self.vhost.rabbit.address, virtual_host=self.vhost.name,
            connect_timeout=1, read_timeout=2, write_timeout=2)
        connection.connect()
        return connection.channel()

    def publisher(self):
        return AmqpPublisher(self)
