"""An event stream for the gate: the same bytes on every machine.

Tasks that succeed, fail and are retried on a few workers, with the fields, the
order of fields and the separators of Celery and kombu, either an event a message
or in lists as a busy worker sends them; as a subscriber of Redis reads it, or as
a consumer of RabbitMQ does.
"""
import base64
import json
import random
import struct

WORKERS = 8
NAMES = 40
TASKS = 2000
MOST_IN_LIST = 24
START = 1.7e9  # seconds; all that follows is within a minute of it
TRACEBACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/shop/orders/step_{i}.py", line {40 + i}, in run\n'
    f"    return self.next(order, *args)\n" for i in range(8))


def uuid(draw):
    text = f"{draw.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Stream:
    """Collects messages: [(routing key, nodename, body)]."""

    def __init__(self, in_lists):
        self.random = random.Random(1)
        self.in_lists = in_lists
        self.clock = 0
        self.nevents = 0
        self.messages = []
        self.waiting = [[] for _ in range(WORKERS)]
        self.due = [1] * WORKERS  # so many make a list
        self.processed = [0] * WORKERS
        for worker in range(WORKERS):
            self.worker_event(worker, "worker-online", START)
        # Tasks overlap, as they do where workers have several processes.
        steps = sorted(step for task in range(TASKS) for step in self.task(task))
        for at, _, worker, kind, fields in steps:
            self.task_event(worker, kind, at, fields)
            if self.clock % 500 == 0:
                self.worker_event(worker, "worker-heartbeat", at)
        for worker in range(WORKERS):
            self.worker_event(worker, "worker-heartbeat", START + 60)

    def task(self, number):
        """Its events: (when, number, worker, type, fields)."""
        draw = self.random
        task_id = uuid(draw)
        worker = draw.randrange(WORKERS)
        name = f"shop.orders.tasks.step_{int(NAMES * draw.random() ** 2)}"
        at = START + 0.02 * number + draw.random() / 100
        for retries in range(3):
            yield at, number, worker, "task-received", {
                "uuid": task_id, "name": name,
                "args": f"({draw.randrange(10 ** 6)}, 'customer-{number}', '{'x' * 24}')",
                "kwargs": "{'note': '%s', 'dry_run': False}" % ("y" * 24),
                "root_id": task_id, "parent_id": None, "retries": retries,
                "eta": None, "expires": None}
            at += draw.random() / 50
            yield at, number, worker, "task-started", {"uuid": task_id}
            runtime = draw.lognormvariate(-3, 1)
            at += runtime
            ending = draw.choices(("succeeded", "failed", "retried"), (92, 5, 3))[0]
            if ending == "succeeded":
                fields = {"uuid": task_id, "result": "{'ok': True}", "runtime": runtime}
            else:
                error = f"ValueError('order {draw.randrange(1000)} is closed')"
                fields = {"uuid": task_id, "exception": error,
                          "traceback": TRACEBACK + error}
            yield at, number, worker, f"task-{ending}", fields
            if ending != "retried":
                return
            at += 0.05

    def event(self, worker, kind, at, fields):
        self.clock += 1
        self.nevents += 1
        return {"hostname": f"celery@worker-{worker}", "utcoffset": 0,
                "pid": 1000 + worker, "clock": self.clock, **fields,
                "timestamp": round(at, 6), "type": kind}

    def task_event(self, worker, kind, at, fields):
        event = self.event(worker, kind, at, fields)
        self.processed[worker] += kind == "task-succeeded"
        if not self.in_lists:
            self.send(worker, kind, event)
            return
        waiting = self.waiting[worker]
        waiting.append(event)
        if len(waiting) >= self.due[worker]:
            self.send_list(worker)

    def send_list(self, worker):
        if self.waiting[worker]:
            self.send(worker, "task-multi", self.waiting[worker])
        self.waiting[worker] = []
        self.due[worker] = self.random.randint(1, MOST_IN_LIST)

    def worker_event(self, worker, kind, at):
        self.send_list(worker)
        self.send(worker, kind, self.event(worker, kind, at, {
            "freq": 2.0, "active": worker % 3, "processed": self.processed[worker],
            "loadavg": [0.52, 0.48, 0.4], "sw_ident": "py-celery",
            "sw_ver": "5.6.2", "sw_sys": "Linux"}))

    def send(self, worker, kind, body):
        self.messages.append((kind.replace("-", "."), f"celery@worker-{worker}",
                              json.dumps(body).encode()))


def redis(stream):
    """What a client reads that has subscribed to a pattern."""
    draw = random.Random(2)
    out = []
    for key, nodename, body in stream.messages:
        payload = json.dumps({
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8", "content-type": "application/json",
            "headers": {"hostname": nodename},
            "properties": {
                "delivery_mode": 1,
                "delivery_info": {"exchange": "celeryev", "routing_key": key},
                "priority": 0, "body_encoding": "base64", "delivery_tag": uuid(draw)}})
        words = ("pmessage", "/0.celeryev/*", f"/0.celeryev/{key}", payload)
        out.append(f"*{len(words)}\r\n" +
                   "".join(f"${len(word)}\r\n{word}\r\n" for word in words))
    return "".join(out).encode()


def short(text):
    return struct.pack(">B", len(text)) + text


def frame(kind, payload):
    return struct.pack(">BHI", kind, 2, len(payload)) + payload + b"\xce"


def amqp(stream):
    """basic.deliver, header and body of each message."""
    out = []
    for tag, (key, nodename, body) in enumerate(stream.messages, 1):
        headers = short(b"hostname") + b"S" + struct.pack(">I", len(nodename)) \
            + nodename.encode()
        properties = short(b"application/json") + short(b"utf-8") \
            + struct.pack(">I", len(headers)) + headers + b"\x01" + b"\x00"
        # content type, encoding, headers, delivery mode and priority are there
        head = struct.pack(">HHQH", 60, 0, len(body), 0xf800) + properties
        deliver = struct.pack(">HH", 60, 60) + short(b"celery-exporter") \
            + struct.pack(">QB", tag, 0) + short(b"celeryev") + short(key.encode())
        out += [frame(1, deliver), frame(2, head), frame(3, body)]
    return b"".join(out)
