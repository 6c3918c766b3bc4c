"""RabbitMQ as a broker: recorded and live traffic, queue lengths, accounts that
may do little, and what a server or a publisher can do wrong."""
import base64
import gzip
import json
import signal
import socket
import struct
import threading
import time

import amqp
import pytest

from support.events import Sender, task_id
from support.exporter import SANITIZED
from support.ports import free_port
from support.proxy import Proxy
from support.rabbit import AmqpPublisher
from support.wait import stays, wait_until
from support.workers import SYSTEM_PYTHON, Celery
from test_captures import (CAPTURES, Capture, all_arrived,
                           assert_events_by_type, assert_runtimes, counted,
                           differences)
from test_reconnect import UP, down, reasons, received

pytestmark = pytest.mark.sanitized

RECORDED = sorted(path.name for path in (CAPTURES / "amqp").iterdir())


@pytest.fixture
def exporter(vhost, make_exporter):
    return make_exporter(vhost.url())


@pytest.fixture
def publisher(vhost):
    return AmqpPublisher(vhost)


def still_counts(exporter, vhost):
    """A fresh event arrives; returns the page."""
    publisher = AmqpPublisher(vhost)
    before = received(exporter.page())
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    page = publisher.settle(exporter)
    assert received(page) == before + 1
    return page


def rejected(page):
    return {labels["reason"]: value for labels, value
            in page.select("celery_exporter_events_rejected_total") if value}


# Recorded traffic

class AmqpCapture(Capture):
    def __init__(self, name):
        self.name = name
        folder = CAPTURES / "amqp" / name
        with gzip.open(folder / "expected.json.gz") as file:
            self.expected = json.load(file)
        with gzip.open(folder / "messages.jsonl.gz") as file:
            self.messages = [json.loads(line) for line in file]


@pytest.mark.parametrize("name", RECORDED)
def test_counts_are_exactly_those_recorded(vhost, exporter, publisher, name):
    capture = AmqpCapture(name)
    for message in capture.messages:
        publisher.body(base64.b64decode(message["body_b64"]),
                       message["routing_key"], **message["properties"])

    publisher.settle(exporter)

    wanted = capture.table()
    last = []

    def equal():
        last[:] = [counted(exporter.page())]
        return last[0] == wanted

    wait_until(equal, 30 if SANITIZED else 6,
               what=lambda: differences(last[0], wanted))
    page = exporter.wait_for(lambda p: all_arrived(p, capture))
    assert page.sum("celery_exporter_events_duplicate_total") == 0
    assert rejected(page) == {}
    assert_events_by_type(page, capture)
    assert_runtimes(page, capture)


# Real workers

@pytest.fixture
def celery(vhost, tmp_path):
    app = Celery(SYSTEM_PYTHON, vhost.url(), tmp_path)
    yield app
    app.stop()


def test_real_workers_and_their_queues(celery, vhost, exporter):
    celery.worker("w1@one", "celery,other").ready()
    celery.send(("work.add", [1, 2], {"times": 6}), ("work.fail", ["value"]))

    page = exporter.wait_for(
        lambda p: p.sum("celery_task_succeeded_total") == 6
        and p.sum("celery_task_failed_total") == 1, 60)
    assert page.sum("celery_exporter_events_rejected_total") == 0
    exporter.wait_for(
        lambda p: p.value("celery_active_worker_count", queue_name="other") == 1
        and p.value("celery_active_process_count", queue_name="celery") == 2
        and p.value("celery_active_consumer_count", queue_name="celery") == 1
        and p.value("celery_exporter_poll_success", source="stats") == 1
        and p.value("celery_exporter_poll_success", source="queues") == 1, 60)


# Queues

def test_lengths_and_consumers_of_queues(vhost, make_exporter):
    channel = vhost.channel()
    for name, nmessages in ("full", 3), ("empty", 0):
        channel.queue_declare(name, durable=True, auto_delete=False)
        for _ in range(nmessages):
            channel.basic_publish(amqp.Message(b"x"), routing_key=name)
    channel.basic_consume("empty")
    names = ["gone1", "full", "gone2", "empty",
             *(f"gone-{i}" for i in range(40))]

    exporter = make_exporter(vhost.url(), "--queues", ",".join(names))

    def told(page):
        return page.value("celery_queue_length", queue_name="full") == 3

    page = exporter.wait_for(told)
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
    for name in names[0], names[2], "empty":
        assert page.value("celery_queue_length", queue_name=name) == 0
    page = exporter.page()
    found = {name: page.value("celery_active_consumer_count", queue_name=name)
             for name in ("gone1", "full", "empty", "gone-39")}
    assert found == {"gone1": 0, "full": 0, "empty": 1, "gone-39": 0}
    assert "Cannot read queue lengths" not in exporter.log
    still_counts(exporter, vhost)


