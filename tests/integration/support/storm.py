"""Many events at once: made quickly, and written as fast as Redis reads."""
import base64
import json
import socket
import threading
import time

ENVELOPE = ('{"body": "%s", "content-encoding": "utf-8", "content-type": '
            '"application/json", "headers": {"hostname": "w1@host-a"}, '
            '"properties": {"delivery_mode": 1, "delivery_info": {"exchange": '
            '"celeryev", "routing_key": "task.multi"}, "priority": 0, '
            '"body_encoding": "base64", "delivery_tag": '
            '"8b5b5b5e-3c61-4b4e-9f3b-1f2e3d4c5b6a"}}')
CHANNEL = b"/0.celeryev/task.multi"
WORKER = '"hostname": "w1@host-a", "utcoffset": 0, "pid": 77, "clock": %d, '
CLIENT = '"hostname": "gen9@client", "utcoffset": 0, "pid": 99, "clock": %d, '
FIELDS = ('"name": "%s", "args": "(1, 2)", "kwargs": "{}", "root_id": "%s", '
          '"parent_id": null, "retries": 0, "eta": null, "expires": null, ')


class Storm:
    """Makes bodies of events; clocks rise as a worker's do."""

    def __init__(self, names=50):
        self.names = [f"storm.task_{number}" for number in range(names)]
        self.clock = 0

    @staticmethod
    def uuid(number):
        return f"{number:08x}-0000-4000-8000-{number:012x}"

    def name(self, number):
        return self.names[number % len(self.names)]

    def event(self, kind, number):
        self.clock += 1
        task, name = self.uuid(number), self.name(number)
        middle = ""
        if kind in ("task-sent", "task-received"):
            middle = FIELDS % (name, task)
        if kind == "task-sent":
            middle += '"queue": "jobs", "exchange": "", "routing_key": "jobs", '
        elif kind == "task-succeeded":
            middle = '"result": "None", "runtime": 0.25, '
        sender = CLIENT if kind == "task-sent" else WORKER
        return "{%s\"uuid\": \"%s\", %s\"timestamp\": %.3f, \"type\": \"%s\"}" % (
            sender % self.clock, task, middle, time.time(), kind)

    def bodies(self, kind, numbers, batch):
        """With `batch` events each; 1 means single events."""
        waiting = []
        for number in numbers:
            waiting.append(self.event(kind, number))
            if len(waiting) == batch:
                yield as_body(waiting)
                waiting = []
        if waiting:
            yield as_body(waiting)

    def messages(self, kind, numbers, batch):
        """The same in kombu's envelope."""
        return map(enveloped, self.bodies(kind, numbers, batch))


def as_body(events):
    return (events[0] if len(events) == 1
            else "[%s]" % ", ".join(events)).encode()


def enveloped(body):
    return (ENVELOPE % base64.b64encode(body).decode()).encode()


def commands(payloads):
    """PUBLISH commands, in pieces of about 256 KiB."""
    piece, size = [], 0
    head = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n"
    for each in payloads:
        piece += [head % (len(CHANNEL), CHANNEL, len(each)), each, b"\r\n"]
        size += len(each)
        if size > 1 << 18:
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join(piece)


class Blast:
    """Writes commands to Redis; counts how many subscribers took each."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.taken = self.answered = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        rest = b""
        while chunk := self.socket.recv(1 << 16):
            *lines, rest = (rest + chunk).split(b"\r\n")
            self.answered += len(lines)
            self.taken += lines.count(b":1")

    def write(self, pieces, seconds=0.0):
        """As fast as Redis takes them, or evenly over that many seconds."""
        pieces = list(pieces) if seconds else pieces
        start = time.monotonic()
        for number, piece in enumerate(pieces):
            if seconds:
                due = start + seconds * number / len(pieces)
                time.sleep(max(0.0, due - time.monotonic()))
            self.socket.sendall(piece)

    def close(self):
        """Waits for the last answer."""
        self.socket.shutdown(socket.SHUT_WR)
        self.reader.join(60)
        self.socket.close()


def describe(**figures):
    """A line that people find in the log of the test run."""
    print("measured:", json.dumps(figures))
