"""Senders of Celery events, and kombu's envelope around them."""
import base64
import itertools
import json
import time
import uuid

from support.wait import wait_until


def task_id():
    return str(uuid.uuid4())


class Sender:
    """A process that sends events: a worker, or a client (gen123@host)."""

    pids = itertools.count(1000)

    def __init__(self, hostname="worker@host-a", pid=None):
        self.hostname = hostname
        self.pid = next(self.pids) if pid is None else pid
        self.clock = 0

    def event(self, kind, task=None, **fields):
        self.clock += 1
        event = {"type": kind, "hostname": self.hostname, "pid": self.pid,
                 "clock": self.clock, "utcoffset": 0, "timestamp": time.time()}
        if task is not None:
            event["uuid"] = task
        event.update(fields)
        return event

    def sent(self, task, name, queue="celery", **fields):
        return self.event("task-sent", task, **{
            "name": name, "args": "()", "kwargs": "{}", "root_id": task,
            "parent_id": None, "retries": 0, "eta": None, "expires": None,
            "queue": queue, "exchange": "", "routing_key": queue, **fields})

    def received(self, task, name, **fields):
        return self.event("task-received", task, **{
            "name": name, "args": "()", "kwargs": "{}", "root_id": task,
            "parent_id": None, "retries": 0, "eta": None, "expires": None,
            **fields})

    def started(self, task, **fields):
        return self.event("task-started", task, **fields)

    def succeeded(self, task, runtime=0.25, **fields):
        return self.event("task-succeeded", task, result="None",
                          runtime=runtime, **fields)

    def failed(self, task, exception="ValueError('bad')", **fields):
        fields.setdefault("traceback", "Traceback (most recent call last):\n"
                          '  File "tasks.py", line 1, in run\nValueError: bad\n')
        return self.event("task-failed", task, exception=exception, **fields)

    def retried(self, task, exception="ValueError('again')", **fields):
        return self.event("task-retried", task, exception=exception,
                          traceback="", **fields)

    def revoked(self, task, terminated=False, signum=None, expired=False):
        return self.event("task-revoked", task, terminated=terminated,
                          signum=signum, expired=expired)

    def rejected(self, task, requeue=False):
        return self.event("task-rejected", task, requeue=requeue)

    def _beat(self, kind, fields):
        return self.event(kind, **{
            "freq": 2.0, "active": 0, "processed": 0,
            "loadavg": [0.5, 0.25, 0.125], "sw_ident": "py-celery",
            "sw_ver": "5.6.2", "sw_sys": "Linux", **fields})

    def online(self, **fields):
        return self._beat("worker-online", fields)

    def heartbeat(self, **fields):
        return self._beat("worker-heartbeat", fields)

    def offline(self, **fields):
        return self._beat("worker-offline", fields)

    def forced_heartbeat(self):
        """The answer to another monitor's broadcast: hardly any field."""
        return self.event("worker-heartbeat", freq=5, sw_ident="py-celery",
                          sw_ver="5.6.2", sw_sys="Linux")


def envelope(body, routing_key="task.multi", **changes):
    """kombu's message around the bytes of a body, as a dict."""
    return {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8", "content-type": "application/json",
        "headers": {"hostname": "worker@host-a"},
        "properties": {
            "delivery_mode": 1,
            "delivery_info": {"exchange": "celeryev",
                              "routing_key": routing_key},
            "priority": 0, "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4())},
        **changes}


def after_first_answer(exporter, page):
    """Events of the first worker wait a moment for its answer; those without a
    name wait on."""
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline and page.sum(
            "celery_exporter_table_entries", table="waiting_events"):
        page = exporter.page()
    return page


class Publisher:
    """Publishes events the way kombu does on Redis."""

    def __init__(self, client, prefix="/0.celeryev", patterns=True):
        self.client = client
        self.prefix = prefix
        self.patterns = patterns
        self.marks = 0

    def channel(self, routing_key):
        return f"{self.prefix}/{routing_key}" if self.patterns else self.prefix

    def payload(self, payload, routing_key="task.multi"):
        """Publishes raw bytes; says how many subscribers took them."""
        return self.client.publish(self.channel(routing_key), payload)

    def body(self, body, routing_key="task.multi", **changes):
        return self.payload(json.dumps(envelope(body, routing_key, **changes)),
                            routing_key)

    def send(self, *events):
        """Each event as a message of its own."""
        for event in events:
            key = event["type"].replace("-", ".")
            taken = self.body(json.dumps(event).encode(), key)
            assert taken == 1, f"{taken} subscribers"

    def send_list(self, events):
        assert self.send_list_unread(events) == 1

    def send_list_unread(self, events):
        """Also where nobody may be listening; says how many took it."""
        return self.body(json.dumps(list(events)).encode())

    def settle(self, exporter, timeout=20):
        """Waits until all that was published before has been decoded, and
        returns the page: messages of one connection stay in order."""
        before = exporter.page().sum("celery_exporter_events_total",
                                     event="other")
        self.send({"type": "mark-end", "hostname": "gen1@mark",
                   "pid": 1, "clock": self.marks, "timestamp": time.time()})
        self.marks += 1
        pages = []

        def arrived():
            pages[:] = [exporter.page()]
            return pages[0].sum("celery_exporter_events_total",
                                event="other") > before

        wait_until(arrived, timeout, what=lambda: exporter.log[-2000:])
        return after_first_answer(exporter, pages[0])