def test_length_that_is_refused_is_said_once(vhost, make_exporter):
    channel = vhost.channel()
    channel.queue_declare("theirs", exclusive=True)
    channel.queue_declare("ours", durable=True, auto_delete=False)
    channel.basic_publish(amqp.Message(b"x"), routing_key="ours")

    exporter = make_exporter(vhost.url(), "--queues", "theirs,ours",
                             "--poll-interval", "1")

    exporter.wait_value(1, "celery_queue_length", queue_name="ours")
    exporter.wait_for(lambda p: p.value("celery_exporter_poll_success",
                                        source="queues") == 0
                      and "RESOURCE_LOCKED" in exporter.log)
    stays(lambda: exporter.log.count("RESOURCE_LOCKED") == 1, 2.5)
    still_counts(exporter, vhost)


def test_event_queue_is_ours_alone_and_goes_with_us(vhost, make_exporter):
    exporter = make_exporter(vhost.url(), "--event-queue-ttl", "90",
                             "--event-queue-max-bytes", "1MiB")

    queues = {row["name"].partition(".")[0]: row for row in vhost.queues(
        "name", "durable", "auto_delete", "exclusive", "arguments")}

    row = queues["celeryev"]
    assert (row["durable"], row["auto_delete"], row["exclusive"]) == (
        False, True, True)
    arguments = {a[0]: a[-1] for a in as_pairs(row["arguments"])}
    # RabbitMQ 4 adds the type itself.
    assert arguments.pop("x-queue-type", "classic") == "classic"
    assert arguments == {
        "x-message-ttl": 90000, "x-max-length-bytes": 1048576,
        "x-overflow": "drop-head"}
    exporter.stop()
    assert vhost.queues("name") == []
    assert vhost.connections() == []


def as_pairs(arguments):
    return arguments.items() if isinstance(arguments, dict) else arguments


def test_exchange_declared_by_others_in_another_way(vhost, make_exporter):
    channel = vhost.channel()
    channel.exchange_declare("celeryev", "topic", durable=False,
                             auto_delete=False)
    channel.exchange_declare("celery.pidbox", "fanout", durable=True,
                             auto_delete=False)

    exporter = make_exporter(vhost.url())

    channel.basic_publish(amqp.Message(json.dumps(
        Sender("w1@host-a").received(task_id(), "demo.add")).encode(),
        content_type="application/json", content_encoding="utf-8"),
        "celeryev", "task.received")
    exporter.wait_for(lambda p: received(p) == 1)
    assert exporter.page().sum("celery_exporter_broker_connect_errors_total"
                               ) == 0


def test_two_exporters_both_see_everything(vhost, make_exporter):
    both = [make_exporter(vhost.url()) for _ in range(2)]
    publisher = AmqpPublisher(vhost)
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))

    assert [received(publisher.settle(each)) for each in both] == [1, 1]


# Accounts

def test_account_that_may_do_nothing(vhost, make_exporter):
    auth = vhost.account("nobody", "^$", "^$", "^$")

    exporter = make_exporter(vhost.url(auth), connected=False)

    exporter.wait_for(lambda p: reasons(p, "connect_errors"))
    assert set(reasons(exporter.page(), "connect_errors")) == {"permission"}
    assert "ACCESS_REFUSED" in exporter.log


@pytest.mark.parametrize("change,reason,words", [
    (lambda v: v.url("guest:p%40ss@"), "auth", "user name or the password"),
    (lambda v: f"amqp://127.0.0.1:{v.port}/no-such", "permission",
     "virtual host does not exist"),
    (lambda v: v.url(query="?login_method=EXTERNAL"), "auth", "EXTERNAL"),
])
def test_login_that_is_refused(vhost, make_exporter, change, reason, words):
    exporter = make_exporter(change(vhost), connected=False)

    exporter.wait_for(lambda p: reasons(p, "connect_errors"))

    assert set(reasons(exporter.page(), "connect_errors")) == {reason}
    assert words in exporter.log
    health = exporter.get("/health")
    assert health.status == 500
    assert health.text.startswith("Failed to connect to broker: 'amqp://guest:")
    assert "p%40ss" not in health.text


def test_health_names_the_broker(vhost, exporter):
    assert exporter.get("/health").text == (
        "Connected to the broker "
        f"amqp://guest:**@127.0.0.1:{vhost.port}/{vhost.name}")


# Publishers

def test_giant_messages_cost_no_memory(vhost, exporter, publisher):
    publisher.settle(exporter)
    before = exporter.resident_bytes()

    publisher.body(b" " * 100_000_000)
    page = publisher.settle(exporter, 60)

    assert rejected(page) == {"size": 1}
    # What was drained while the loop was busy goes back after the burst.
    if not SANITIZED:
        wait_until(lambda: exporter.resident_bytes() - before < 3 << 20, 20)
    still_counts(exporter, vhost)


def test_message_of_many_frames_is_decoded(vhost, exporter, publisher):
    worker = Sender("w1@host-a")
    events = [worker.received(task_id(), "demo.add", args="x" * 4000)
              for _ in range(200)]

    publisher.send_list(events)

    assert received(publisher.settle(exporter)) == 200


def test_messages_that_are_no_events(vhost, exporter, publisher):
    publisher.body(b"x", content_type="application/x-python-serialize")
    publisher.body(b"{", )
    publisher.body(b"")
    publisher.body(b"{}", content_encoding="utf-16")
    publisher.body(b"x", application_headers={
        "compression": "application/x-gzip"})

    page = publisher.settle(exporter)

    assert rejected(page) == {"content_type": 1, "json": 2, "encoding": 1,
                              "compression": 1}
    still_counts(exporter, vhost)


class RawProperties(amqp.Message):
    """A message whose properties are bytes of our own."""

    raw = b""

    def _serialize_properties(self):
        return self.raw


def nested_table(depth):
    """The headers of a message, tables in tables."""
    parts = [struct.pack(">I", 7 * (depth - i)) + (b"\x01hF" if i < depth
                                                   else b"")
             for i in range(depth + 1)]
    return b"".join(parts)


def test_deeply_nested_headers(vhost, exporter, publisher):
    """As deep as a frame allows. What cannot be decoded is one message."""
    message = RawProperties(b"{}")
    message.raw = struct.pack(">H", 0x2000) + nested_table(18000)

    publisher.channel.basic_publish(message, "celeryev", "task.multi")

    page = publisher.settle(exporter)
    assert page.value("celery_exporter_broker_connects_total") == 1
    assert page.value("celery_exporter_messages_total") == 2
    still_counts(exporter, vhost)


# Faults

def test_connections_closed_by_the_administrator(vhost, exporter, publisher):
    publisher.settle(exporter)

    vhost.close_connections()

    exporter.wait_value(2, "celery_exporter_broker_connects_total")
    vhost.close()
    page = still_counts(exporter, vhost)
    assert reasons(page, "disconnects") == {"closed": 1}
    assert "CONNECTION_FORCED" in exporter.log


def test_event_queue_deleted(vhost, exporter, publisher):
    queue, = [row["name"] for row in vhost.queues("name")
              if row["name"].startswith("celeryev.")]

    vhost.rabbit.ctl("delete_queue", "-p", vhost.name, queue)

    exporter.wait_value(2, "celery_exporter_broker_connects_total")
    page = still_counts(exporter, vhost)
    assert page.value("celery_exporter_blind_seconds_total") < 1
    assert "somebody deleted our queue" in exporter.log


def test_vhost_deleted_and_made_again(rabbit, make_exporter):
    vhost = rabbit.vhost()
    exporter = make_exporter(vhost.url())

    rabbit.ctl("delete_vhost", vhost.name)
    exporter.wait_for(lambda p: down(p) and reasons(p, "connect_errors"))
    rabbit.ctl("add_vhost", vhost.name)
    rabbit.ctl("set_permissions", "-p", vhost.name, "guest", ".*", ".*", ".*")

    exporter.wait_connected()
    still_counts(exporter, vhost)
    vhost.close()


def test_broker_without_memory_still_delivers(own_rabbit, make_exporter):
    rabbit = own_rabbit
    vhost = rabbit.vhost()
    exporter = make_exporter(vhost.url())
    publisher = AmqpPublisher(vhost)
    worker = Sender("w1@host-a")
    publisher.send(worker.received(task_id(), "demo.add"))
    publisher.settle(exporter)

    rabbit.ctl("set_vm_memory_high_watermark", "0.0000001")
    stays(lambda: exporter.page().value(UP) == 1, 3)
    rabbit.ctl("set_vm_memory_high_watermark", "0.4")

    still_counts(exporter, vhost)
    assert exporter.page().value("celery_exporter_broker_connects_total") == 1


def test_server_frozen_killed_and_started_again(own_rabbit, make_exporter):
    rabbit = own_rabbit
    vhost = rabbit.vhost()
    exporter = make_exporter(vhost.url())
    still_counts(exporter, vhost)

    start = time.monotonic()
    rabbit.send_signal(signal.SIGSTOP)
    try:
        exporter.wait_for(down, 20)
        frozen_s = time.monotonic() - start
    finally:
        rabbit.send_signal(signal.SIGCONT)
    assert 8 < frozen_s < 12
    assert reasons(exporter.page(), "disconnects") == {"silent": 1}
    exporter.wait_connected(30)

    rabbit.kill()
    exporter.wait_for(down, 2)
    assert exporter.get("/health").status == 500
    vhost.close()
    rabbit.start()
    exporter.wait_connected(30)
    page = still_counts(exporter, vhost)
    assert received(page) == 2, "counters are kept"


def test_pause_longer_than_celerys_own_queues_allow_loses_nothing(
        vhost, exporter, publisher):
    worker = Sender("w1@host-a")
    publisher.settle(exporter)

    exporter.process.send_signal(signal.SIGSTOP)
    try:
        # More than the sockets hold; Celery's queues would drop it after 5 s.
        for _ in range(200):
            publisher.send_list([worker.received(task_id(), "demo.add",
                                                 args="x" * 2000)
                                 for _ in range(20)])
        stays(lambda: exporter.process.poll() is None, 6.5)
    finally:
        exporter.process.send_signal(signal.SIGCONT)

    page = publisher.settle(exporter)
    assert received(page) == 4000
    assert page.value("celery_exporter_broker_connects_total") == 1


def test_second_server_of_the_list_takes_over(vhost, make_exporter):
    url = f"amqp://127.0.0.1:{free_port()}/{vhost.name};" \
          f"amqp://127.0.0.1:{vhost.port}"

    exporter = make_exporter(url)

    assert reasons(exporter.page(), "connect_errors") == {"refused": 1}
    still_counts(exporter, vhost)


def test_traffic_in_one_byte_pieces(vhost, make_exporter):
    proxy = Proxy(vhost.port, 1)
    try:
        exporter = make_exporter(f"amqp://127.0.0.1:{proxy.port}/{vhost.name}")
        still_counts(exporter, vhost)
    finally:
        exporter.stop()
        proxy.stop()


# Servers that are none

def frame(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def short(text):
    return struct.pack("B", len(text)) + text


def method(class_id, method_id, rest=b"", channel=0):
    return frame(1, channel, struct.pack(">HH", class_id, method_id) + rest)


START = method(10, 10, b"\x00\x09" + struct.pack(">I", 0)
               + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5)
               + b"en_US")
TUNE = method(10, 30, struct.pack(">HIH", 2047, 131072, 60))
OPEN_OK = method(10, 41, b"\x00")
ESCAPES = b"\x1b[31m" * 51

HOSTILE = {
    "silent": ([], "timeout", "no answer"),
    "http": ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "protocol", "HTTP"),
    "redis": ([b"-ERR unknown command\r\n"], "protocol", "Redis"),
    "version": ([b"AMQP\x00\x00\x09\x00"], "protocol", "version"),
    "amqp-1.0": ([b"AMQP\x00\x01\x00\x00"], "protocol", "AMQP 1.0"),
    "garbage": ([b"\x00" * 100], "protocol", "not AMQP"),
    "frame-of-2-GiB": ([b"\x01\x00\x00\x7f\xff\xff\xff" + b"x" * 100],
                       "protocol", ""),
    "bad-end": ([START[:-1] + b"x"], "protocol", ""),
    "method-unknown": ([method(99, 99)], "protocol", ""),
    "tune-first": ([TUNE], "protocol", ""),
    "small-frames": ([START, method(10, 30, struct.pack(">HIH", 0, 100, 0))],
                     "protocol", "4096"),
    "one-channel": ([START, method(10, 30, struct.pack(">HIH", 1, 0, 0))],
                    "protocol", "channels"),
    "foreign-channel": ([START, TUNE, OPEN_OK + method(20, 11, b"\0" * 4,
                                                       59999)],
                        "protocol", "does not belong"),
    "unknown-frames": ([START, TUNE, OPEN_OK + frame(9, 0, b"x") * 100],
                       "protocol", ""),
    "close-with-escapes": ([START, method(10, 50, struct.pack(">H", 541)
                                          + short(ESCAPES)
                                          + b"\0" * 4)],
                           "error", "541 ?[31m?"),
    "closed-in-the-login": ([START, None], "closed", "during the login"),
}


class FakeServer:
    """Sends one part each time it has received something; None closes."""

    def __init__(self, parts):
        self.parts = parts
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,),
                             daemon=True).start()

    def talk(self, peer):
        with peer:
            try:
                for part in self.parts:
                    if not peer.recv(65536) or part is None:
                        return
                    peer.sendall(part)
                while peer.recv(65536):
                    pass
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_servers_that_misbehave(make_exporter, name):
    parts, reason, words = HOSTILE[name]
    server = FakeServer(parts)
    try:
        exporter = make_exporter(f"amqp://127.0.0.1:{server.port}//",
                                 connected=False)

        exporter.wait_for(lambda p: reasons(p, "connect_errors"))

        assert set(reasons(exporter.page(), "connect_errors")) == {reason}
        assert words in exporter.log
        assert "\x1b" not in exporter.log
    finally:
        server.close()
